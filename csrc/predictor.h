// Predictor<T>: a linked tape that holds no parameters: it reads them where NumPy keeps them, so any number of threads
// may predict at once, each with its own.
#pragma once
#include "link.h"
#include "memory.h"
#include "words.h"

namespace mlpcore {

// What one call predicts, and with which parameters.
template <class T>
struct Question {
  const T* x;  // (rows, in)
  int64_t rows;
  const T* const* parameters;  // kernel (in, out) and bias (out) of each layer, row-major; or null: packed
  const T* packed = nullptr;   // the same as Predictor::pack leaves them, or null
  bool check_finite = false;   // whether to look for NaN and infinity in x
};

template <class T>
class Predictor {
 public:
  explicit Predictor(const Tape& tape, const Kernels<T>& kernels = mlpcore::kernels<T>());

  const Plan& plan() const { return plan_; }
  int64_t in() const { return plan_.input_width(); }
  int64_t out() const { return plan_.output_width(); }
  int64_t packed_size() const { return size_; }
  double flops(int64_t rows) const { return 2 * double(weights_) * double(rows); }

  // packed (packed_size) <- parameters
  void pack(const T* const* parameters, T* packed) const;
  // out (rows, out) for the rows of x: the same bits as Engine::predict, for any number of threads. A row's are the same in
  // all calls; where there are tile_kernels(), in all of kLeastTileRows rows and more, and in all of fewer. False, and out
  // unfinished, if x was to be checked and is not finite.
  bool predict(const Question<T>& question, T* out, int threads) const;

 private:
  // With `words`: the products that pay for kLeastTileRows rows are taken from those.
  bool predict_block(const Question<T>& question, const T* packed, const WordKernels<T>* words, Range range, T* scratch,
                     T* out) const;
  bool pays(const WordKernels<T>* words, const Layer& layer) const {
    return words && words->pays(kLeastTileRows, layer.in, layer.out);
  }
  int64_t word_stride(const WordKernels<T>* words) const;                 // of 16 rows of the widest operand, 0: none
  int64_t scratch_size(int64_t rows, const WordKernels<T>* words) const;  // elements that predict_block needs

  Plan plan_;
  const Kernels<T>& k_;
  int64_t size_ = 0, weights_ = 0;  // elements, packed and not
  int64_t widest_ = 0;              // of any buffer
};

}  // namespace mlpcore
