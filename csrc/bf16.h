// Dense products from operands rounded to bfloat16, with sums, biases and master weights in float: another table of
// kernels, for processors with AVX512_BF16.
//
// Operands are matrices of words: a word is two bfloat16 numbers that follow each other along the depth of the product,
// the first in the lower half. Words lie in panels of 16 columns (64 bytes) with all rows: [panel][rows][16]. The left
// operand of a product has its depth along the columns, the right one along the rows. Depths are padded with zeros to
// whole panels, of 16 words or 32 numbers; the numbers themselves are rounded to the nearest, ties to even.
#pragma once
#include "kernels.h"

namespace mlpcore {

constexpr int64_t kWords = 16;          // columns of a panel of words
constexpr int64_t kBf16Unit = 64 * 64;  // the most weights of a unit: the panels are those of avx512 and float

struct Words {
  uint32_t* at = nullptr;
  int64_t rows = 0;

  // Rows of words for so many numbers along them; the elements of a matrix.
  static int64_t panels(int64_t depth) { return (depth + 2 * kWords - 1) / (2 * kWords); }
  static int64_t padded(int64_t n) { return (n + kWords - 1) / kWords * kWords; }
  static int64_t left_size(int64_t rows, int64_t depth) { return rows * panels(depth) * kWords; }
  static int64_t right_size(int64_t depth, int64_t columns) { return panels(depth) * kWords * padded(columns); }
};

template <class T>
struct Bf16Kernels {
  const char* isa;

  // The operands of a layer (in, out) from x (rows, in), dy (rows, out) and its weights.
  //
  // Left, rows of the range: to (rows, width / 2) <- x[order[r]] (rows, width); order null: x[r]
  void (*rows)(Range range, Rows<T> x, const int64_t* order, int64_t width, Words to);
  // Left, panel u of x alone: to (width, rows / 2) <- x^T from the words of x; `to` has whole panels of rows
  void (*turned)(int64_t u, int64_t rows, Words x, int64_t width, Words to);
  // Right, panel p of dy alone: to (rows / 2, width) <- dy
  void (*pairs)(int64_t p, int64_t rows, Panels<T> dy, Words to);
  // Right, unit u < panels(in) of panel p of the weights alone: to (in / 2, out) and back (out / 2, in) <- kernel and
  // its transpose; back.at may be null
  void (*weights)(int64_t p, int64_t u, Panels<T> weights, Words to, Words back);

  // As Kernels::dense, dense_dx and dense_dw, whose operands these are. The sum of an element runs over the depth in
  // order, whatever the range.
  void (*dense)(Range range, Words x, Words kernel, Panels<T> weights, bool relu, Panels<T> y);
  void (*dense_dx)(Range range, Words dy, int64_t out, Words back, const T* relu_output, Panels<T> dx);
  // g (rows of the unit, columns of the panel), packed as the weights
  void (*dense_dw)(int64_t p, int64_t u, int64_t rows, Words x, int64_t in, Words dy, int64_t out, T* g);
};

// The table that goes with kernels<T>(), tiles if the processor and the system have them; null: none.
template <class T>
const Bf16Kernels<T>* bf16_kernels();
// The table of `isa`, "avx512_bf16" or "amx_bf16"; null if this processor, system or build lacks it, and for double.
template <class T>
const Bf16Kernels<T>* bf16_kernels(const char* isa);

}  // namespace mlpcore
