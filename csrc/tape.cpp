// Recording: every op checks the values it reads, so that a tape that exists can be linked.
#include "tape.h"

#include <functional>

namespace mlpcore {

namespace {

void require(bool ok, const std::string& message) {
  if (!ok) throw std::invalid_argument(message);
}

constexpr int64_t kMost = int64_t(1) << 31;
constexpr int kMostArrays = 1 << 16;  // of targets or sample weights

// The product of positive sizes, refused where it would not be a width.
int64_t product(std::initializer_list<int64_t> sizes, const char* what) {
  int64_t size = 1;
  for (const int64_t s : sizes) {
    require(s > 0, std::string(what) + " needs sizes > 0, got " + std::to_string(s));
    require(!__builtin_mul_overflow(size, s, &size) && size < kMost, std::string(what) + " is too large");
  }
  return size;
}

std::string text(int64_t n) { return std::to_string(n); }
std::string text(double x) { return std::to_string(x); }

// Which of a pass's arrays.
void check_index(int i, int least, const char* what) {
  require(i >= least && i < kMostArrays, std::string(what) + " must be between " + text(int64_t(least)) + " and " +
                                             text(int64_t(kMostArrays - 1)) + ", got " + text(int64_t(i)));
}

}  // namespace

const Op& Tape::value(int x) const {
  require(x >= 0 && x < int(ops.size()),
          "the tape has no value " + text(int64_t(x)) + ", it has " + text(int64_t(ops.size())));
  return ops[x];
}

const Declaration& Tape::declaration(int p) const {
  require(p >= 0 && p < int(parameters.size()),
          "the tape has no parameter " + text(int64_t(p)) + ", it has " + text(int64_t(parameters.size())));
  return parameters[p];
}

int Tape::add(Op op) {
  require(op.width > 0 && op.width < kMost, "width must be between 1 and 2^31 - 1, got " + text(op.width));
  for (const int x : op.inputs) value(x);
  ops.push_back(std::move(op));
  return int(ops.size()) - 1;
}

int Tape::add_like(OpKind kind, int x, int index, double alpha) {
  const Op& of = value(x);
  return add({.kind = kind, .inputs = {x}, .width = of.width, .batched = of.batched, .index = index, .alpha = alpha});
}

int Tape::add_dense(int64_t in, int64_t out, bool bias, bool trainable) {
  require(in > 0 && in < kMost && out > 0 && out < kMost,
          "a dense layer needs widths between 1 and 2^31 - 1, got " + text(in) + " and " + text(out));
  parameters.push_back({true, in, out, bias, trainable});
  return int(parameters.size()) - 1;
}

int Tape::add_parameter(int64_t size, bool trainable) {
  require(size > 0 && size < kMost, "a parameter's size must be between 1 and 2^31 - 1, got " + text(size));
  parameters.push_back({false, size, 1, false, trainable});
  return int(parameters.size()) - 1;
}

int Tape::input(int64_t width) {
  const int v = add({.kind = OpKind::input, .width = width, .index = inputs});
  ++inputs;
  return v;
}

int Tape::target(int index, int64_t width) {
  check_index(index, 0, "a target's index");
  return add({.kind = OpKind::target, .width = width, .index = index});
}

int Tape::constant(std::vector<double> values) {
  const auto width = int64_t(values.size());
  return add({.kind = OpKind::constant, .width = width, .batched = false, .values = std::move(values)});
}

int Tape::parameter(int p, Part part) {
  const Declaration& d = declaration(p);
  require(part == Part::kernel || (d.dense && d.bias), "parameter " + text(int64_t(p)) + " has no bias");
  for (size_t v = 0; v < ops.size(); ++v)  // one value each, so that its gradient has one place
    if (ops[v].kind == OpKind::parameter && ops[v].index == p && ops[v].part == part) return int(v);
  const int64_t width = part == Part::bias ? d.out : product({d.in, d.out}, "a parameter's value");
  return add({.kind = OpKind::parameter, .width = width, .batched = false, .index = p, .part = part});
}

int Tape::n_rows() { return add({.kind = OpKind::n_rows, .width = 1, .batched = false}); }

int Tape::apply(int x, int p) {
  const Declaration& d = declaration(p);
  const Op& of = value(x);
  require(d.dense, "parameter " + text(int64_t(p)) + " is not of a dense layer");
  require(of.width % d.in == 0, "dense parameter " + text(int64_t(p)) + " takes a multiple of " + text(d.in) +
                                    " columns, got " + text(of.width));
  return add({.kind = OpKind::dense,
              .inputs = {x},
              .width = product({of.width / d.in, d.out}, "a dense layer's output"),
              .batched = of.batched,
              .index = p});
}

int Tape::dense(int x, int64_t units, bool trainable) {
  const int64_t in = value(x).width;
  return apply(x, add_dense(in, units, true, trainable));
}

int Tape::activation(int x, Activation f, double alpha, int64_t last) {
  const int64_t width = value(x).width;
  if (last == 0 || f != Activation::softmax) last = width;
  require(last > 0 && width % last == 0, "softmax over " + text(last) + " columns does not divide " + text(width));
  const int v = add_like(OpKind::activation, x, int(f), alpha);
  ops[v].sizes = {last};
  return v;
}

int Tape::dropout(int x, double rate) {
  require(rate >= 0 && rate < 1, "dropout rate must be in [0, 1), got " + text(rate));
  return add_like(OpKind::dropout, x, 0, rate);
}

int Tape::gaussian_noise(int x, double stddev) {
  require(stddev >= 0, "the noise's standard deviation must be >= 0, got " + text(stddev));
  return add_like(OpKind::gaussian_noise, x, 0, stddev);
}

int Tape::unary(int x, Unary f) { return add_like(OpKind::unary, x, int(f)); }
int Tape::stop_gradient(int x) { return add_like(OpKind::stop_gradient, x); }

int Tape::binary(int a, int b, Binary f) {
  const Op &x = value(a), &y = value(b);
  require(x.width == y.width || x.width == 1 || y.width == 1,
          "widths must be equal or 1, got " + text(x.width) + " and " + text(y.width));
  return add({.kind = OpKind::binary,
              .inputs = {a, b},
              .width = std::max(x.width, y.width),
              .batched = x.batched || y.batched,
              .index = int(f)});
}

int Tape::where(int condition, int a, int b) {
  int64_t width = 1;
  bool batched = false;
  for (const int v : {condition, a, b}) {
    const Op& of = value(v);
    require(of.width == 1 || width == 1 || of.width == width,
            "widths must be equal or 1, got " + text(width) + " and " + text(of.width));
    width = std::max(width, of.width);
    batched = batched || of.batched;
  }
  return add({.kind = OpKind::where, .inputs = {condition, a, b}, .width = width, .batched = batched});
}

int Tape::view(int x, const std::vector<int64_t>& dims, const std::vector<int64_t>& strides, int64_t offset) {
  const Op& of = value(x);
  require(dims.size() == strides.size() && dims.size() <= 8, "a view has as many strides as dims, at most 8");
  require(offset >= 0 && offset < of.width,
          "a view's offset must be in [0, " + text(of.width) + "), got " + text(offset));
  int64_t width = 1, low = offset, high = offset;
  for (size_t i = 0; i < dims.size(); ++i) {
    width = product({width, dims[i]}, "a view");
    require(strides[i] > -kMost && strides[i] < kMost, "a view's strides are too large");
    (strides[i] < 0 ? low : high) += strides[i] * (dims[i] - 1);
  }
  require(low >= 0 && high < of.width,
          "a view must stay within its " + text(of.width) + " columns, got " + text(low) + " to " + text(high));
  std::vector<int64_t> sizes = dims;
  sizes.insert(sizes.end(), strides.begin(), strides.end());
  sizes.push_back(offset);
  return add({.kind = OpKind::view, .inputs = {x}, .width = width, .batched = of.batched, .sizes = std::move(sizes)});
}

int Tape::concat(const std::vector<int>& xs, int64_t outer) {
  require(!xs.empty(), "concat needs at least one value");
  require(outer > 0, "outer must be > 0, got " + text(outer));
  int64_t width = 0;
  bool batched = false;
  for (const int x : xs) {
    const Op& of = value(x);
    require(of.width % outer == 0, "outer " + text(outer) + " does not divide " + text(of.width));
    width += of.width;
    batched = batched || of.batched;
  }
  return add({.kind = OpKind::concat, .inputs = xs, .width = width, .batched = batched, .sizes = {outer}});
}

int Tape::reduce(int x, Reduction f, int64_t outer, int64_t n, int64_t inner) {
  const Op& of = value(x);
  require(product({outer, n, inner}, "reduce") == of.width, "outer * n * inner must be " + text(of.width) + ", got " +
                                                                text(outer) + " * " + text(n) + " * " + text(inner));
  return add({.kind = OpKind::reduce,
              .inputs = {x},
              .width = outer * inner,
              .batched = of.batched,
              .index = int(f),
              .sizes = {outer, n, inner}});
}

int Tape::over_rows(int x, Reduction f) {
  const Op& of = value(x);
  require(of.batched, "over_rows needs a batched value");
  return add({.kind = OpKind::over_rows, .inputs = {x}, .width = of.width, .batched = false, .index = int(f)});
}

int Tape::matmul(int a, int b, int64_t m, int64_t k, int64_t n) {
  const Op &x = value(a), &y = value(b);
  require(product({m, k}, "matmul") == x.width && product({k, n}, "matmul") == y.width,
          "matmul of (" + text(m) + ", " + text(k) + ") and (" + text(k) + ", " + text(n) + ") got widths " +
              text(x.width) + " and " + text(y.width));
  return add({.kind = OpKind::matmul,
              .inputs = {a, b},
              .width = product({m, n}, "matmul"),
              .batched = x.batched || y.batched,
              .sizes = {m, k, n}});
}

int Tape::take(int table, int index, int64_t dim) {
  const Op &t = value(table), &i = value(index);
  require(!t.batched, "take needs an unbatched table");
  require(dim > 0 && t.width % dim == 0, "rows of " + text(dim) + " do not divide a table of " + text(t.width));
  return add({.kind = OpKind::take,
              .inputs = {table, index},
              .width = product({i.width, dim}, "take"),
              .batched = i.batched,
              .sizes = {dim}});
}

int Tape::one_hot(int x, int64_t n) {
  const Op& of = value(x);
  return add({.kind = OpKind::one_hot,
              .inputs = {x},
              .width = product({of.width, n}, "one_hot"),
              .batched = of.batched,
              .sizes = {n}});
}

void Tape::assign(int p, int v) {
  const Declaration& d = declaration(p);
  const Op& of = value(v);
  require(!d.dense, "only parameters of add_parameter can be assigned to");
  require(!of.batched && of.width == d.in, "parameter " + text(int64_t(p)) + " takes an unbatched value of width " +
                                               text(d.in) + ", got " + text(of.width));
  assignments.push_back({p, v});
}

void Tape::set_output(int x) {
  value(x);
  outputs.push_back(x);
}

void Tape::loss(LossOp loss) {
  const Op& op = value(loss.input);
  if (loss.form == LossOp::Form::rows)
    require(op.batched && op.width == 1, "a row loss is batched and 1 wide, got width " + text(op.width));
  if (loss.form == LossOp::Form::scalar)
    require(!op.batched && op.width == 1, "a scalar loss is unbatched and 1 wide, got width " + text(op.width));
  if (loss.form == LossOp::Form::kernel) require(op.batched, "a loss needs a batched value");
  check_index(loss.target, 0, "a target's index");
  check_index(loss.sample_weight, -1, "sample_weight");
  require(loss.delta > 0, "delta must be > 0, got " + text(loss.delta));
  require(loss.gamma >= 0, "gamma must be >= 0, got " + text(loss.gamma));
  require(loss.smoothing >= 0 && loss.smoothing <= 1, "label_smoothing must be in [0, 1], got " + text(loss.smoothing));
  require((loss.loss == Loss::quantile) == !loss.quantiles.empty(),
          "the loss quantile, and no other, takes quantiles: at least one");
  for (double q : loss.quantiles) require(q > 0 && q < 1, "quantiles must be in (0, 1), got " + text(q));
  const auto n = int64_t(loss.quantiles.size());
  require(n == 0 || op.width % n == 0, "the loss quantile needs a column per target and quantile: a multiple of " +
                                           text(n) + ", got " + text(op.width));
  losses.push_back(std::move(loss));
}

void Tape::penalty(int p, double l1, double l2) {
  require(declaration(p).dense, "a penalty is on the kernel of a dense layer");
  require(l1 >= 0 && l2 >= 0, "penalties must be >= 0, got " + text(l1) + " and " + text(l2));
  penalties.push_back({p, l1, l2});
}

void Tape::total(int x, int sample_weight) {
  require(value(x).batched, "a total sums the rows of a batched value");
  check_index(sample_weight, -1, "sample_weight");
  totals.push_back({x, sample_weight});
}

size_t Tape::hash() const {
  size_t h = ops.size();
  const auto mix = [&](auto x) { h = (h ^ std::hash<decltype(x)>()(x)) * 0x9e3779b97f4a7c15u; };
  for (const Op& op : ops) {
    mix(int(op.kind));
    mix(op.width);
    mix(op.index);
    mix(op.alpha);
    for (const int x : op.inputs) mix(x);
  }
  for (const LossOp& loss : losses) mix(loss.input);
  for (const int x : outputs) mix(x);
  for (const Total& t : totals) mix(t.input);
  return h;
}

}  // namespace mlpcore
