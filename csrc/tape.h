// A tape: what a model computes, with no memory, no batch size and no element type.
//
// Values are matrices (rows, width) named by their index; each op makes one value from earlier ones.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.h"

namespace mlpcore {

enum class OpKind { input, dense, activation, dropout };
enum class Loss { cross_entropy, binary_cross_entropy, squared_error, poisson };

struct Op {
  OpKind kind;
  int input = -1;  // the value it reads
  int64_t width = 0;
  Activation activation = Activation::identity;
  double alpha = 0;  // the activation's parameter, or dropout's rate
};

struct LossOp {
  Loss loss;
  int input;
  double weight, clip;
};

struct Tape {
  std::vector<Op> ops;
  std::vector<LossOp> losses;
  int output = -1;

  int input(int64_t width);
  int dense(int x, int64_t units);
  int activation(int x, Activation f, double alpha);
  int dropout(int x, double rate);
  void set_output(int x);
  void loss(int x, Loss loss, double weight, double clip);

 private:
  int add(Op op);
  const Op& value(int x) const;
};

}  // namespace mlpcore
