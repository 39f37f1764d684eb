// A tape: what a model computes, with no memory, no batch size and no element type.
//
// Values are matrices named by their index; each op makes one value from earlier ones. A batched value has a row for each
// row of the batch, an unbatched one has a single row. Shapes beyond the width are the ops' own: row-major within a row.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.h"

namespace mlpcore {

enum class OpKind {
  input,
  target,
  constant,
  parameter,
  n_rows,
  dense,
  activation,
  dropout,
  gaussian_noise,
  unary,
  binary,
  where,
  view,
  concat,
  reduce,
  over_rows,
  matmul,
  take,
  one_hot,
  stop_gradient,
};

enum class Part { kernel, bias };

struct Op {
  OpKind kind;
  std::vector<int> inputs = {};  // the values it reads
  int64_t width = 0;
  bool batched = true;
  int index = 0;  // which input, target or parameter; or the enumerator of the activation, unary, binary or reduction
  Part part = Part::kernel;  // parameter
  double alpha = 0;          // the activation's parameter, dropout's rate, the noise's standard deviation
  std::vector<int64_t> sizes =
      {};  // activation: {last}; concat: {outer}; reduce: {outer, n, inner}; matmul: {m, k, n};
           // take: {dim}; one_hot: {n}; view: dims, then as many strides, then the offset
  std::vector<double> values = {};  // constant

  Activation activation() const { return Activation(index); }
  bool operator==(const Op&) const = default;
};

// A parameter: of a dense layer (in, out) with its bias (out), or any other, flat.
struct Declaration {
  bool dense;
  int64_t in, out;  // of another: its size, 1
  bool bias, trainable;

  // How many arrays Python has of it.
  int arrays() const { return dense && bias ? 2 : 1; }
  bool same_memory(const Declaration& d) const {
    return dense == d.dense && in == d.in && out == d.out && bias == d.bias;
  }
  bool operator==(const Declaration&) const = default;
};

struct LossOp {
  Loss loss = Loss::squared_error;
  int input = -1;
  double weight = 1, clip = 0;
  double delta = 1;                    // huber: |p - y| where the square becomes a line
  std::vector<double> quantiles = {};  // quantile: column t * quantiles + j of the input is quantile j of target t
  double gamma = 0, smoothing = 0;     // cross entropies: focal exponent, label smoothing
  double alpha_1 = 1, alpha_0 = 1;     // cross entropies: weights of targets 1 and 0
  int target = 0, sample_weight = -1;  // which of a pass's arrays
  enum class Form { kernel, rows, scalar } form = Form::kernel;  // rows, scalar: the input is the loss

  bool operator==(const LossOp&) const = default;
};

// Sums over the rows of a value, weighted.
struct Total {
  int input, sample_weight;
  bool operator==(const Total&) const = default;
};

// After a step of training, parameter := value.
struct Assignment {
  int parameter, value;
  bool operator==(const Assignment&) const = default;
};

// l1 sum|w| + l2 sum w^2 of a dense layer's kernel, part of the loss.
struct KernelPenalty {
  int parameter;
  double l1, l2;
  bool operator==(const KernelPenalty&) const = default;
};

struct Tape {
  std::vector<Op> ops;
  std::vector<Declaration> parameters;
  std::vector<LossOp> losses;
  std::vector<Total> totals;
  std::vector<Assignment> assignments;
  std::vector<KernelPenalty> penalties;
  std::vector<int> outputs;
  int inputs = 0;

  int add_dense(int64_t in, int64_t out, bool bias, bool trainable);
  int add_parameter(int64_t size, bool trainable);

  int input(int64_t width);
  int target(int index, int64_t width);
  int constant(std::vector<double> values);
  int parameter(int p, Part part);
  int n_rows();
  int apply(int x, int p);
  int dense(int x, int64_t units, bool trainable = true);
  int activation(int x, Activation f, double alpha, int64_t last = 0);
  int dropout(int x, double rate);
  int gaussian_noise(int x, double stddev);
  int unary(int x, Unary f);
  int binary(int a, int b, Binary f);
  int where(int condition, int a, int b);
  int view(int x, const std::vector<int64_t>& dims, const std::vector<int64_t>& strides, int64_t offset);
  int concat(const std::vector<int>& xs, int64_t outer);
  int reduce(int x, Reduction f, int64_t outer, int64_t n, int64_t inner);
  int over_rows(int x, Reduction f);
  int matmul(int a, int b, int64_t m, int64_t k, int64_t n);
  int take(int table, int index, int64_t dim);
  int one_hot(int x, int64_t n);
  int stop_gradient(int x);

  void assign(int p, int value);
  void set_output(int x);
  void loss(LossOp loss);
  void penalty(int p, double l1, double l2);
  void total(int x, int sample_weight);

  bool operator==(const Tape&) const = default;
  size_t hash() const;

  const Op& value(int x) const;
  const Declaration& declaration(int p) const;

 private:
  int add(Op op);
  int add_like(OpKind kind, int x, int index = 0, double alpha = 0);  // of x's width
};

}  // namespace mlpcore
