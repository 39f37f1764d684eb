// The three sweeps of the micro-kernel that make a dense layer: forward, gradient of the input, gradient of the weights.

template <class T, bool relu>
struct FinishDense {
  const T* bias;
  T* y;
  Vec<T> start(int j) const { return load(bias + j * kLanes<T>); }
  void done(int64_t i, int, Vec<T> v) const { store(y + i, relu ? (v < Vec<T>{} ? Vec<T>{} : v) : v); }
  void end() const {}
};

template <class T>
void dense(Range range, Rows<T> x, Panels<T> weights, bool relu, Panels<T> y) {
  const int64_t in = weights.rows - 1;
  for (int64_t p = 0; p < panels<T>(y.width); ++p) {
    const int64_t width = panel_width<T>(y.width, p);
    const T* w = panel_start(weights, p);
    const Product<T> product{in, x, w, width};
    if (relu) sweep<T, true>(product, range, FinishDense<T, true>{w + in * width, panel_start(y, p)});
    else sweep<T, true>(product, range, FinishDense<T, false>{w + in * width, panel_start(y, p)});
  }
}

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

template <class T, bool masked>
struct FinishDx {
  const T* relu_output;
  T* dx;
  static Vec<T> start(int) { return Vec<T>{}; }
  void end() const {}
  void done(int64_t i, int, Vec<T> v) const {
    if constexpr (masked) v = load(relu_output + i) > Vec<T>{} ? v : Vec<T>{};
    store(dx + i, v);
  }
};

template <class T>
void dense_dx(Range range, Panels<T> dy, Panels<T> weights, const T* relu_output, Panels<T> dx, T* scratch) {
  const Rows<T> a{dy.at, kPanel<T> * dy.rows, kPanel<T>, panel_width<T>(dy.width, panels<T>(dy.width) - 1)};
  for (int64_t p = 0; p < panels<T>(dx.width); ++p) {
    const int64_t width = panel_width<T>(dx.width, p), offset = p * kPanel<T> * dx.rows;
    transpose_rows(weights, p * kPanel<T>, width, scratch);
    const Product<T> product{dy.width, a, scratch, width};
    if (relu_output) sweep<T, true>(product, range, FinishDx<T, true>{relu_output + offset, dx.at + offset});
    else sweep<T, true>(product, range, FinishDx<T, false>{nullptr, dx.at + offset});
  }
}

template <class T>
double dense_dw(int64_t p, int64_t u, int64_t rows, Rows<T> x, int64_t in, Panels<T> dy, const Step<T>* step,
                Weights<T> at) {
  const int64_t width = panel_width<T>(dy.width, p);
  static constexpr T one = 1;
  const bool bias = u == panels<T>(in);  // the weights' last row, which meets a column of ones
  const int64_t first = bias ? in : u * kPanel<T>, height = bias ? 1 : in - first < kPanel<T> ? in - first : kPanel<T>;
  const int64_t stride = bias ? 0 : u + 1 < panels<T>(in) ? x.stride : x.stride_last;
  const Product<T> product{rows, {bias ? &one : x.at + u * x.jump, 0, stride, stride}, panel_start(dy, p), width};
  const int64_t offset = p * kPanel<T> * (in + 1) + first * width;
  const Range range{0, height};
  if (!step) {
    sweep<T, false>(product, range, StoreGradient<T>{at.w + offset});
    return 0;
  }
  double squares = 0;
  const Rule_<T> rule{*step,
                      {at.w + offset, at.slot0 ? at.slot0 + offset : nullptr, at.slot1 ? at.slot1 + offset : nullptr},
                      bias ? T(0) : step->l2,
                      squares};
  if (step->rule == Rule::adam) sweep<T, false>(product, range, AdamRule<T>{rule});
  else if (at.slot0) sweep<T, false>(product, range, MomentumRule<T>{rule});
  else sweep<T, false>(product, range, SgdRule<T>{rule});
  return bias ? 0 : squares;
}
