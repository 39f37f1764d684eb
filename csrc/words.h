// Dense products from operands in bfloat16, with sums in float: tables of kernels for processors with AVX512_BF16 or AMX.
//
// Each number of an operand is `parts` bfloat16 numbers: one, the nearest, which is mixed precision; or three, whose sum is
// the number itself. Of the products of three parts by three, the six largest are taken: the others are together below 2^-22
// of the whole, mostly far below and of either sign, and the sum is rounded less often than one of float32 products. Of three
// parts, an operand that is not finite makes NaN, and what is below 2^-126 counts as 0.
//
// Operands are matrices of words: a word is two bfloat16 numbers that follow each other along the depth of the product,
// the first in the lower half. Words lie in tiles of 16 x 16, in the order [16 rows or columns][32 of the depth][part]; a
// tile of the left operand is [row][word], one of the right operand [word][column]. Depths are padded with zeros.
#pragma once
#include "kernels.h"

namespace mlpcore {

constexpr int64_t kTile = 16;                  // rows and columns of a tile
constexpr int64_t kTileDepth = 2 * kTile;      // numbers along the depth of a tile
constexpr int64_t kTileWords = kTile * kTile;  // 1 KB

constexpr int64_t kLeastTileRows = 32;     // with fewer, products of three parts are slower than those of float32
constexpr int64_t kTileRowsOfThread = 64;  // each makes the words of all weights for itself

struct Words {
  uint32_t* at = nullptr;
  int64_t stride = 0;  // in words, from the tiles of 16 rows (or columns) to those of the next

  static int64_t tiles(int64_t n) { return (n + kTile - 1) / kTile; }
  static int64_t panels(int64_t depth) { return (depth + kTileDepth - 1) / kTileDepth; }
  static int64_t stride_of(int64_t depth, int parts) { return panels(depth) * parts * kTileWords; }
};

template <class T>
struct WordKernels {
  const char* isa;
  int parts;

  // Whether a layer's products are to be taken from words: for mixed precision all but those of few columns; in place of
  // float32 the large ones, where that is faster.
  bool pays(int64_t rows, int64_t in, int64_t out) const {
    if (parts == 1) return out > kThinColumns;
    constexpr int64_t least_width = 96;
    constexpr double least_product = 2e6;
    return rows >= kLeastTileRows && in >= least_width && out >= least_width &&
           double(rows) * double(in) * double(out) >= least_product;
  }

  // The operands of a layer (in, out) from x (rows, in) and dy (rows, out).
  //
  // Left, rows of the range: to (rows, width) <- x (rows, width)
  void (*rows)(Range range, Rows<T> x, int64_t width, Words to);
  // Left, panel u of x alone: to (width, rows) <- x^T; whole tiles of columns
  void (*turned)(int64_t u, int64_t rows, Rows<T> x, int64_t width, Words to);
  // Right, panel p of dy alone: to (rows, width) <- dy
  void (*pairs)(int64_t p, int64_t rows, Panels<T> dy, Words to);

  // As Kernels::dense, dense_plain, dense_dx and dense_dw, from these operands and the weights themselves. The sum of an element runs
  // over the depth in the same order, whatever the range.
  void (*dense)(Range range, Words x, Panels<T> weights, bool relu, Panels<T> y);
  void (*dense_plain)(Range range, Words x, int64_t in, const T* kernel, const T* bias, bool relu, Panels<T> y);
  void (*dense_dx)(Range range, Words dy, Panels<T> weights, const T* relu_output, Panels<T> dx);
  // Of a unit of the kernel; `at` is the unit's. A thread's calls come after its begin() and before its end().
  void (*begin)();
  void (*end)();
  Norms (*dense_dw)(int64_t p, int64_t u, int64_t rows, Words x, int64_t in, Words dy, int64_t out, const Step<T>* step,
                    Weights<T> at);
};

// For mixed precision: the table that goes with kernels<T>(), tiles if the processor and the system have them; null: none.
template <class T>
const WordKernels<T>* bf16_kernels();
// In place of a table's own products where these are large: "amx" if that is the table's name, else null.
template <class T>
const WordKernels<T>* tile_kernels(const Kernels<T>& k);
// The table of `isa`: "avx512_bf16" or "amx_bf16" of one part, "amx" of three; null if this processor, system or build
// lacks it, and for double.
template <class T>
const WordKernels<T>* word_kernels(const char* isa);

// Whether this processor multiplies bfloat16 on tiles, and the system lets it.
bool has_tiles();

}  // namespace mlpcore
