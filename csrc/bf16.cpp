// Whether this processor multiplies bfloat16, and whether the system lets it do so on tiles.
#include "bf16.h"

#include <cstring>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mlpcore {

#if defined(__x86_64__)
extern const Bf16Kernels<float> avx512_bf16, amx_bf16;

namespace {

// Linux gives tiles to a process that asks for them.
bool may_use_tiles() {
#if defined(__linux__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned bf16 = 1u << 22, tiles = 1u << 24;
  constexpr long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return (d & bf16) && (d & tiles) && syscall(SYS_arch_prctl, request, tile_data) == 0;
#else
  return false;
#endif
}

}  // namespace
#endif

template <>
const Bf16Kernels<double>* bf16_kernels<double>(const char*) {
  return nullptr;
}

template <>
const Bf16Kernels<float>* bf16_kernels<float>([[maybe_unused]] const char* isa) {
#if defined(__x86_64__)
  if (std::strcmp(kernels<float>().isa, "avx512") || !__builtin_cpu_supports("avx512bf16")) return nullptr;
  if (!std::strcmp(isa, "avx512_bf16")) return &avx512_bf16;
  static const bool tiles = may_use_tiles();
  if (tiles && !std::strcmp(isa, "amx_bf16")) return &amx_bf16;
#endif
  return nullptr;
}

template <class T>
const Bf16Kernels<T>* bf16_kernels() {
  const Bf16Kernels<T>* tiles = bf16_kernels<T>("amx_bf16");
  return tiles ? tiles : bf16_kernels<T>("avx512_bf16");
}

template const Bf16Kernels<float>* bf16_kernels<float>();
template const Bf16Kernels<double>* bf16_kernels<double>();

}  // namespace mlpcore
