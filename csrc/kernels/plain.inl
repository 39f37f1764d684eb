// A dense layer whose kernel is read where NumPy keeps it, row-major (in, out), for so few rows that packing would cost
// more than the product. Sums run over the inputs in the order of dense.inl and thin.inl, so the bits are the same.
//
// Rows of the kernel are read in whole vectors, whose last lanes may belong to the next row; where they would reach past
// the end of the array, the last rows ("tail") are read from a padded copy.

constexpr int kStreamVectors = kTileRows * kTileVectors;  // of y, whose sums for one row stay in registers
constexpr int64_t kBlockDepth = 64;  // rows of a block, a multiple of kPanel, which stays in the first cache
constexpr int64_t kAhead = 16;       // rows of the kernel, to prefetch

// More rows of x than these repay a copy of the kernel, block by block. Narrow strips are read again and again from the
// second cache nearly as fast as from the first, unless their rows lie a multiple of 4 KB apart and push each other out.
template <class T>
int64_t in_place_rows(int64_t out) {
  return kTileVectors == 2 && out * int64_t(sizeof(T)) % 4096 != 0 ? 8 * kTileRows : 2 * kTileRows;
}

// One strip of columns of a layer: as much of it as one sweep computes.
template <class T>
struct Strip {
  static constexpr int kMost = kStreamVectors * kLanes<T>;
  int64_t first, used, vectors;  // columns; the last vector may be partly padding
  int64_t whole;                 // rows of the kernel that are read in place; the others are in `tail`
  Vec<T> mask;                   // of the last vector
  alignas(64) T bias[kMost];
  alignas(64) T tail[kMost];  // [in - whole][vectors * lanes]

  Strip(const T* kernel, const T* given_bias, int64_t in, int64_t out, int64_t first, int64_t most) : first(first) {
    constexpr int64_t L = kLanes<T>;
    used = out - first < most * L ? out - first : most * L;
    vectors = (used + L - 1) / L;
    const int64_t beyond = first + vectors * L - out;  // columns that the last vector reads of the next row
    const int64_t tail_rows = beyond > 0 ? (beyond + out - 1) / out : 0;
    whole = in > tail_rows ? in - tail_rows : 0;
    copy(given_bias + first, bias);
    for (int64_t d = whole; d < in; ++d) copy(kernel + d * out + first, tail + (d - whole) * vectors * L);
    IntVec<T> lanes{};
    for (int64_t i = 0; i < used - (vectors - 1) * L; ++i) lanes[i] = -1;
    mask = Vec<T>(lanes);
  }

  Vec<T> without_padding(Vec<T> v, int64_t j) const {
    return j + 1 < vectors ? v : Vec<T>(IntVec<T>(v) & IntVec<T>(mask));
  }

 private:
  void copy(const T* from, T* to) const {
    for (int64_t i = 0; i < used; ++i) to[i] = from[i];
    for (int64_t i = used; i < vectors * kLanes<T>; ++i) to[i] = 0;
  }
};

template <class T>
inline T element(Rows<T> x, int64_t in, int64_t row, int64_t d) {
  const int64_t p = d / kPanel<T>;
  return x.at[p * x.jump + row * (p + 1 < panels<T>(in) ? x.stride : x.stride_last) + d % kPanel<T>];
}

// Where vector j of the strip is in row `row` of y.
template <class T>
inline T* place(const Strip<T>& strip, Panels<T> y, int64_t row, int64_t j) {
  const int64_t c = strip.first + j * kLanes<T>, p = c / kPanel<T>;
  return panel_start(y, p) + row * panel_width<T>(y.width, p) + c % kPanel<T>;
}

// y = bias + x @ kernel for one row and N vectors, of the kernel's whole rows only.
template <class T, int N>
void stream(const Strip<T>& strip, Rows<T> x, int64_t row, int64_t in, const T* w, int64_t stride, Panels<T> y) {
  constexpr int L = kLanes<T>;
  Vec<T> acc[N];
#pragma GCC unroll 24
  for (int j = 0; j < N; ++j) acc[j] = load(strip.bias + j * L);
  w += strip.first;
  const T* a = x.at;
  for (int64_t d = 0; d < strip.whole; d += kPanel<T>, a += x.jump) {
    const T* from = a + row * (d + kPanel<T> < in ? x.stride : x.stride_last);
    const int64_t depth = strip.whole - d < kPanel<T> ? strip.whole - d : kPanel<T>;
    for (int64_t k = 0; k < depth; ++k, w += stride) {
      const Vec<T> v = splat(from[k]);
#pragma GCC unroll 24
      for (int j = 0; j < N; ++j) {
        // The rows lie too far apart for the processor to foresee; on vectors of whole lines this is not needed.
        if (sizeof v < 64 && j * sizeof v % 64 == 0) __builtin_prefetch(w + kAhead * stride + j * L);
        acc[j] += v * load(w + j * L);
      }
    }
  }
#pragma GCC unroll 24
  for (int j = 0; j < N; ++j) store(place(strip, y, row, j), acc[j]);
}

template <class T>
using StreamFunction = void (*)(const Strip<T>&, Rows<T>, int64_t, int64_t, const T*, int64_t, Panels<T>);

template <class T, int... N>
inline StreamFunction<T> stream_of_width(int64_t vectors, std::integer_sequence<int, N...>) {
  static constexpr StreamFunction<T> table[] = {stream<T, N + 1>...};
  return table[vectors - 1];
}

// What is left to do for the rows of a strip: the tail of the sums, relu, and zeros in the padding.
template <class T>
void finish_strip(const Strip<T>& strip, Range range, Rows<T> x, int64_t in, bool relu, Panels<T> y) {
  for (int64_t j = relu || strip.whole < in ? 0 : strip.vectors - 1; j < strip.vectors; ++j) {
    T* at = place(strip, y, range.first, j);
    const int64_t stride = panel_width<T>(y.width, (strip.first + j * kLanes<T>) / kPanel<T>);
    for (int64_t r = range.first; r < range.first + range.rows; ++r, at += stride) {
      Vec<T> v = load(at);
      for (int64_t d = strip.whole; d < in; ++d)
        v += element(x, in, r, d) * load(strip.tail + ((d - strip.whole) * strip.vectors + j) * kLanes<T>);
      if (relu) v = v < Vec<T>{} ? Vec<T>{} : v;
      store(at, strip.without_padding(v, j));
    }
  }
}

// packed [rows][vectors] <- rows [first, first + rows) of the kernel's columns of a strip
template <class T>
void pack_block(const Strip<T>& strip, const T* kernel, int64_t first, int64_t rows, int64_t out, T* packed) {
  constexpr int64_t L = kLanes<T>;
  const T* from = kernel + strip.first + first * out;
  if (strip.used == kPanel<T>) {  // neither padding nor a tail
    for (int64_t d = 0; d < rows; ++d, from += out, packed += kPanel<T>)
#pragma GCC unroll 4
      for (int64_t j = 0; j < kTileVectors; ++j) {
        __builtin_prefetch(from + kAhead * out + j * L);
        store(packed + j * L, load(from + j * L));
      }
    return;
  }
  for (int64_t d = first; d < first + rows; ++d, from += out)
    for (int64_t j = 0; j < strip.vectors; ++j, packed += L) {
      if (d >= strip.whole) {
        store(packed, load(strip.tail + ((d - strip.whole) * strip.vectors + j) * L));
        continue;
      }
      __builtin_prefetch(from + kAhead * out + j * L);
      store(packed, strip.without_padding(load(from + j * L), j));
    }
}

template <class T, bool relu>
void dense_by_blocks(const Strip<T>& strip, Range range, Rows<T> x, int64_t in, const T* kernel, int64_t out, T* y) {
  alignas(64) T packed[kBlockDepth * kPanel<T>];
  for (int64_t d = 0; d < in; d += kBlockDepth) {
    const bool last = d + kBlockDepth >= in;
    const int64_t depth = last ? in - d : kBlockDepth;
    pack_block(strip, kernel, d, depth, out, packed);
    Rows<T> part = x;  // the columns of x that meet this block
    part.at += d / kPanel<T> * x.jump;
    if (!last) part.stride_last = x.stride;
    const Product<T> product{depth, part, packed, strip.vectors * kLanes<T>, 0, d > 0 ? y : nullptr};
    if (relu && last) sweep<T, true>(product, range, FinishDense<T, true>{strip.bias, y});
    else sweep<T, true>(product, range, FinishDense<T, false>{strip.bias, y});
  }
}

template <class T>
void dense_plain(Range range, Rows<T> x, int64_t in, const T* kernel, const T* bias, bool relu, Panels<T> y) {
  const int64_t out = y.width;
  if (range.rows == 0) return;
  if (out <= kThin && x.padded) return dense_thin(range, x, in, kernel, out, bias, relu, y);
  const bool streams = range.rows == 1;
  const int64_t most = streams ? kStreamVectors : kTileVectors;
  for (int64_t first = 0; first < out; first += most * kLanes<T>) {
    const Strip<T> strip(kernel, bias, in, out, first, most);
    T* to = panel_start(y, first / kPanel<T>);
    if (range.rows > in_place_rows<T>(out)) {
      if (relu) dense_by_blocks<T, true>(strip, range, x, in, kernel, out, to);
      else dense_by_blocks<T, false>(strip, range, x, in, kernel, out, to);
      continue;
    }
    if (streams) {
      const auto function = stream_of_width<T>(strip.vectors, std::make_integer_sequence<int, kStreamVectors>());
      function(strip, x, range.first, in, kernel, out, y);
    } else {
      Rows<T> head = x;  // what meets the whole rows
      if (panels<T>(strip.whole) < panels<T>(in)) head.stride_last = x.stride;
      const Product<T> product{strip.whole, head, kernel + first, strip.vectors * kLanes<T>, out};
      sweep<T, true, true>(product, range, FinishDense<T, false>{strip.bias, to});
    }
    finish_strip(strip, range, x, in, relu, y);
  }
}
