// The three sweeps of the micro-kernel that make a dense layer: forward, gradient of the input, gradient of the weights.

template <class T>
int64_t panel_width(int64_t out, int64_t p) {  // columns of panel p, whole vectors
  const int64_t left = out - p * kPanel<T>;
  return left >= kPanel<T> ? kPanel<T> : (left + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

template <class T>
const T* panel_start(int64_t in, int64_t p, const T* packed) {  // only the last panel is narrow
  return packed + p * kPanel<T> * (in + 1);
}

template <class T>
void pack(int64_t in, int64_t out, const T* kernel, const T* bias, T* packed) {
  for (int64_t c0 = 0; c0 < out; c0 += kPanel<T>) {
    const int64_t width = panel_width<T>(out, c0 / kPanel<T>), used = out - c0 < width ? out - c0 : width;
    for (int64_t d = 0; d <= in; ++d, packed += width) {
      const T* row = (d < in ? kernel + d * out : bias) + c0;
      for (int64_t c = 0; c < used; ++c) packed[c] = row[c];
      for (int64_t c = used; c < width; ++c) packed[c] = 0;
    }
  }
}

template <class T>
void unpack(int64_t in, int64_t out, const T* packed, T* kernel, T* bias) {
  for (int64_t c0 = 0; c0 < out; c0 += kPanel<T>) {
    const int64_t width = panel_width<T>(out, c0 / kPanel<T>), used = out - c0 < width ? out - c0 : width;
    for (int64_t d = 0; d <= in; ++d, packed += width) {
      T* row = (d < in ? kernel + d * out : bias) + c0;
      for (int64_t c = 0; c < used; ++c) row[c] = packed[c];
    }
  }
}

// Every tile of a product whose right-hand side is one panel `vectors` wide.
template <class T, bool by_row>
void sweep(int64_t rows, int vectors, TileCall<T> call) {
  const Cut cut(rows, vectors);
  const TileCall<T> first = call;
  for (int64_t t = 0; t < cut.tiles; ++t) {
    const int64_t r = cut.start(t);
    call.a = first.a + (by_row ? r * call.lda : r);
    call.c = first.c + r * call.ldc;
    if (first.mask) call.mask = first.mask + r * call.ldc;
    tile_function<T, by_row>(int(cut.start(t + 1) - r), vectors)(call);
  }
}

template <class T>
void dense(int64_t rows, int64_t in, int64_t out, const T* x, int64_t ldx, const T* packed, bool relu, T* y, int64_t ldy) {
  for (int64_t p = 0; p * kPanel<T> < out; ++p) {
    const int64_t width = panel_width<T>(out, p);
    const T* w = panel_start(in, p, packed);
    sweep<T, true>(rows, int(width / kLanes<T>),
                   {.depth = in, .a = x, .lda = ldx, .b = w, .ldb = width, .bias = w + in * width, .accumulate = false,
                    .relu = relu, .mask = nullptr, .c = y + p * kPanel<T>, .ldc = ldy});
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
void transpose_rows(int64_t in, int64_t out, int64_t i0, int64_t width, const T* packed, T* to) {
  constexpr int L = kLanes<T>;
  for (int64_t c = 0; c < out; c += L) {
    const int64_t p = c / kPanel<T>, ld = panel_width<T>(out, p);
    const T* w = panel_start(in, p, packed) + c % kPanel<T>;
    for (int64_t i = 0; i < width; i += L)
      transpose_square<T>(in - (i0 + i), w + (i0 + i) * ld, ld, to + c * width + i, width);
  }
}

template <class T>
void dense_dx(int64_t rows, int64_t in, int64_t out, const T* dy, int64_t lddy, const T* packed, const T* relu_output,
              bool accumulate, T* dx, int64_t lddx, T* scratch) {
  for (int64_t i0 = 0; i0 < in; i0 += kPanel<T>) {
    const int64_t width = panel_width<T>(in, i0 / kPanel<T>);
    transpose_rows(in, out, i0, width, packed, scratch);
    sweep<T, true>(rows, int(width / kLanes<T>),
                   {.depth = out, .a = dy, .lda = lddy, .b = scratch, .ldb = width, .bias = nullptr,
                    .accumulate = accumulate, .relu = false, .mask = relu_output ? relu_output + i0 : nullptr,
                    .c = dx + i0, .ldc = lddx});
  }
}

constexpr int kChunk = 48;  // kernel rows of one unit of dense_dw: eight tiles

template <class T>
double dense_dw(int64_t rows, int64_t in, int64_t out, int64_t p, int64_t unit, const T* x, int64_t ldx, const T* dy,
                int64_t lddy, const Step<T>* step, Weights<T> at) {
  const int64_t width = panel_width<T>(out, p), offset = p * kPanel<T> * (in + 1);
  const int64_t first = unit * kChunk, last = first + kChunk < in ? first + kChunk : in;
  const int vectors = int(width / kLanes<T>);
  const T* b = dy + p * kPanel<T>;
  alignas(64) T tile_g[16 * kPanel<T>];
  double squares = 0;
  const auto finish = [&](int64_t r, int64_t n, bool bias) {
    if (!step) return;
    const int64_t o = offset + r * width;
    Step<T> s = *step;
    if (bias) s.l2 = 0;
    squares += update(s, {at.w + o, at.slot0 ? at.slot0 + o : nullptr, at.slot1 ? at.slot1 + o : nullptr}, tile_g, n * width);
  };
  if (first < last) {
    const Cut cut(last - first, vectors);
    for (int64_t t = 0; t < cut.tiles; ++t) {
      const int64_t r = first + cut.start(t), n = first + cut.start(t + 1) - r;
      tile_function<T, false>(int(n), vectors)({.depth = rows, .a = x + r, .lda = ldx, .b = b, .ldb = lddy, .bias = nullptr,
                                                .accumulate = false, .relu = false, .mask = nullptr,
                                                .c = step ? tile_g : at.w + offset + r * width, .ldc = width});
      finish(r, n, false);
    }
  }
  if (first <= in && in < first + kChunk) {  // the bias: x's column of ones
    static constexpr T one = 1;
    tile_function<T, false>(1, vectors)({.depth = rows, .a = &one, .lda = 0, .b = b, .ldb = lddy, .bias = nullptr,
                                         .accumulate = false, .relu = false, .mask = nullptr,
                                         .c = step ? tile_g : at.w + offset + in * width, .ldc = width});
    finish(in, 1, true);
  }
  return squares;
}
