// Products of words: a layer's three, in blocks of 2 x 2 tiles, on tiles (AMX_BF16) or on vectors (AVX512_BF16).
//
// The right operand of the first two, the weights, changes with every step. It is made into words panel by panel where a
// product reads it, by vector instructions that run beside those on tiles.

constexpr int kSlices = 6;            // in which a panel of the right operand is made, while another is multiplied
constexpr int64_t kBlockPanels = 12;  // of the depth, whose words stay near for all rows

// Sums of a block of R x N tiles, R and N up to 2, whose first row of tiles has `high` rows and whose second has `low`.
// add() takes one panel of the depth: two tiles of a and two of b, in P parts; it calls between<0>() to between<5>()
// where there is time for other work.

// In tiles 0 to 3; a in 4 and 5, b in 6 and 7. Telling the processor how high they are takes as long as 15 of its products:
// begin() does it once for many blocks, for tiles of 16 rows, which a new OnTiles takes its thread's to be; end() releases
// them, whatever heights() made of them.
struct OnTiles {
  static void begin() { configure(kTile, kTile); }
  static void end() { _tile_release(); }

  void heights(int64_t high, int64_t low) {
    if (high == high_ && low == low_) return;
    high_ = high;
    low_ = low;
    configure(high, low);
  }

  template <int R, int N>
  void clear() {
    _tile_zero(0);
    if constexpr (N > 1) _tile_zero(1);
    if constexpr (R > 1) _tile_zero(2);
    if constexpr (R > 1 && N > 1) _tile_zero(3);
  }

  // from c; stride 0: from the same row for all
  template <int R, int N>
  void load(const float* c, int64_t stride) {
    asm volatile("" : : : "memory");
    const float* low = c + high_ * stride;
    stride *= int64_t(sizeof(float));
    _tile_loadd(0, c, stride);
    if constexpr (N > 1) _tile_loadd(1, c + kTile, stride);
    if constexpr (R > 1) _tile_loadd(2, low, stride);
    if constexpr (R > 1 && N > 1) _tile_loadd(3, low + kTile, stride);
  }

  template <int R, int N>
  void store(float* c, int64_t stride) {
    float* low = c + high_ * stride;
    stride *= int64_t(sizeof(float));
    _tile_stored(0, c, stride);
    if constexpr (N > 1) _tile_stored(1, c + kTile, stride);
    if constexpr (R > 1) _tile_stored(2, low, stride);
    if constexpr (R > 1 && N > 1) _tile_stored(3, low + kTile, stride);
    asm volatile("" : : : "memory");
  }

  template <int P, int R, int N, class Between>
  void add(const uint32_t* a, const uint32_t* a_low, const uint32_t* b, const uint32_t* b_next, Between between) {
    const auto left = [&](int part) {
      _tile_loadd(4, a + part * kTileWords, 64);
      if constexpr (R > 1) _tile_loadd(5, a_low + part * kTileWords, 64);
    };
    const auto right = [&](int part) {
      _tile_loadd(6, b + part * kTileWords, 64);
      if constexpr (N > 1) _tile_loadd(7, b_next + part * kTileWords, 64);
    };
    const auto multiply = [&] {
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (N > 1) _tile_dpbf16ps(1, 4, 7);
      if constexpr (R > 1) _tile_dpbf16ps(2, 5, 6);
      if constexpr (R > 1 && N > 1) _tile_dpbf16ps(3, 5, 7);
    };
    asm volatile("" : : : "memory");  // what the tiles read is written
    left(0), right(P - 1), multiply();
    between.template operator()<0>();
    if constexpr (P == 3) right(1), multiply();
    between.template operator()<1>();
    if constexpr (P == 3) left(1), multiply();
    between.template operator()<2>();
    if constexpr (P == 3) right(0), multiply();
    between.template operator()<3>();
    if constexpr (P == 3) left(2), multiply();
    between.template operator()<4>();
    if constexpr (P == 3) left(0), multiply();
    between.template operator()<5>();
  }

 private:
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

  int64_t high_ = kTile, low_ = kTile;
};

// In memory between panels, in vectors for one of them.
struct OnVectors {
  static void begin() {}
  static void end() {}

  void heights(int64_t high, int64_t low) {
    high_ = high;
    low_ = low;
  }

  template <int R, int N>
  void clear() {
    each<R, N>([&](Vec<float>& sum, int64_t, int64_t) { sum = Vec<float>{}; });
  }
  template <int R, int N>
  void load(const float* c, int64_t stride) {
    each<R, N>([&](Vec<float>& sum, int64_t i, int64_t j) { sum = mlpcore::load(c + i * stride + j); });
  }
  template <int R, int N>
  void store(float* c, int64_t stride) {
    each<R, N>([&](Vec<float>& sum, int64_t i, int64_t j) { mlpcore::store(c + i * stride + j, sum); });
  }

  template <int P, int R, int N, class Between>
  void add(const uint32_t* a, const uint32_t* a_low, const uint32_t* b, const uint32_t* b_next, Between between) {
    static_assert(P == 1);
    [&]<int... slice>(std::integer_sequence<int, slice...>) {
      (between.template operator()<slice>(), ...);
    }(std::make_integer_sequence<int, kSlices>());
    constexpr int rows = 8;
    for (int64_t r = 0; r < R * kTile; r += rows) {
      if (r >= (r < kTile ? high_ : kTile + low_)) continue;
      const uint32_t* from[rows];  // the last row again, where there are fewer
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t inside = r % kTile + i, last = (r < kTile ? high_ : low_) - 1;
        from[i] = (r < kTile ? a : a_low) + (inside < last ? inside : last) * kTile;
      }
      __m512 acc[rows][N];
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < N; ++j) acc[i][j] = __m512(sums_[r + i][j]);
      for (int64_t d = 0; d < kTile; ++d) {
        __m512bh right[N];
        right[0] = __m512bh(_mm512_loadu_si512(b + d * kTile));
        if constexpr (N > 1) right[1] = __m512bh(_mm512_loadu_si512(b_next + d * kTile));
#pragma GCC unroll 8
        for (int i = 0; i < rows; ++i) {
          const __m512bh left = __m512bh(_mm512_set1_epi32(int(from[i][d])));
#pragma GCC unroll 2
          for (int j = 0; j < N; ++j) acc[i][j] = _mm512_dpbf16_ps(acc[i][j], left, right[j]);
        }
      }
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < N; ++j) sums_[r + i][j] = Vec<float>(acc[i][j]);
    }
  }

 private:
  // f(sum, row of c, column of c)
  template <int R, int N, class F>
  void each(F f) {
    for (int64_t i = 0; i < high_ + (R > 1 ? low_ : 0); ++i)
      for (int64_t j = 0; j < N; ++j) f(sums_[i < high_ ? i : kTile + i - high_][j], i, j * kTile);
  }

  int64_t high_ = kTile, low_ = kTile;
  Vec<float> sums_[2 * kTile][2];
};

// Right operands that are made as they are read: convert<slice, N>(k, column, to) is a slice of the work on N tiles of
// columns in panel k of the depth.

// Columns of a kernel (in, columns) from `at` on; what is past the last counts as 0.
template <int P>
struct KernelColumns {
  const float* at;
  int64_t ld, in, columns;

  template <int slice, int N>
  void convert(int64_t k, int64_t column, uint32_t* to) const {
    const float* from = at + k * kTileDepth * ld + column;
    const int64_t height = in - k * kTileDepth, used = columns - column;
    if (height < kTileDepth || used < N * kTile) {
      if constexpr (slice == 0)
        for (int n = 0; n < N; ++n)
          pair_rows<P>(from + n * kTile, ld, height, used - n * kTile, to + n * P * kTileWords);
      return;
    }
    constexpr int64_t first = slice * kTile / kSlices, end = (slice + 1) * kTile / kSlices;
#pragma GCC unroll 3
    for (int64_t d = first; d < end; ++d)
#pragma GCC unroll 2
      for (int n = 0; n < N; ++n) {
        const float* row = from + 2 * d * ld + n * kTile;
        split<P, Across>(load(row), load(row + ld), to + n * P * kTileWords + d * kTile);
      }
  }
};

// The columns of the weights' transpose from `first` on: of each tile the two halves of the depth, then their words.
template <int P>
struct KernelTransposed {
  Panels<float> weights;
  int64_t first;
  alignas(64) mutable float turned[kTileDepth * kTile];  // a tile's numbers

  KernelTransposed(Panels<float> weights, int64_t first) : weights(weights), first(first) {}

  template <int slice, int N>
  void convert(int64_t k, int64_t column, uint32_t* to) const {
    constexpr int n = slice / 3, step = slice % 3;
    if constexpr (n < N && step < 2) {
      const int64_t i = first + column + n * kTile, c = k * kTileDepth, p = c / kPanel<float>;
      const int64_t ld = panel_width<float>(weights.width, p), inside = c % kPanel<float> + step * kTile;
      const int64_t rows = inside < ld ? weights.rows - 1 - i : 0;
      transpose_square<float>(rows, panel_start(weights, p) + i * ld + inside, ld, turned + step * kTileWords, kTile);
    } else if constexpr (n < N) {
#pragma GCC unroll 4
      for (int64_t d = 0; d < kTile; ++d)
        split<P, Across>(load(turned + 2 * d * kTile), load(turned + (2 * d + 1) * kTile),
                         to + n * P * kTileWords + d * kTile);
    }
  }
};

// c (rows, `vectors` x 16) = start + x @ right for the rows of the range, where start is one row for all or null: zeros;
// then finish(column, columns) for all columns.
template <class On, int P, class Right, class Finish>
void multiply(On& on, Range range, Words x, int64_t depth, const Right& right, const float* start, int64_t vectors,
              float* c, int64_t stride, const Finish& finish) {
  alignas(64) uint32_t scratch[kBlockPanels * 2 * P * kTileWords];
  const int64_t panels = Words::panels(depth);
  const bool once =
      range.rows <= 2 * kTile - range.first % kTile;  // a panel of words is read once: two of them will do
  const int64_t deep = once ? panels : kBlockPanels, slots = once ? 2 : kBlockPanels;
  const auto columns = [&]<int N>(std::integral_constant<int, N>, int64_t column, int64_t k0, int64_t k1) {
    const auto slot = [&](int64_t k) { return scratch + k % slots * 2 * P * kTileWords; };
    const auto convert = [&]<int slice>(int64_t k) { right.template convert<slice, N>(k, column, slot(k)); };
    [&]<int... slice>(std::integer_sequence<int, slice...>) {
      (convert.template operator()<slice>(k0), ...);
    }(std::make_integer_sequence<int, kSlices>());
    bool first = true;  // of the blocks, which makes the words for all
    const auto block = [&]<int R>(std::integral_constant<int, R>, int64_t r, const uint32_t* a, const uint32_t* a_low) {
      float* at = c + r * stride + column;
      if (k0 > 0) on.template load<R, N>(at, stride);
      else if (start) on.template load<R, N>(start + column, 0);
      else on.template clear<R, N>();
      for (int64_t k = k0; k < k1; ++k) {
        const int64_t here = k * P * kTileWords;
        const uint32_t* b = slot(k);
        const auto add = [&](auto between) {
          on.template add<P, R, N>(a + here, a_low + here, b, b + P * kTileWords, between);
        };
        if (first && k + 1 < k1) add([&]<int slice>() { convert.template operator()<slice>(k + 1); });
        else add([]<int>() {});
      }
      on.template store<R, N>(at, stride);
      first = false;
    };
    for (int64_t r = range.first, end = r + range.rows; r < end;) {
      const int64_t inside = r % kTile, high = end - r < kTile - inside ? end - r : kTile - inside;
      const int64_t low = end - r - high < kTile ? end - r - high : kTile;
      const uint32_t *a = word_row<P>(x, r, 0), *a_low = word_row<P>(x, r + high, 0);
      on.heights(high, low);
      if (low > 0) block(std::integral_constant<int, 2>(), r, a, a_low);
      else block(std::integral_constant<int, 1>(), r, a, a_low);
      r += high + low;
    }
  };
  for (int64_t k0 = 0; k0 < panels; k0 += deep) {
    const int64_t k1 = panels - k0 < deep ? panels : k0 + deep;
    for (int64_t j = 0; j < vectors; j += 2) {
      const int64_t n = vectors - j < 2 ? 1 : 2;
      if (n == 2) columns(std::integral_constant<int, 2>(), j * kTile, k0, k1);
      else columns(std::integral_constant<int, 1>(), j * kTile, k0, k1);
      if (k1 == panels) finish(j * kTile, n * kTile);
    }
  }
}

// f(place in a panel) for the vectors of some of its columns, in the rows of the range.
template <class F>
inline void each_vector(Range range, int64_t stride, int64_t column, int64_t columns, F f) {
  for (int64_t r = range.first; r < range.first + range.rows; ++r)
    for (int64_t c = column; c < column + columns; c += kLanes<float>) f(r * stride + c);
}

// A forward product; panel(p, width) gives the kernel's columns and the bias of a panel.
template <class On, int P, class Panel>
void word_dense_panels(Range range, Words x, int64_t in, Panel panel, bool relu, Panels<float> y) {
  On::begin();
  On on;
  for (int64_t p = 0; p < panels<float>(y.width); ++p) {
    const int64_t width = panel_width<float>(y.width, p);
    const auto [kernel, start] = panel(p, width);
    float* at = panel_start(y, p);
    const auto finish = [&](int64_t column, int64_t n) {
      if (!relu) return;
      each_vector(range, width, column, n, [&](int64_t i) {
        const Vec<float> v = load(at + i);
        store(at + i, v < Vec<float>{} ? Vec<float>{} : v);
      });
    };
    multiply<On, P>(on, range, x, in, kernel, start, width / kTile, at, width, finish);
  }
  On::end();
}

template <class On, int P>
void word_dense(Range range, Words x, Panels<float> weights, bool relu, Panels<float> y) {
  const int64_t in = weights.rows - 1;
  const auto panel = [&](int64_t p, int64_t width) {
    const float* kernel = panel_start(weights, p);
    return std::make_pair(KernelColumns<P>{kernel, width, in, width}, kernel + in * width);
  };
  word_dense_panels<On, P>(range, x, in, panel, relu, y);
}

template <class On, int P>
void word_dense_plain(Range range, Words x, int64_t in, const float* kernel, const float* bias, bool relu,
                      Panels<float> y) {
  alignas(64) float start[kPanel<float>];
  const auto panel = [&](int64_t p, int64_t width) {
    const int64_t column = p * kPanel<float>, used = y.width - column;
    for (int64_t j = 0; j < width; ++j) start[j] = j < used ? bias[column + j] : 0;
    return std::make_pair(KernelColumns<P>{kernel + column, y.width, in, used}, static_cast<const float*>(start));
  };
  word_dense_panels<On, P>(range, x, in, panel, relu, y);
}

template <class On, int P>
void word_dx(Range range, Words dy, Panels<float> weights, const float* relu_output, Panels<float> dx) {
  On::begin();
  On on;
  for (int64_t p = 0; p < panels<float>(dx.width); ++p) {
    const int64_t width = panel_width<float>(dx.width, p), first = p * kPanel<float>;
    float* at = panel_start(dx, p);
    const float* mask = relu_output ? relu_output + first * dx.rows : nullptr;
    const auto finish = [&](int64_t column, int64_t n) {
      if (!mask) return;
      each_vector(range, width, column, n,
                  [&](int64_t i) { store(at + i, load(mask + i) > Vec<float>{} ? load(at + i) : Vec<float>{}); });
    };
    multiply<On, P>(on, range, dy, weights.width, KernelTransposed<P>(weights, first), nullptr, width / kTile, at,
                    width, finish);
  }
  On::end();
}

template <class On, int P>
Norms word_dw(int64_t p, int64_t u, int64_t rows, Words x, int64_t in, Words dy, int64_t out, const Step<float>* step,
              Weights<float> at) {
  // Panels of the depth at a time, whose words all blocks of the unit find in the first cache.
  constexpr int64_t deep = 2;
  static_assert(kUnitRows == kPanel<float>);
  const int64_t width = panel_width<float>(out, p), first = u * kUnitRows;
  const int64_t height = in - first < kPanel<float> ? in - first : kPanel<float>, panels = Words::panels(rows);
  alignas(64) float g[kPanel<float> * kPanel<float>];
  On on;
  const auto block = [&]<int R, int N>(std::integer_sequence<int, R, N>, int64_t i, int64_t j, int64_t k0) {
    float* c = g + i * width + j;
    if (k0 == 0) on.template clear<R, N>();
    else on.template load<R, N>(c, width);
    for (int64_t k = k0; k < k0 + deep && k < panels; ++k)
      on.template add<P, R, N>(word_row<P>(x, first + i, k), word_row<P>(x, first + i + kTile, k),
                               word_row<P>(dy, p * kPanel<float> + j, k),
                               word_row<P>(dy, p * kPanel<float> + j + kTile, k), []<int>() {});
    on.template store<R, N>(c, width);
  };
  for (int64_t k = 0; k == 0 || k < panels; k += deep)
    for (int64_t i = 0; i < height; i += 2 * kTile)
      for (int64_t j = 0; j < width; j += 2 * kTile) {
        const bool two = i + kTile < height, wide = j + kTile < width;
        if (two && wide) block(std::integer_sequence<int, 2, 2>(), i, j, k);
        else if (two) block(std::integer_sequence<int, 2, 1>(), i, j, k);
        else if (wide) block(std::integer_sequence<int, 1, 2>(), i, j, k);
        else block(std::integer_sequence<int, 1, 1>(), i, j, k);
      }
  return step_unit(step, true, height * width, at, [&](auto finish) {
    int64_t i = 0;
    for (; i + 4 * kTile <= height * width; i += 4 * kTile)
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) finish.done(i + j * kTile, j, load(g + i + j * kTile));
    for (; i < height * width; i += kTile) finish.done(i, 0, load(g + i));
    finish.end();
  });
}

template <class On, int P>
constexpr WordKernels<float> word_table(const char* isa) {
  return {.isa = isa,
          .parts = P,
          .rows = words_by_rows<P>,
          .turned = words_turned<P>,
          .pairs = words_in_pairs<P>,
          .dense = word_dense<On, P>,
          .dense_plain = word_dense_plain<On, P>,
          .dense_dx = word_dx<On, P>,
          .begin = On::begin,
          .end = On::end,
          .dense_dw = word_dw<On, P>};
}
