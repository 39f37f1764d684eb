// Recording: every op checks the values it reads, so that a tape that exists can be linked.
#include "tape.h"

namespace mlpcore {

namespace {
void require(bool ok, const std::string& message) {
  if (!ok) throw std::invalid_argument(message);
}
}  // namespace

const Op& Tape::value(int x) const {
  require(x >= 0 && x < int(ops.size()),
          "the tape has no value " + std::to_string(x) + ", it has " + std::to_string(ops.size()));
  return ops[x];
}

int Tape::add(Op op) {
  require(op.width > 0 && op.width < (int64_t(1) << 31),
          "width must be between 1 and 2^31 - 1, got " + std::to_string(op.width));
  ops.push_back(op);
  return int(ops.size()) - 1;
}

int Tape::input(int64_t width) {
  require(ops.empty(), "a tape has one input, recorded first");
  return add({.kind = OpKind::input, .width = width});
}

int Tape::dense(int x, int64_t units, bool trainable) {
  value(x);
  return add({.kind = OpKind::dense, .input = x, .width = units, .trainable = trainable});
}

int Tape::activation(int x, Activation f, double alpha) {
  return add({.kind = OpKind::activation, .input = x, .width = value(x).width, .activation = f, .alpha = alpha});
}

int Tape::dropout(int x, double rate) {
  require(rate >= 0 && rate < 1, "dropout rate must be in [0, 1), got " + std::to_string(rate));
  return add({.kind = OpKind::dropout, .input = x, .width = value(x).width, .alpha = rate});
}

void Tape::set_output(int x) {
  value(x);
  output = x;
}

void Tape::loss(LossOp loss) {
  const auto show = [](double v) { return std::to_string(v); };
  const Op& op = value(loss.input);
  require(losses.empty(), "a tape has one loss");
  require(loss.delta > 0, "delta must be > 0, got " + show(loss.delta));
  require(loss.gamma >= 0, "gamma must be >= 0, got " + show(loss.gamma));
  require(loss.smoothing >= 0 && loss.smoothing < 1, "label_smoothing must be in [0, 1), got " + show(loss.smoothing));
  require((loss.loss == Loss::quantile) == !loss.quantiles.empty(),
          "the loss quantile, and no other, takes quantiles: at least one");
  for (double q : loss.quantiles) require(q > 0 && q < 1, "quantiles must be in (0, 1), got " + show(q));
  const auto n = int64_t(loss.quantiles.size());
  require(n == 0 || op.width % n == 0, "the loss quantile needs a column per target and quantile: a multiple of " +
                                           std::to_string(n) + ", got " + std::to_string(op.width));
  losses.push_back(std::move(loss));
}

}  // namespace mlpcore
