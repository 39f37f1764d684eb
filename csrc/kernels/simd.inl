// The vectors of the instruction set this file is compiled for, as GCC/Clang vector types.
//
// Included only by table.inl, inside an anonymous namespace: each isa_*.cpp gets its own copy, and no
// symbol compiled for one instruction set can be linked into another.

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kTileVectors = 4;  // 6 x 4 accumulators + 4 + 1 of 32 registers
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32, kTileVectors = 2;  // 6 x 2 + 2 + 1 of 16 registers
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16, kTileVectors = 4;  // NEON has 32 registers
#else
constexpr int kVectorBytes = 16, kTileVectors = 2;
#endif
constexpr int kTileRows = 6;

template <class T>
struct Simd;
template <>
struct Simd<float> {
  typedef float V __attribute__((vector_size(kVectorBytes)));
  typedef float Unaligned __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
  typedef int32_t I __attribute__((vector_size(kVectorBytes)));
};
template <>
struct Simd<double> {
  typedef double V __attribute__((vector_size(kVectorBytes)));
  typedef double Unaligned __attribute__((vector_size(kVectorBytes), aligned(8), may_alias));
  typedef int64_t I __attribute__((vector_size(kVectorBytes)));
};

template <class T>
using Vec = typename Simd<T>::V;
template <class T>
using IntVec = typename Simd<T>::I;
template <class T>
constexpr int kLanes = kVectorBytes / int(sizeof(T));
template <class T>
constexpr int kPanel = kTileVectors * kLanes<T>;  // columns of a full panel

template <class T>
inline Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename Simd<T>::Unaligned*>(p);
}
template <class T>
inline void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename Simd<T>::Unaligned*>(p) = v;
}
template <class T>
inline Vec<T> splat(T x) {
  return x - Vec<T>{};
}
