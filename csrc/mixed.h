// Mixed<T>: what the dense nodes of a plan keep in bfloat16 for one batch, and their products from it.
#pragma once
#include <vector>

#include "bf16.h"
#include "link.h"
#include "memory.h"

namespace mlpcore {

struct Unit;

template <class T>
class Mixed {
 public:
  // For batches of at most `rows`. Layers of few columns stay as they are, and so does the product of a sparse input.
  Mixed(const Plan& plan, const Kernels<T>& k, const Bf16Kernels<T>& b, int64_t rows, bool is_sparse);

  // Whether every reader of the inputs is a product in bfloat16, which takes the user's rows in any order.
  static bool reads_inputs(const Plan& plan);

  bool has(const Node& node) const { return nodes_[index(node)].used; }

  // The words of the weights: of all that have some, or of one unit that has just changed.
  void read_weights(const T* weights) const;
  void read_weights(const Unit& unit, const T* weights) const;

  // A node's product for some rows x[order[r]], order null: x[r]; and its dx.
  void forward(const Node& node, Range range, Rows<T> x, const int64_t* order, Panels<T> weights, Panels<T> y) const;
  void backward(const Node& node, Range range, Panels<T> dy, const T* relu_output, Panels<T> dx) const;

  // A thread's part of the operands of a node's gradient, which all threads then read.
  void turn(const Node& node, int64_t rows, Panels<T> dy, int thread, int threads) const;
  // A unit of a kernel's gradient: with a step applied at once, else stored in at.w; `at` is the unit's.
  Norms product(const Node& node, const Unit& unit, int64_t rows, const Step<T>* step, Weights<T> at) const;

 private:
  struct Operands {
    bool used = false, learns = false;
    Words x, dy, turned_x, paired_dy;
  };
  struct Kernel {
    bool used = false;
    Words forward, back;
  };
  static bool takes(const Plan& plan, const Node& node, bool is_sparse);
  size_t index(const Node& node) const { return size_t(&node - plan_.nodes.data()); }
  Panels<T> panels(const Layer& layer, const T* weights) const;

  const Plan& plan_;
  const Kernels<T>& k_;
  const Bf16Kernels<T>& b_;
  std::vector<Operands> nodes_;
  std::vector<Kernel> layers_;
  Memory<uint32_t> memory_;
};

}  // namespace mlpcore
