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

int Tape::dense(int x, int64_t units) {
  value(x);
  return add({.kind = OpKind::dense, .input = x, .width = units});
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

void Tape::loss(int x, Loss loss, double weight, double clip) {
  const Op& op = value(x);
  const auto made_by = [&](Activation f) { return op.kind == OpKind::activation && op.activation == f; };
  require(loss != Loss::cross_entropy || made_by(Activation::softmax), "cross_entropy reads the value of a softmax");
  require(loss != Loss::binary_cross_entropy || made_by(Activation::logistic),
          "binary_cross_entropy reads the value of a logistic");
  require(loss != Loss::poisson || made_by(Activation::exp), "poisson reads the value of an exp");
  require(losses.empty(), "a tape has one loss");
  losses.push_back({loss, x, weight, clip});
}

}  // namespace mlpcore
