// The fusions, each a look at neighbouring ops.
#include "link.h"

#include <algorithm>

namespace mlpcore {

namespace {

void check(const Tape& tape) {
  const std::vector<Op>& ops = tape.ops;
  if (ops.empty() || ops[0].kind != OpKind::input)
    throw std::invalid_argument("the tape is empty: record an input first");
  if (tape.output < 0) throw std::invalid_argument("the tape has no output: mark one with output(x)");
  std::vector<int> readers(ops.size(), 0);
  for (const Op& op : ops)
    if (op.input >= 0) ++readers[op.input];
  for (size_t v = 0; v < ops.size(); ++v)
    if (readers[v] > 1) throw std::invalid_argument("value " + std::to_string(v) + " is read twice; a tape is a chain");
  if (!tape.losses.empty() && tape.losses[0].input != int(ops.size()) - 1)
    throw std::invalid_argument("the loss must read the tape's last value");
}

}  // namespace

Plan link_nodes(const Tape& tape, Fusions fusions) {
  check(tape);
  const std::vector<Op>& ops = tape.ops;
  const bool fuses = fusions == Fusions::all;
  Plan plan;
  std::vector<int>& buffer = plan.buffer_of_op;
  buffer.resize(ops.size());
  std::vector<int> maker(ops.size(), 0);  // the op that computed the value: not an identity
  enum class Read { no, sign, value };
  std::vector<Read> read;  // what derivatives read of each buffer
  const auto new_buffer = [&](int64_t width) {
    plan.buffers.push_back(width);
    read.push_back(Read::no);
    return int(plan.buffers.size()) - 1;
  };
  buffer[0] = new_buffer(ops[0].width);
  bool learns = false;  // whether a layer so far is trainable
  for (size_t v = 1; v < ops.size(); ++v) {
    const Op& op = ops[v];
    const int x = op.input;
    const Op& made_x = ops[maker[x]];
    maker[v] = int(v);
    const bool x_is_output = tape.output <= x && buffer[tape.output] == buffer[x];
    Node node{.kind = op.kind,
              .from = buffer[x],
              .to = -1,
              .width = op.width,
              .op = int(v),
              .activation = op.activation,
              .alpha = op.alpha,
              .needs_dx = learns || !fuses};
    if (op.kind == OpKind::dense) {
      node.to = new_buffer(op.width);
      node.layer = int(plan.layers.size());
      plan.layers.push_back({ops[x].width, op.width, 0, int(plan.nodes.size()), op.trainable});
      if (node.needs_dx && !plan.nodes.empty() && plan.nodes.back().relu)
        node.masks_dx = plan.nodes.back().relu_masked = true;
      learns = learns || op.trainable;
    } else if (fuses && op.kind == OpKind::activation && op.activation == Activation::identity) {
      buffer[v] = buffer[x];
      maker[v] = maker[x];
      continue;
    } else if (fuses && op.kind == OpKind::activation && op.activation == Activation::relu &&
               made_x.kind == OpKind::dense && !x_is_output) {
      plan.nodes.back().relu = true;  // the chain's last node is the dense that made x
      read[buffer[x]] = Read::sign;
      buffer[v] = buffer[x];
      continue;
    } else {
      const bool dropout = op.kind == OpKind::dropout, reads_x = !dropout && derivative_needs_input(op.activation);
      const Read x_read = read[buffer[x]];  // dropout leaves signs
      const bool in_place = fuses && buffer[x] != 0 && !x_is_output && !reads_x &&
                            (x_read == Read::no || (dropout && x_read == Read::sign));
      node.to = in_place ? node.from : new_buffer(op.width);
      if (!dropout && !reads_x) read[node.to] = op.activation == Activation::relu ? Read::sign : Read::value;
    }
    buffer[v] = node.to;
    plan.nodes.push_back(node);
  }
  plan.output = buffer[tape.output];
  if (tape.losses.empty()) return plan;
  plan.has_loss = true;
  plan.loss = tape.losses[0];
  const int last = plan.loss.input;
  plan.loss_at = plan.gradient_at = buffer[last];
  plan.loss_width = ops[last].width;
  plan.target_width = plan.loss_width / std::max(int64_t(1), int64_t(plan.loss.quantiles.size()));
  const Op& made = ops[maker[last]];
  if (fuses && made.kind == OpKind::activation && made.activation == partner(plan.loss.loss)) {
    plan.nodes.back().in_loss = true;
    plan.gradient_at = plan.nodes.back().from;
  }
  return plan;
}

}  // namespace mlpcore
