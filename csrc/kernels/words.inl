// Numbers split into bfloat16 parts and paired: the operands of the products in word_products.inl.

// Sixteen words.
typedef uint32_t WordVec __attribute__((vector_size(64)));
typedef uint32_t UnalignedWords __attribute__((vector_size(64), aligned(4), may_alias));

inline void store_words(uint32_t* to, WordVec v) { *reinterpret_cast<UnalignedWords*>(to) = v; }

constexpr uint32_t kUpper = 0xffff0000;  // the half of a float that is a bfloat16

typedef uint16_t Halves __attribute__((vector_size(64)));
template <class F>
inline Halves halves(F index) {
  Halves v{};
  for (int i = 0; i < 32; ++i) v[i] = uint16_t(index(i));
  return v;
}

// How two vectors pair: numbers of one that follow each other, (a[0], a[1]) ... (b[14], b[15]).
struct Along {
  static WordVec rounded(Vec<float> a, Vec<float> b) { return WordVec(_mm512_cvtne2ps_pbh(__m512(b), __m512(a))); }
  static WordVec upper(WordVec a, WordVec b) {
    return WordVec(_mm512_permutex2var_epi16(__m512i(a), __m512i(halves([](int i) { return 2 * i + 1; })), __m512i(b)));
  }
};

// Or those in the same lane, (a[0], b[0]) ... (a[15], b[15]).
struct Across {
  static WordVec rounded(Vec<float> a, Vec<float> b) {
    const Halves order = halves([](int i) { return i / 2 + i % 2 * 16; });
    return WordVec(_mm512_permutexvar_epi16(__m512i(order), __m512i(Along::rounded(a, b))));
  }
  static WordVec upper(WordVec a, WordVec b) { return a >> 16 | (b & kUpper); }
};

// The words of two vectors: each part at `to` and every tile from there on. The first of three parts is cut off, the
// second rounded, so that what is left of one number has nothing to do with what is left of another.
template <int P, class Pair>
inline void split(Vec<float> a, Vec<float> b, uint32_t* to) {
  if constexpr (P == 1) {
    store_words(to, Pair::rounded(a, b));
  } else {
    store_words(to, Pair::upper(WordVec(a), WordVec(b)));
    const Vec<float> rest_a = a - Vec<float>(WordVec(a) & kUpper), rest_b = b - Vec<float>(WordVec(b) & kUpper);
    const WordVec next_a = WordVec(rest_a) + 0x8000, next_b = WordVec(rest_b) + 0x8000;
    store_words(to + kTileWords, Pair::upper(next_a, next_b));
    store_words(to + 2 * kTileWords, Pair::upper(WordVec(rest_a - Vec<float>(next_a & kUpper)),
                                                 WordVec(rest_b - Vec<float>(next_b & kUpper))));
  }
}

inline Vec<float> load_up_to(const float* p, int64_t n) { return n > 0 ? load(p, n) : Vec<float>{}; }

// to <- the transpose of tiles that are [column][word] or [word][row]
template <int P>
inline void turn(const uint32_t* tiles, uint32_t* to) {
  for (int part = 0; part < P; ++part)
    transpose_square<float>(kTile, reinterpret_cast<const float*>(tiles + part * kTileWords), kTile,
                            reinterpret_cast<float*>(to + part * kTileWords), kTile);
}

// Where a row of 16 words is: row i of the tiles that begin at `at`, in panel k of the depth.
template <int P>
inline uint32_t* word_row(Words to, int64_t i, int64_t k) {
  return to.at + i / kTile * to.stride + k * P * kTileWords + i % kTile * kTile;
}

template <int P>
void words_by_rows(Range range, Rows<float> x, int64_t width, Words to) {
  const int64_t last = panels<float>(width) - 1;
  for (int64_t r = range.first; r < range.first + range.rows; ++r)
    for (int64_t c = 0; c < width; c += kTileDepth) {
      const int64_t p = c / kPanel<float>;
      const float* from = x.at + p * x.jump + r * (p < last ? x.stride : x.stride_last) + c % kPanel<float>;
      split<P, Along>(load_up_to(from, width - c), load_up_to(from + kTile, width - c - kTile),
                      word_row<P>(to, r, c / kTileDepth));
    }
}

// Panel k of the depth of a right operand, 16 columns: from the rows of a block (height, used) that begin at `from`.
template <int P>
inline void pair_rows(const float* from, int64_t ld, int64_t height, int64_t used, uint32_t* to) {
  if (height >= kTileDepth && used >= kTile) {
    for (int64_t d = 0; d < kTile; ++d)
      split<P, Across>(load(from + 2 * d * ld), load(from + (2 * d + 1) * ld), to + d * kTile);
  } else {
    const auto row = [&](int64_t i) { return i < height ? load_up_to(from + i * ld, used) : Vec<float>{}; };
    for (int64_t d = 0; d < kTile; ++d) split<P, Across>(row(2 * d), row(2 * d + 1), to + d * kTile);
  }
}

template <int P>
void words_turned(int64_t u, int64_t rows, Rows<float> x, int64_t width, Words to) {
  const int64_t first = u * kPanel<float>, end = first + kPanel<float> < width ? first + kPanel<float> : width;
  const int64_t ld = u + 1 < panels<float>(width) ? x.stride : x.stride_last;
  alignas(64) uint32_t tiles[P * kTileWords];
  for (int64_t c = first; c < end; c += kTile)
    for (int64_t k = 0; k < Words::panels(rows); ++k) {
      const float* from = x.at + u * x.jump + c - first + k * kTileDepth * ld;
      pair_rows<P>(from, ld, rows - k * kTileDepth, width - c, tiles);
      turn<P>(tiles, word_row<P>(to, c, k));
    }
}

template <int P>
void words_in_pairs(int64_t p, int64_t rows, Panels<float> dy, Words to) {
  const int64_t width = panel_width<float>(dy.width, p), column = p * kPanel<float>;
  for (int64_t c = 0; c < width; c += kTile)
    for (int64_t k = 0; k < Words::panels(rows); ++k)
      pair_rows<P>(panel_start(dy, p) + k * kTileDepth * width + c, width, rows - k * kTileDepth, dy.width - column - c,
                   word_row<P>(to, column + c, k));
}
