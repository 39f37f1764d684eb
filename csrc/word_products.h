// WordProducts<T>: the dense products of a plan that are taken from words, and the words of one batch.
#pragma once
#include <map>

#include "link.h"
#include "memory.h"
#include "words.h"

namespace mlpcore {

template <class T>
class WordProducts {
 public:
  // For batches of at most `rows`, judged by at most so many.
  WordProducts(const Plan& plan, const Kernels<T>& k, const WordKernels<T>& w, int64_t rows, int64_t judged_by,
               bool training, bool is_sparse);

  // Whether any product of a batch of so many rows pays.
  static bool pays(const Plan& plan, const WordKernels<T>& w, int64_t rows, bool is_sparse);

  // Whether a node's products pay for a batch of so many rows. A kernel's gradient is one of them if it is fused.
  bool has(const Node& node, int64_t judged_by) const { return takes(plan_, node, w_, judged_by, is_sparse_); }

  // A node's product for some rows of x, and its dx.
  void forward(const Node& node, Range range, Rows<T> x, Panels<T> weights, Panels<T> y) const;
  void backward(const Node& node, Range range, Panels<T> dy, Panels<T> weights, const T* relu_output,
                Panels<T> dx) const;
  // forward() in two: the words of some rows; and, when all threads have made theirs, some columns for all rows.
  void read(const Node& node, Range range, Rows<T> x) const;
  void forward_columns(const Node& node, Range range, Panels<T> weights, Panels<T> y) const;

  // A thread's part of the operands of a kernel's gradient, which all threads then read.
  void turn(const Layer& layer, int64_t rows, Rows<T> x, Panels<T> dy, int thread, int threads) const;
  // A unit of the gradient of the kernel whose operands were turned last, as Kernels::dense_dw; `at` is the unit's. A thread's
  // calls come after its begin() and before its end().
  void begin() const { w_.begin(); }
  void end() const { w_.end(); }
  Norms gradient(const Layer& layer, int64_t p, int64_t u, int64_t rows, const Step<T>* step, Weights<T> at) const;

 private:
  static bool takes(const Plan& plan, const Node& node, const WordKernels<T>& w, int64_t rows, bool is_sparse);
  const Words& left(const Node& node) const { return left_.at(plan_.buffers[node.to].groups); }
  Words turned(int64_t rows) const { return {turned_.get(), Words::stride_of(rows, w_.parts)}; }
  Words paired(int64_t rows) const { return {paired_.get(), Words::stride_of(rows, w_.parts)}; }

  const Plan& plan_;
  const Kernels<T>& k_;
  const WordKernels<T>& w_;
  const bool is_sparse_;
  Memory<uint32_t> left_memory_, turned_, paired_;
  // x of a forward product, dy of a backward one, for nodes of so many groups: among these a row has one place, and so
  // have the rows of each thread.
  std::map<int64_t, Words> left_;
};

}  // namespace mlpcore
