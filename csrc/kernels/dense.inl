// The three sweeps of the micro-kernel that make a dense layer: forward, gradient of the input, gradient of the weights.

// Every tile of a product by rows whose right-hand side is one panel; call.c and call.mask point to the panel's row 0.
template <class T>
void sweep(Range range, TileCall<T> call) {
  const int vectors = int(call.ldc / kLanes<T>);
  const Cut cut(range.rows, vectors);
  T* const c = call.c;
  const T* const mask = call.mask;
  for (int64_t t = 0; t < cut.tiles; ++t) {
    call.row = range.first + cut.start(t);
    call.c = c + call.row * call.ldc;
    if (mask) call.mask = mask + call.row * call.ldc;
    tile_function<T, true>(int(cut.start(t + 1) - cut.start(t)), vectors)(call);
  }
}

template <class T>
void dense(Range range, Rows<T> x, Panels<T> weights, bool relu, Panels<T> y) {
  const int64_t in = weights.rows - 1;
  for (int64_t p = 0; p < panels<T>(y.width); ++p) {
    const int64_t width = panel_width<T>(y.width, p);
    const T* w = panel_start(weights, p);
    sweep<T>(range, {.depth = in, .a = x, .row = 0, .b = w, .ldb = width, .bias = w + in * width, .accumulate = false,
                     .relu = relu, .mask = nullptr, .c = panel_start(y, p), .ldc = width});
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

template <class T>
void dense_dx(Range range, Panels<T> dy, Panels<T> weights, const T* relu_output, Panels<T> dx, T* scratch) {
  const Rows<T> a{dy.at, kPanel<T> * dy.rows, kPanel<T>, panel_width<T>(dy.width, panels<T>(dy.width) - 1)};
  for (int64_t p = 0; p < panels<T>(dx.width); ++p) {
    const int64_t width = panel_width<T>(dx.width, p), offset = p * kPanel<T> * dx.rows;
    transpose_rows(weights, p * kPanel<T>, width, scratch);
    sweep<T>(range, {.depth = dy.width, .a = a, .row = 0, .b = scratch, .ldb = width, .bias = nullptr, .accumulate = false,
                     .relu = false, .mask = relu_output ? relu_output + offset : nullptr, .c = dx.at + offset, .ldc = width});
  }
}

template <class T>
double dense_dw(int64_t p, int64_t u, int64_t rows, Rows<T> x, int64_t in, Panels<T> dy, const Step<T>* step,
                Weights<T> at) {
  const int64_t width = panel_width<T>(dy.width, p);
  const int vectors = int(width / kLanes<T>);
  alignas(64) T tile_g[16 * kPanel<T>];
  static constexpr T one = 1;
  const bool bias = u == panels<T>(in);  // the kernel's last row, which meets a column of ones
  const int64_t first = bias ? in : u * kPanel<T>, height = bias ? 1 : in - first < kPanel<T> ? in - first : kPanel<T>;
  const T* a = bias ? &one : x.at + u * x.jump;
  const int64_t stride = bias ? 0 : u + 1 < panels<T>(in) ? x.stride : x.stride_last;
  const Cut cut(height, vectors);
  Vec<T> squares{};
  for (int64_t t = 0; t < cut.tiles; ++t) {
    const int64_t r = cut.start(t), n = cut.start(t + 1) - r;
    const int64_t offset = p * kPanel<T> * (in + 1) + (first + r) * width;
    tile_function<T, false>(int(n), vectors)({.depth = rows, .a = {a + r, 0, stride, stride}, .row = 0, .b = panel_start(dy, p),
                                              .ldb = width, .bias = nullptr, .accumulate = false, .relu = false, .mask = nullptr,
                                              .c = step ? tile_g : at.w + offset, .ldc = width});
    if (step)
      update(*step, {at.w + offset, at.slot0 ? at.slot0 + offset : nullptr, at.slot1 ? at.slot1 + offset : nullptr}, tile_g,
             n * width, bias, squares);
  }
  return bias ? 0 : double(sum<T>(squares));
}
