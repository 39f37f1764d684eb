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

#if defined(__AVX2__) && !defined(__AVX512F__)
inline __m256i first_words(int64_t n) {  // a mask of the first n 32-bit words
  alignas(64) static constexpr int32_t masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(masks + 8 - n));
}
#endif
// The first n lanes from memory, 0 beyond; all if n is as large. Nothing else is read.
template <class T>
inline Vec<T> load(const T* p, int64_t n) {
  if (n >= kLanes<T>) return load(p);
#if defined(__AVX512F__)
  const uint32_t mask = (1u << n) - 1;
  if constexpr (sizeof(T) == 4) return Vec<T>(_mm512_maskz_loadu_ps(__mmask16(mask), p));
  else return Vec<T>(_mm512_maskz_loadu_pd(__mmask8(mask), p));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) return Vec<T>(_mm256_maskload_ps(p, first_words(n)));
  else return Vec<T>(_mm256_maskload_pd(p, first_words(2 * n)));
#else
  alignas(kVectorBytes) T lanes[kLanes<T>] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
#endif
}
// The first n lanes to memory; all if n is as large.
template <class T>
inline void store(T* p, Vec<T> v, int64_t n) {
  if (n >= kLanes<T>) return store(p, v);
#if defined(__AVX512F__)
  const uint32_t mask = (1u << n) - 1;
  if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, __mmask16(mask), __m512(v));
  else _mm512_mask_storeu_pd(p, __mmask8(mask), __m512d(v));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) _mm256_maskstore_ps(p, first_words(n), __m256(v));
  else _mm256_maskstore_pd(p, first_words(2 * n), __m256d(v));
#else
  alignas(kVectorBytes) T lanes[kLanes<T>];
  store(lanes, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
#endif
}

template <class T>
inline IntVec<T> lane_numbers() {
  IntVec<T> lanes{};
  for (int i = 0; i < kLanes<T>; ++i) lanes[i] = i;
  return lanes;
}
// v with its lanes from n on replaced by `rest`
template <class T>
inline Vec<T> first_lanes(Vec<T> v, int64_t n, T rest) {
  using Index = std::remove_reference_t<decltype(IntVec<T>{}[0])>;
  if (n >= kLanes<T>) return v;
  return lane_numbers<T>() < Index(n) ? v : splat(rest);
}
