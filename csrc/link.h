// Linking: Tape -> Plan, the list of kernel calls with fusions made and buffers assigned, still without memory.
#pragma once
#include <new>

#include "tape.h"

namespace mlpcore {

// A dense layer of the plan, its node, and where its packed weights begin, in elements.
struct DenseLayer {
  int64_t in, out, offset;
  int node;
  bool trainable;
};

// One step of the forward pass and its counterpart of the backward pass.
struct Node {
  OpKind kind;
  int from, to;    // buffers read and written
  int64_t width;   // of `to`
  int op;          // of the tape
  int layer = -1;  // dense: which DenseLayer
  Activation activation = Activation::identity;
  double alpha = 0;
  bool relu = false;         // dense: relu applied in the epilogue of the forward product
  bool relu_masked = false;  // dense: the next layer's dx applies relu's derivative
  bool needs_dx = false;     // the gradient of `from` is wanted
  bool masks_dx = false;     // dense: `from` is a relu's output and its derivative is applied in the epilogue of dx
  bool in_loss = false;      // activation: its derivative is part of the loss
};

struct Plan {
  std::vector<Node> nodes;
  std::vector<DenseLayer> layers;
  std::vector<int64_t> buffers;   // width of each; 0 is the input
  std::vector<int> buffer_of_op;  // where each of the tape's values is (with fusions: was, for those overwritten)
  int output = -1;                // buffer
  bool has_loss = false;
  LossOp loss;
  int loss_at = -1;      // buffer the loss reads
  int gradient_at = -1;  // buffer whose gradient the loss writes
  int64_t loss_width = 0, target_width = 0;

  // Whether the input is read by products only, which take the user's row-major rows as they are.
  bool dense_first() const { return !nodes.empty() && nodes[0].kind == OpKind::dense && output != 0; }
};

// Fusions::all fuses dense + relu, activation + loss and relu's derivative into dx, runs activations in place and plans
// no gradient that nobody needs; Fusions::none keeps every value of the tape and plans the gradient of each.
// packed_size(in, out) gives a layer's weights in elements.
enum class Fusions { all, none };
template <class PackedSize>
Plan link(const Tape& tape, Fusions fusions, PackedSize packed_size);

Plan link_nodes(const Tape& tape, Fusions fusions);

template <class PackedSize>
Plan link(const Tape& tape, Fusions fusions, PackedSize packed_size) {
  Plan plan = link_nodes(tape, fusions);
  int64_t offset = 0;
  for (DenseLayer& layer : plan.layers) {
    layer.offset = offset;
    if (__builtin_add_overflow(offset, packed_size(layer.in, layer.out), &offset)) throw std::bad_alloc();
  }
  return plan;
}

}  // namespace mlpcore
