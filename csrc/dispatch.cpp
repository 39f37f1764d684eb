// Which instruction set this processor has, and which MLPCORE_ISA asks for.
#include <cstdlib>
#include <cstring>
#include <string>

#include "kernels.h"
#include "words.h"

namespace mlpcore {

extern const Kernels<float> baseline_float;
extern const Kernels<double> baseline_double;
#if defined(__x86_64__)
extern const Kernels<float> avx2_float, avx512_float;
extern const Kernels<double> avx2_double, avx512_double;
#endif

namespace {

template <class T>
const Kernels<T>* pick(const Kernels<float>* f, const Kernels<double>* d) {
  if constexpr (sizeof(T) == 4) return f;
  else return d;
}

const char* forced() {
  const char* isa = std::getenv("MLPCORE_ISA");
  return isa && *isa ? isa : nullptr;
}

}  // namespace

template <class T>
const Kernels<T>* kernels(const char* isa) {
  if (!std::strcmp(isa, "baseline")) return pick<T>(&baseline_float, &baseline_double);
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (avx2 && !std::strcmp(isa, "avx2")) return pick<T>(&avx2_float, &avx2_double);
  if (avx512 && !std::strcmp(isa, "avx512")) return pick<T>(&avx512_float, &avx512_double);
  if (avx512 && has_tiles() && !std::strcmp(isa, "amx")) {  // those of avx512, beside which there are tile_kernels()
    static const Kernels<T> amx = [] {
      Kernels<T> table = *pick<T>(&avx512_float, &avx512_double);
      table.isa = "amx";
      return table;
    }();
    return &amx;
  }
#endif
  return nullptr;
}

template <class T>
const Kernels<T>& kernels() {
  static const Kernels<T>& best = []() -> const Kernels<T>& {
    if (const char* isa = forced())
      if (const Kernels<T>* table = kernels<T>(isa)) return *table;
    for (const char* isa : {"amx", "avx512", "avx2"})
      if (const Kernels<T>* table = kernels<T>(isa)) return *table;
    return *kernels<T>("baseline");
  }();
  return best;
}

const char* isa_error() {
  static const std::string message = [] {
    const char* isa = forced();
    if (!isa || kernels<float>(isa)) return std::string();
    std::string m = "MLPCORE_ISA=" + std::string(isa) + " cannot be used here; this processor and build have: baseline";
    for (const char* other : {"avx2", "avx512", "amx"})
      if (kernels<float>(other)) m += std::string(", ") + other;
    return m;
  }();
  return message.empty() ? nullptr : message.c_str();
}

template const Kernels<float>* kernels<float>(const char*);
template const Kernels<double>* kernels<double>(const char*);
template const Kernels<float>& kernels<float>();
template const Kernels<double>& kernels<double>();

}  // namespace mlpcore
