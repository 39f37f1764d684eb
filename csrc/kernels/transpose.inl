// The transpose of weights, by squares of vectors in registers.

template <class T, int... I>
inline Vec<T> interleave_low(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (I % 2 ? kLanes<T> + I / 2 : I / 2)...);
}
template <class T, int... I>
inline Vec<T> interleave_high(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, ((I % 2 ? kLanes<T> : 0) + kLanes<T> / 2 + I / 2)...);
}

// The transpose of a square of kLanes x kLanes elements, in registers: log2(kLanes) rounds of interleaving.
// Rows from `rows` on count as 0.
template <class T>
inline void transpose_square(int64_t rows, const T* from, int64_t ld_from, T* to, int64_t ld_to) {
  constexpr int L = kLanes<T>;
  constexpr auto lanes = std::make_integer_sequence<int, L>();
  Vec<T> a[L], b[L];
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) a[i] = i < rows ? load(from + i * ld_from) : Vec<T>{};
#pragma GCC unroll 4
  for (int n = 1; n < L; n *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < L / 2; ++i) {
      b[2 * i] = interleave_low<T>(a[i], a[i + L / 2], lanes);
      b[2 * i + 1] = interleave_high<T>(a[i], a[i + L / 2], lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) a[i] = b[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) store(to + i * ld_to, a[i]);
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
