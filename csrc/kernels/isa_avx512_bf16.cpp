// The products in bfloat16, for processors with AVX-512 F, DQ, BW, VL and BF16; those on tiles run if they have AMX too.
#include <immintrin.h>

#include <cstdint>
#include <type_traits>
#include <utility>

#include "../bf16.h"

namespace mlpcore {
namespace {

#include "simd.inl"

#include "panels.inl"
#include "transpose.inl"
#include "words.inl"

#include "bf16.inl"

}  // namespace

extern const Bf16Kernels<float> avx512_bf16 = bf16_table<OnVectors>("avx512_bf16");
extern const Bf16Kernels<float> amx_bf16 = bf16_table<OnTiles>("amx_bf16");

}  // namespace mlpcore
