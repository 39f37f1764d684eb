// Everything of one instruction set: included once by each isa_*.cpp, which defines MLPCORE_TABLE, the table's name.
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12's _mm512_sqrt_ps passes an undefined source operand
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "../kernels.h"

namespace mlpcore {
namespace {

#include "simd.inl"

#include "math.inl"

#include "functions.inl"
#include "panels.inl"
#include "tile.inl"
#include "transpose.inl"
#include "update.inl"

#include "activation.inl"
#include "thin.inl"

#include "dense.inl"
#include "loss.inl"
#include "philox.inl"
#include "sparse.inl"

#include "dropout.inl"
#include "plain.inl"
#include "reduce.inl"
#include "vector.inl"

#include "elementwise.inl"

#include "layout.inl"
#include "matmul.inl"

template <class T>
constexpr Kernels<T> table(const char* isa) {
  return {.isa = isa,
          .lanes = kLanes<T>,
          .panel = kPanel<T>,
          .pack = pack<T>,
          .unpack = unpack<T>,
          .gather = gather<T>,
          .scatter = scatter<T>,
          .dense = dense<T>,
          .dense_plain = dense_plain<T>,
          .dense_dx = dense_dx<T>,
          .dense_dw = dense_dw<T>,
          .penalise = penalise<T>,
          .update = update<T>,
          .sparse_dense = sparse_dense<T>,
          .sparse_dw = sparse_dw<T>,
          .activation = activation<T>,
          .activation_dx = activation_dx<T>,
          .dropout = dropout<T>,
          .gaussian = gaussian<T>,
          .unary = unary<T>,
          .unary_dx = unary_dx<T>,
          .binary = binary<T>,
          .binary_dx = binary_dx<T>,
          .where = where<T>,
          .where_dx = where_dx<T>,
          .view = view<T>,
          .view_dx = view_dx<T>,
          .reduce = reduce<T>,
          .reduce_dx = reduce_dx<T>,
          .copy_columns = copy_columns<T>,
          .matmul = matmul<T>,
          .matmul_dx = matmul_dx<T>,
          .take = take<T>,
          .take_dx = take_dx<T>,
          .one_hot = one_hot<T>,
          .loss = loss<T>,
          .dot = dot<T>,
          .axpy = axpy<T>,
          .fma_peak = fma_peak<T>};
}

}  // namespace

extern const Kernels<float> MLPCORE_TABLE(float) = table<float>(MLPCORE_ISA_NAME);
extern const Kernels<double> MLPCORE_TABLE(double) = table<double>(MLPCORE_ISA_NAME);

}  // namespace mlpcore
