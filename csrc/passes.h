// Passes<T>: one node of a plan forward or backward, and the losses, for some rows of a batch.
#pragma once
#include "parameters.h"
#include "space.h"

namespace mlpcore {

// What a first layer reads: rows of numbers, or the rows of a sparse matrix that `order` names (null: all in order).
template <class T>
struct Input {
  std::vector<const T*> x;  // where an input is read in place: the batch's first row; else null
  Sparse<T> sparse = {};
  const int64_t* order = nullptr;
  int64_t judged_by = 0;  // the batch's rows, by which products are taken from words or not
};

// Which random numbers the nodes of a step take.
struct Noise {
  uint64_t seed;
  int64_t step;
};

// A batch's part in the losses.
template <class T>
struct LossRows {
  const T* y;  // from the range's first row on
  const int32_t* classes;
  const T* scale;  // null: no gradient
  double* loss;
};

template <class T>
class Passes {
 public:
  Passes(const Plan& plan, const Kernels<T>& k, T* weights) : plan_(plan), k_(k), weights_(weights) {}

  // `range` in rows of the batch; a whole node takes all of them.
  void forward(const Node& node, const Space<T>& space, const Input<T>& x, Range range, const Noise* noise) const;
  // What some threads' products by columns read of these rows, to be made before.
  void read_for_columns(const Node& node, const Space<T>& space, const Input<T>& x, Range range) const;
  // Thread `thread`'s share of the columns of a product for all rows of the batch.
  void forward_columns(const Node& node, const Space<T>& space, const Input<T>& x, int64_t rows, int thread,
                       int threads) const;
  void backward(const Node& node, const Space<T>& space, const Input<T>& x, Range range, const Noise* noise,
                T* scratch) const;
  // Whether a node's products are taken from words.
  bool on_words(const Node& node, const Space<T>& space, const Input<T>& x) const {
    return space.words && space.words->has(node, x.judged_by);
  }
  void zero_gradients(const Space<T>& space, Range range, bool unbatched) const;
  void loss(const PlannedLoss& loss, const Space<T>& space, Range range, const LossRows<T>& of,
            const T* quantiles) const;
  // Of a buffer, row-major.
  void read(const Space<T>& space, int buffer, Range range, T* out) const;

  Panels<T> layer_weights(const Layer& layer) const { return {weights_ + layer.offset, layer.in + 1, layer.out}; }
  // What a dense node reads.
  Rows<T> read_rows(const Node& node, const Space<T>& space, const Input<T>& x) const;

 private:
  Rows<T> product_rows(const Space<T>& space, const Input<T>& x, int buffer) const;
  void forward_plain(const Node& node, const Space<T>& space, Range range) const;
  void backward_plain(const Node& node, const Space<T>& space, Range range) const;
  void backward_dense(const Node& node, const Space<T>& space, const Input<T>& x, Range range, T* scratch) const;
  void noise(const Node& node, Range range, const Noise* noise, bool back, Panels<T> from, Panels<T> to) const;
  void add(Panels<T> from, Range range, Panels<T> to) const;
  // `n` columns of a buffer or its gradient that lie side by side, with `stride` from a row to the next.
  struct Columns {
    T* at;
    int64_t stride, n;
  };
  Columns columns(const Space<T>& space, int buffer, Range range, int64_t column, bool gradient) const;
  void clear_padding(const Space<T>& space, int buffer, Range range, bool gradient) const;
  void join(const Node& node, const Space<T>& space, Range range, bool back) const;
  Range rows_of(int buffer, Range range) const;
  T* plain(const Space<T>& space, int buffer, Range range, bool gradient = false) const;
  Operand<const T> operand(const Space<T>& space, int buffer, Range range, int64_t width) const;
  Operand<T> gradient(const Space<T>& space, const Node& node, size_t i, Range range, int64_t width) const;

  const Plan& plan_;
  const Kernels<T>& k_;
  T* weights_;
};

}  // namespace mlpcore
