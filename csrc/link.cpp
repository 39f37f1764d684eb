// The fusions, each a look at neighbouring ops.
#include "link.h"

namespace mlpcore {

Plan link_nodes(const Tape& tape) {
  const std::vector<Op>& ops = tape.ops;
  if (ops.empty() || ops[0].kind != OpKind::input)
    throw std::invalid_argument("the tape is empty: record an input first");
  if (tape.output < 0) throw std::invalid_argument("the tape has no output: mark one with output(x)");
  std::vector<int> readers(ops.size(), 0);
  for (const Op& op : ops)
    if (op.input >= 0) ++readers[op.input];
  for (size_t v = 0; v < ops.size(); ++v)
    if (readers[v] > 1) throw std::invalid_argument("value " + std::to_string(v) + " is read twice; a tape is a chain");

  Plan plan;
  std::vector<int> buffer(ops.size());
  const auto new_buffer = [&](int64_t width) {
    plan.buffers.push_back(width);
    return int(plan.buffers.size()) - 1;
  };
  buffer[0] = new_buffer(ops[0].width);
  for (size_t v = 1; v < ops.size(); ++v) {
    const Op& op = ops[v];
    const int x = op.input;
    Node node{.kind = op.kind,
              .from = buffer[x],
              .to = -1,
              .width = op.width,
              .activation = op.activation,
              .alpha = op.alpha};
    if (op.kind == OpKind::dense) {
      node.to = new_buffer(op.width);
      node.layer = int(plan.layers.size());
      plan.layers.push_back({ops[x].width, op.width, 0, int(plan.nodes.size())});
      node.needs_dx = node.layer > 0;
      if (node.needs_dx && plan.nodes.back().relu) node.masks_dx = plan.nodes.back().relu_masked = true;
    } else if (op.kind == OpKind::activation && op.activation == Activation::identity) {
      buffer[v] = buffer[x];
      continue;
    } else if (op.kind == OpKind::activation && op.activation == Activation::relu && ops[x].kind == OpKind::dense &&
               tape.output != x) {
      plan.nodes.back().relu = true;  // the chain's last node is the dense that made x
      buffer[v] = buffer[x];
      continue;
    } else {
      const bool in_place = x != 0 && tape.output != x &&
                            !(op.kind == OpKind::activation && derivative_needs_input(op.activation)) &&
                            !(op.kind == OpKind::dropout && ops[x].kind == OpKind::activation);
      node.to = in_place ? node.from : new_buffer(op.width);
    }
    buffer[v] = node.to;
    plan.nodes.push_back(node);
  }
  plan.output = buffer[tape.output];
  if (!tape.losses.empty()) {
    const LossOp& loss = tape.losses[0];
    plan.has_loss = true;
    plan.loss = loss.loss;
    plan.loss_at = buffer[loss.input];
    plan.loss_width = ops[loss.input].width;
    plan.loss_weight = loss.weight;
    plan.loss_clip = loss.clip;
    plan.gradient_at = plan.loss_at;
    if (loss.input != int(ops.size()) - 1) throw std::invalid_argument("the loss must read the tape's last value");
    if (loss.loss != Loss::squared_error) {
      plan.nodes.back().in_loss = true;
      plan.gradient_at = plan.nodes.back().from;
    }
  }
  return plan;
}

}  // namespace mlpcore
