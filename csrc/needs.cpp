// One look forward for what is trained, one back for what is needed, one for the readers.
#include "needs.h"

namespace mlpcore {

// Whether the gradient of an op's value passes on to its input i.
bool passes_gradient(const Op& op, size_t i) {
  switch (op.kind) {
    case OpKind::unary: return has_gradient(Unary(op.index));
    case OpKind::binary: return has_gradient(Binary(op.index));
    case OpKind::reduce:
    case OpKind::over_rows: return has_gradient(Reduction(op.index));
    case OpKind::where: return i > 0;
    case OpKind::take: return i == 0;
    case OpKind::one_hot:
    case OpKind::stop_gradient: return false;
    default: return true;
  }
}

Needs::Needs(const Tape& tape, bool fuses) : ops_(tape.ops), fuses_(fuses) {
  find_needs(tape);
  count_readers(tape);
}

bool Needs::is_alias(int v) const {
  const Op& op = ops_[v];
  return fuses_ && (op.kind == OpKind::stop_gradient ||
                    (op.kind == OpKind::activation && op.activation() == Activation::identity));
}

void Needs::find_needs(const Tape& tape) {
  const size_t n = ops_.size();
  learns.assign(n, false);
  reached.assign(n, false);
  needed.assign(n, !fuses_);
  predicts.assign(n, false);
  for (size_t v = 0; v < n; ++v) {
    const Op& op = ops_[v];
    if (op.kind == OpKind::input) {
      learns[v] = !fuses_;
      needed[v] = true;  // inputs are numbered
    }
    if (op.kind == OpKind::parameter || op.kind == OpKind::dense) learns[v] = tape.parameters[op.index].trainable;
    for (size_t i = 0; i < op.inputs.size(); ++i)
      if (passes_gradient(op, i) && learns[op.inputs[i]]) learns[v] = true;
  }
  const auto mark = [&](std::vector<char>& set, int v) { set[v] = true; };
  for (const int v : tape.outputs) {
    mark(needed, v);
    mark(predicts, v);
    if (!fuses_) mark(reached, v);
  }
  for (const LossOp& loss : tape.losses) {
    mark(needed, loss.input);
    mark(reached, loss.input);
  }
  for (const Total& t : tape.totals) mark(needed, t.input);
  for (const Assignment& a : tape.assignments) mark(needed, a.value);
  for (size_t v = n; v-- > 0;)
    for (size_t i = 0; i < ops_[v].inputs.size(); ++i) {
      const int x = ops_[v].inputs[i];
      if (needed[v]) mark(needed, x);
      if (predicts[v]) mark(predicts, x);
      if (reached[v] && passes_gradient(ops_[v], i)) mark(reached, x);
    }
}

void Needs::count_readers(const Tape& tape) {
  const size_t n = ops_.size();
  root.resize(n);
  readers.assign(n, 0);
  gradient_readers.assign(n, 0);
  for (size_t v = 0; v < n; ++v) {
    root[v] = is_alias(int(v)) ? root[ops_[v].inputs[0]] : int(v);
    if (is_alias(int(v)) || !needed[v]) continue;
    for (size_t i = 0; i < ops_[v].inputs.size(); ++i) {
      const int x = ops_[v].inputs[i];
      ++readers[root[x]];
      if (gradient(int(v)) && gradient(x) && passes_gradient(ops_[v], i)) ++gradient_readers[root[x]];
    }
  }
  for (const int v : tape.outputs) ++readers[root[v]];
  for (const Total& t : tape.totals) ++readers[root[t.input]];
  for (const Assignment& a : tape.assignments) ++readers[root[a.value]];
  for (const LossOp& loss : tape.losses) {
    ++readers[root[loss.input]];
    ++gradient_readers[root[loss.input]];
  }
}

}  // namespace mlpcore
