// The transpose of weights, by squares of vectors in registers. Vectors are put together from lanes as these are loaded, so
// that the interleaving stays within lanes: of 16 bytes on AVX2, which crosses them slowly, else of whole vectors.

template <class T>
constexpr int kLane = (kVectorBytes == 32 ? 16 : kVectorBytes) / int(sizeof(T));  // elements of a lane
template <class T>
struct Lane {
  typedef T V __attribute__((vector_size(kLane<T> * sizeof(T))));
  typedef T Unaligned __attribute__((vector_size(kLane<T> * sizeof(T)), aligned(sizeof(T)), may_alias));
};

template <class V, int... I>
inline auto joined(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, I...);
}
// The one or two lanes of a vector, `stride` apart: all, or the first `n`, and 0 for the others.
template <class T, bool all>
inline Vec<T> load_lanes(int64_t n, const T* from, int64_t stride) {
  using V = typename Lane<T>::V;
  const auto lane = [=](int i) -> V {
    return all || i < n ? *reinterpret_cast<const typename Lane<T>::Unaligned*>(from + i * stride) : V{};
  };
  if constexpr (kLane<T> == kLanes<T>) return lane(0);
  else return joined(lane(0), lane(1), std::make_integer_sequence<int, kLanes<T>>());
}
// In each lane, the lower or upper halves of a and b, element by element.
template <class T, int half, int... I>
inline Vec<T> interleave(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  constexpr int E = kLane<T>;
  return __builtin_shufflevector(a, b, (I / E * E + half * E / 2 + I % E / 2 + (I % 2 ? kLanes<T> : 0))...);
}

// log2(E) rounds of interleaving a[i] and a[i + E / 2] transpose the squares of E x E elements in each lane.
template <class T, bool all>
inline void transpose_lanes(int64_t rows, const T* from, int64_t ld_from, T* to, int64_t ld_to) {
  constexpr int L = kLanes<T>, E = kLane<T>;
  constexpr auto lanes = std::make_integer_sequence<int, L>();
#pragma GCC unroll 4
  for (int first = 0; first < L; first += E) {  // of E columns
    Vec<T> a[E], b[E];
#pragma GCC unroll 16
    for (int i = 0; i < E; ++i)
      a[i] = load_lanes<T, all>((rows - i + E - 1) / E, from + i * ld_from + first, E * ld_from);
#pragma GCC unroll 4
    for (int n = 1; n < E; n *= 2) {
#pragma GCC unroll 8
      for (int i = 0; i < E / 2; ++i) {
        b[2 * i] = interleave<T, 0>(a[i], a[i + E / 2], lanes);
        b[2 * i + 1] = interleave<T, 1>(a[i], a[i + E / 2], lanes);
      }
#pragma GCC unroll 16
      for (int i = 0; i < E; ++i) a[i] = b[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < E; ++i) store(to + (first + i) * ld_to, a[i]);
  }
}

// The transpose of kLanes x kLanes elements, not in place; rows from `rows` on count as 0.
template <class T>
inline void transpose_square(int64_t rows, const T* from, int64_t ld_from, T* to, int64_t ld_to) {
  if (rows >= kLanes<T>) transpose_lanes<T, true>(rows, from, ld_from, to, ld_to);
  else transpose_lanes<T, false>(rows, from, ld_from, to, ld_to);
}

// to (padded out, width) = kernel[i0 : i0 + width, :]^T; width is whole vectors, rows of the kernel past `in` count as 0.
template <class T>
void transpose_rows(Panels<T> weights, int64_t i0, int64_t width, T* to) {
  constexpr int L = kLanes<T>;
  const int64_t in = weights.rows - 1;
  for (int64_t c = 0; c < weights.width; c += L) {
    const int64_t p = c / kPanel<T>, ld = panel_width<T>(weights.width, p);
    const T* w = panel_start(weights, p) + c % kPanel<T>;
    for (int64_t i = 0; i < width; i += L)
      transpose_square<T>(in - (i0 + i), w + (i0 + i) * ld, ld, to + c * width + i, width);
  }
}
