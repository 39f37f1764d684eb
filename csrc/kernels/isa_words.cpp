// The products of words, for processors with AVX-512 F, DQ, BW, VL and BF16; those on tiles run if they have AMX too.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of GCC 12's own _mm512_sqrt_ps
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "../words.h"

namespace mlpcore {
namespace {

#include "simd.inl"

#include "math.inl"

#include "functions.inl"
#include "panels.inl"
#include "tile.inl"
#include "transpose.inl"
#include "update.inl"
#include "words.inl"

#include "word_products.inl"

}  // namespace

extern const WordKernels<float> avx512_bf16 = word_table<OnVectors, 1>("avx512_bf16");
extern const WordKernels<float> amx_bf16 = word_table<OnTiles, 1>("amx_bf16");
extern const WordKernels<float> amx = word_table<OnTiles, 3>("amx");

}  // namespace mlpcore
