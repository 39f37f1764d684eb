// Products of words: a layer's three, with a micro-kernel on vectors (AVX512_BF16) or on tiles (AMX_BF16).

// c (rows, 16 vectors) = start + a @ b, where start is one row for all or null: zeros
struct WordProduct {
  int64_t depth;  // panels of words
  Words a, b;     // b from its first column on
  const float* start;
  float* c;
  int64_t stride, vectors;  // of c
};

// In vectors: tiles of up to 6 x 4 accumulators.
struct OnVectors {
  template <int R, int N>
  static void tile(const WordProduct& p, int64_t row, int64_t j0) {
    __m512 acc[R][N];
    for (int i = 0; i < R; ++i)
      for (int j = 0; j < N; ++j)
        acc[i][j] = p.start ? _mm512_loadu_ps(p.start + (j0 + j) * kWords) : _mm512_setzero_ps();
    const uint32_t *a = p.a.at + row * kWords, *b = p.b.at + j0 * p.b.rows * kWords;
    for (int64_t k = 0; k < p.depth; ++k, a += p.a.rows * kWords)
      for (int64_t d = 0; d < kWords; ++d, b += kWords) {
        __m512bh bv[N];
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) bv[j] = __m512bh(_mm512_loadu_si512(b + j * p.b.rows * kWords));
#pragma GCC unroll 6
        for (int i = 0; i < R; ++i) {
          const __m512bh av = __m512bh(_mm512_set1_epi32(int(a[i * kWords + d])));
#pragma GCC unroll 4
          for (int j = 0; j < N; ++j) acc[i][j] = _mm512_dpbf16_ps(acc[i][j], av, bv[j]);
        }
      }
    for (int i = 0; i < R; ++i)
      for (int j = 0; j < N; ++j) _mm512_storeu_ps(p.c + (row + i) * p.stride + (j0 + j) * kWords, acc[i][j]);
  }

  template <int N>
  static void rows(const WordProduct& p, Range range, int64_t j) {
    int64_t r = range.first;
    const int64_t end = r + range.rows;
    for (; r + 6 <= end; r += 6) tile<6, N>(p, r, j);
    for (; r + 2 <= end; r += 2) tile<2, N>(p, r, j);
    for (; r < end; ++r) tile<1, N>(p, r, j);
  }

  static void run(const WordProduct& p, Range range) {
    int64_t j = 0;
    for (; j + 4 <= p.vectors; j += 4) rows<4>(p, range, j);
    for (; j + 2 <= p.vectors; j += 2) rows<2>(p, range, j);
    for (; j < p.vectors; ++j) rows<1>(p, range, j);
  }
};

// In tiles of 16 rows of 64 bytes: two of a, two of b, four of c.
struct OnTiles {
  // Tiles of a and c of `high` rows, and of `low` below them.
  static void configure(int64_t high, int64_t low) {
    struct {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    for (int t = 0; t < 8; ++t) {
      config.row_bytes[t] = 64;
      config.rows[t] = uint8_t(t >= 6 ? 16 : t == 2 || t == 3 || t == 5 ? (low > 0 ? low : 16) : high);
    }
    asm volatile("" : : "m"(config));
    _tile_loadconfig(&config);
  }

  // R x N tiles of c.
  template <int R, int N>
  static void tile(const WordProduct& p, int64_t row, int64_t j) {
    if (p.start) {  // the same row sixteen times
      const float* start = p.start + j * kWords;
      _tile_loadd(0, start, 0);
      if constexpr (N > 1) _tile_loadd(1, start + kWords, 0);
      if constexpr (R > 1) _tile_loadd(2, start, 0);
      if constexpr (R > 1 && N > 1) _tile_loadd(3, start + kWords, 0);
    } else {
      _tile_zero(0);
      if constexpr (N > 1) _tile_zero(1);
      if constexpr (R > 1) _tile_zero(2);
      if constexpr (R > 1 && N > 1) _tile_zero(3);
    }
    const int64_t jump = p.a.rows * kWords;
    const uint32_t *a = p.a.at + row * kWords, *b = p.b.at + j * p.b.rows * kWords, *b_next = b + p.b.rows * kWords;
    for (int64_t k = 0; k < p.depth; ++k, a += jump, b += kWords * kWords, b_next += kWords * kWords) {
      _tile_loadd(6, b, 64);
      _tile_loadd(4, a, 64);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (N > 1) {
        _tile_loadd(7, b_next, 64);
        _tile_dpbf16ps(1, 4, 7);
      }
      if constexpr (R > 1) {
        _tile_loadd(5, a + 16 * kWords, 64);
        _tile_dpbf16ps(2, 5, 6);
        if constexpr (N > 1) _tile_dpbf16ps(3, 5, 7);
      }
    }
    float *c = p.c + row * p.stride + j * kWords, *c_low = c + 16 * p.stride;
    const int64_t stride = p.stride * int64_t(sizeof(float));
    _tile_stored(0, c, stride);
    if constexpr (N > 1) _tile_stored(1, c + kWords, stride);
    if constexpr (R > 1) _tile_stored(2, c_low, stride);
    if constexpr (R > 1 && N > 1) _tile_stored(3, c_low + kWords, stride);
  }

  template <int R>
  static void rows(const WordProduct& p, Range range) {
    for (int64_t j = 0; j < p.vectors; j += 2)
      for (int64_t r = range.first; r < range.first + range.rows; r += 16 * R) {
        if (j + 2 <= p.vectors) tile<R, 2>(p, r, j);
        else tile<R, 1>(p, r, j);
      }
  }

  static void run(const WordProduct& p, Range range) {
    asm volatile("" : : : "memory");  // what the tiles read is written
    const int64_t last = range.rows % 32, full = range.rows - last;
    if (full > 0) {
      configure(16, 16);
      rows<2>(p, {range.first, full});
    }
    if (last > 16) {
      configure(16, last - 16);
      rows<2>(p, {range.first + full, last});
    } else if (last > 0) {
      configure(last, 0);
      rows<1>(p, {range.first + full, last});
    }
    _tile_release();
  }
};

template <class On>
void bf16_dense(Range range, Words x, Words kernel, Panels<float> weights, bool relu, Panels<float> y) {
  const int64_t in = weights.rows - 1;
  for (int64_t p = 0; p < panels<float>(y.width); ++p) {
    const int64_t width = panel_width<float>(y.width, p);
    float* at = panel_start(y, p);
    On::run({Words::panels(in),
             x,
             {kernel.at + p * kPanel<float> * kernel.rows, kernel.rows},
             panel_start(weights, p) + in * width,
             at,
             width,
             width / kWords},
            range);
    if (!relu) continue;
    for (int64_t i = range.first * width; i < (range.first + range.rows) * width; i += kLanes<float>) {
      const Vec<float> v = load(at + i);
      store(at + i, v < Vec<float>{} ? Vec<float>{} : v);
    }
  }
}

template <class On>
void bf16_dx(Range range, Words dy, int64_t out, Words back, const float* relu_output, Panels<float> dx) {
  for (int64_t p = 0; p < panels<float>(dx.width); ++p) {
    const int64_t width = panel_width<float>(dx.width, p);
    float* at = panel_start(dx, p);
    On::run({Words::panels(out),
             dy,
             {back.at + p * kPanel<float> * back.rows, back.rows},
             nullptr,
             at,
             width,
             width / kWords},
            range);
    if (!relu_output) continue;
    const float* mask = relu_output + p * kPanel<float> * dx.rows;
    for (int64_t i = range.first * width; i < (range.first + range.rows) * width; i += kLanes<float>)
      store(at + i, load(mask + i) > Vec<float>{} ? load(at + i) : Vec<float>{});
  }
}

template <class On>
void bf16_dw(int64_t p, int64_t u, int64_t rows, Words x, int64_t in, Words dy, int64_t out, float* g) {
  const int64_t width = panel_width<float>(out, p), first = u * kPanel<float>;
  On::run({Words::panels(rows),
           {x.at + first * kWords, x.rows},
           {dy.at + p * kPanel<float> * dy.rows, dy.rows},
           nullptr,
           g,
           width,
           width / kWords},
          {0, in - first < kPanel<float> ? in - first : kPanel<float>});
}

template <class On>
constexpr Bf16Kernels<float> bf16_table(const char* isa) {
  return {.isa = isa,
          .rows = words_by_rows,
          .turned = words_turned,
          .pairs = words_in_pairs,
          .weights = words_of_weights,
          .dense = bf16_dense<On>,
          .dense_dx = bf16_dx<On>,
          .dense_dw = bf16_dw<On>};
}
