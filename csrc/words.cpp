// Whether this processor multiplies bfloat16, and whether the system lets it do so on tiles.
#include "words.h"

#include <cstring>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mlpcore {

#if defined(__x86_64__)
extern const WordKernels<float> avx512_bf16, amx_bf16, amx;
#endif

bool has_tiles() {
#if defined(__x86_64__) && defined(__linux__)
  static const bool has = [] {  // Linux gives tiles to a process that asks for them
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !__builtin_cpu_supports("avx512bf16")) return false;
    constexpr unsigned bf16 = 1u << 22, tiles = 1u << 24;
    constexpr long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return (d & bf16) && (d & tiles) && syscall(SYS_arch_prctl, request, tile_data) == 0;
  }();
  return has;
#else
  return false;
#endif
}

template <>
const WordKernels<double>* word_kernels<double>(const char*) {
  return nullptr;
}

template <>
const WordKernels<float>* word_kernels<float>([[maybe_unused]] const char* isa) {
#if defined(__x86_64__)
  if (!kernels<float>("avx512") || !__builtin_cpu_supports("avx512bf16")) return nullptr;
  if (!std::strcmp(isa, "avx512_bf16")) return &avx512_bf16;
  if (has_tiles() && !std::strcmp(isa, "amx_bf16")) return &amx_bf16;
  if (has_tiles() && !std::strcmp(isa, "amx")) return &amx;
#endif
  return nullptr;
}

template <class T>
const WordKernels<T>* bf16_kernels() {
  if (kernels<T>().lanes != 64 / int64_t(sizeof(T))) return nullptr;
  const WordKernels<T>* tiles = word_kernels<T>("amx_bf16");
  return tiles ? tiles : word_kernels<T>("avx512_bf16");
}

template <class T>
const WordKernels<T>* tile_kernels(const Kernels<T>& k) {
  const bool same_panels = k.lanes == 64 / int64_t(sizeof(T));
  return same_panels && !std::strcmp(k.isa, "amx") ? word_kernels<T>("amx") : nullptr;
}

template const WordKernels<float>* bf16_kernels<float>();
template const WordKernels<double>* bf16_kernels<double>();
template const WordKernels<float>* tile_kernels<float>(const Kernels<float>&);
template const WordKernels<double>* tile_kernels<double>(const Kernels<double>&);

}  // namespace mlpcore
