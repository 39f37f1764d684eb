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

struct Op {
  OpKind kind;
  int input = -1;  // the value it reads
  int64_t width = 0;
  Activation activation = Activation::identity;
  double alpha = 0;       // the activation's parameter, or dropout's rate
  bool trainable = true;  // dense
};

struct LossOp {
  Loss loss;
  int input = -1;
  double weight = 1, clip = 0;
  double delta = 1;                 // huber: |p - y| where the square becomes a line
  std::vector<double> quantiles;    // quantile: column t * quantiles + j of the input is quantile j of target t
  double gamma = 0, smoothing = 0;  // cross entropies: focal exponent, label smoothing
  double alpha_1 = 1, alpha_0 = 1;  // cross entropies: weights of targets 1 and 0
};

struct Tape {
  std::vector<Op> ops;
  std::vector<LossOp> losses;
  int output = -1;

  int input(int64_t width);
  int dense(int x, int64_t units, bool trainable = true);
  int activation(int x, Activation f, double alpha);
  int dropout(int x, double rate);
  void set_output(int x);
  void loss(LossOp loss);

 private:
  int add(Op op);
  const Op& value(int x) const;
};

}  // namespace mlpcore
