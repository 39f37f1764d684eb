// Linking: Tape -> Plan, the list of kernel calls with fusions made and buffers assigned, still without memory.
#pragma once
#include <new>

#include "tape.h"

namespace mlpcore {

// Where a value lies: in panels, or plain, which is row-major without padding.
enum class Layout { panels, plain };

struct Buffer {
  int64_t width = 0;   // columns
  int64_t groups = 1;  // so many rows of the buffer are one row of the batch
  bool batched = true;
  Layout layout = Layout::panels;
  bool gradient = false;  // whether its gradient is wanted

  int64_t rows(int64_t batch) const { return (batched ? batch : 1) * groups; }
};

// A parameter in the plan: where its packed values begin, in elements, and where its gradient comes from.
struct Layer {
  Declaration declared;
  int64_t in, out;         // of another than a dense one: its size, 1
  int64_t offset, size;    // of the packed values
  std::vector<int> uses;   // nodes: products whose gradient it needs
  int read[2] = {-1, -1};  // buffers: kernel and bias as plain values with a gradient
  double l1 = 0, l2 = 0;   // KernelPenalty

  bool is_dense() const { return declared.dense; }
  bool is_penalised() const { return l1 != 0 || l2 != 0; }
  bool learns() const {
    return declared.trainable && (!uses.empty() || read[0] >= 0 || read[1] >= 0 || is_penalised());
  }
  // Whether its gradient comes from one product, which can apply the step in its registers.
  bool is_fused() const { return uses.size() == 1 && read[0] < 0 && read[1] < 0; }
};

enum class Move { none, to_plain, to_panels };

// One step of the forward pass and its counterpart of the backward pass.
struct Node {
  OpKind kind;
  std::vector<int> inputs;  // buffers read
  int to = -1;              // buffer written
  int op = -1;              // of the tape
  Move move = Move::none;   // another layout of the op's value, not the op itself
  int layer = -1;           // dense: which Layer
  Activation activation = Activation::identity;
  double alpha = 0;
  int index = 0;  // as Op's, of plain ops
  Part part = Part::kernel;
  std::vector<int64_t> sizes = {};
  bool relu = false;             // dense: relu applied in the epilogue of the forward product
  bool relu_masked = false;      // dense: the next layer's dx applies relu's derivative
  bool masks_dx = false;         // dense: `from` is a relu's output and its derivative is applied in the epilogue of dx
  bool in_loss = false;          // activation: its derivative is part of the loss
  bool has_gradient = false;     // the gradient of `to` is known
  std::vector<char> wants = {};  // for each input: whether its gradient is wanted
  int spare = -1;                // buffer for a gradient that is to be added to the input's
  std::vector<char> adds = {};   // columns side by side in panels, for each input: whether to add to its gradient
  bool predicts = false;         // an output needs it

  int from() const { return inputs.empty() ? -1 : inputs[0]; }
  bool needs_dx() const {
    for (const char w : wants)
      if (w) return true;
    return false;
  }
  // Whether it works on a single row, or gives a gradient that sums over the batch: one thread does it.
  bool whole = false, whole_back = false;
};

struct PlannedLoss {
  LossOp op;
  int at = -1;           // buffer the loss reads
  int gradient_at = -1;  // buffer whose gradient it writes, -1: none
  int spare = -1;        // see Node
  bool paired = false;
  int64_t width = 0, target_width = 0;

  // Whether it reads its target as T, which class indices are not.
  bool reads_numbers() const { return op.form == LossOp::Form::kernel && !reads_classes(op.loss); }
};

struct Plan {
  std::vector<Node> nodes;
  std::vector<Layer> layers;  // one for each of the tape's parameters
  std::vector<Buffer> buffers;
  std::vector<int> inputs;  // buffer of each input
  struct Target {
    int buffer, index;
  };
  std::vector<Target> targets;  // those that ops read
  struct Constant {
    int buffer;
    std::vector<double> values;
  };
  std::vector<Constant> constants;
  std::vector<int> outputs;                      // buffers
  std::vector<Total> totals;                     // of buffers
  std::vector<std::pair<int, int>> assignments;  // layer, buffer
  std::vector<PlannedLoss> losses;
  std::vector<int64_t> target_widths;  // of each target, 0: class indices; -1: not read
  int sample_weights = 0;              // how many arrays of them are read
  bool chain = false;                  // dense layers, activations and noise, one after the other
  // Whether the inputs are read by products only, which take the user's row-major rows as they are.
  bool dense_first = false;
  bool batchwise = false;  // rows depend on their batch

  // Whether it puts columns side by side in panels.
  bool joins_panels(const Node& node) const {
    return node.kind == OpKind::concat && node.move == Move::none && buffers[node.to].layout == Layout::panels;
  }
  int64_t width(int b) const { return buffers[b].width * buffers[b].groups; }
  int64_t input_width(int i = 0) const { return width(inputs[i]); }
  int64_t output_width(int i = 0) const { return width(outputs[i]); }
  int arrays() const;  // that Python has of the parameters
};

// Fusions::all fuses dense + relu, activation + loss and relu's derivative into dx, runs activations in place and plans
// no gradient that nobody needs; Fusions::none keeps every value of the tape and plans the gradient of each.
enum class Fusions { all, none };
Plan link_nodes(const Tape& tape, Fusions fusions);

// The same with the parameters' packed values laid out one after the other.
template <class T>
Plan link(const Tape& tape, Fusions fusions, const Kernels<T>& k) {
  Plan plan = link_nodes(tape, fusions);
  int64_t offset = 0;
  for (Layer& layer : plan.layers) {
    layer.offset = offset;
    layer.size = layer.is_dense() ? k.size(layer.in + 1, layer.out) : k.padded(layer.in);
    if (__builtin_add_overflow(offset, layer.size, &offset)) throw std::bad_alloc();
  }
  return plan;
}

}  // namespace mlpcore
