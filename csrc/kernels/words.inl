// Numbers rounded to bfloat16 and paired: the operands of the products in bf16.inl, from panels and rows of float.

// Sixteen words.
typedef uint32_t WordVec __attribute__((vector_size(64)));
typedef uint32_t UnalignedWords __attribute__((vector_size(64), aligned(4), may_alias));

inline void store_words(void* to, WordVec v) { *static_cast<UnalignedWords*>(to) = v; }

// (first[0], first[1]), (first[2], first[3]) ... of 32 numbers that follow each other
inline WordVec along(Vec<float> first, Vec<float> next) {
  return WordVec(_mm512_cvtne2ps_pbh(__m512(next), __m512(first)));
}

// (low[0], high[0]), (low[1], high[1]) ...
inline WordVec across(Vec<float> low, Vec<float> high) {
  typedef uint16_t Halves __attribute__((vector_size(64)));
  Halves interleaved{};
  for (int i = 0; i < 32; ++i) interleaved[i] = uint16_t(i / 2 + i % 2 * 16);
  return WordVec(_mm512_permutexvar_epi16(__m512i(interleaved), __m512i(along(low, high))));
}

inline Vec<float> load_up_to(const float* p, int64_t n) { return n > 0 ? load(p, n) : Vec<float>{}; }

// to (16, 16) <- the transpose of `square`, words
inline void turn(const float* square, uint32_t* to, int64_t stride) {
  transpose_square<float>(kWords, square, kWords, reinterpret_cast<float*>(to), stride);
}

inline void words_by_rows(Range range, Rows<float> x, const int64_t* order, int64_t width, Words to) {
  const int64_t last = panels<float>(width) - 1, end = range.first + range.rows;
  const auto row = [&](int64_t r, int64_t p) {
    return x.at + p * x.jump + (order ? order[r] : r) * (p < last ? x.stride : x.stride_last);
  };
  for (int64_t r = range.first; r < end; ++r)
    for (int64_t p = 0; p <= last; ++p) {
      const float *from = row(r, p), *next = row(r + 1 < end ? r + 1 : r, p);
      for (int64_t c = p * kPanel<float>; c < width && c < (p + 1) * kPanel<float>; c += 2 * kWords) {
        __builtin_prefetch(next);
        __builtin_prefetch(next + kWords);
        store_words(to.at + c / 2 * to.rows + r * kWords,
                    along(load_up_to(from, width - c), load_up_to(from + kWords, width - c - kWords)));
        from += 2 * kWords;
        next += 2 * kWords;
      }
    }
}

inline void words_turned(int64_t u, int64_t rows, Words x, int64_t width, Words to) {
  const int64_t first = u * kPanel<float>, end = first + kPanel<float> < width ? first + kPanel<float> : width;
  alignas(64) float even[kWords * kWords], odd[kWords * kWords];
  for (int64_t c = first; c < end; c += 2 * kWords)
    for (int64_t r = 0; r < rows; r += 2 * kWords) {
      const auto row = [&](int64_t i) {
        return i < rows ? *reinterpret_cast<const UnalignedWords*>(x.at + c / 2 * x.rows + i * kWords) : WordVec{};
      };
      for (int64_t d = 0; d < kWords; ++d) {
        const WordVec a = row(r + 2 * d), b = row(r + 2 * d + 1);
        store_words(even + d * kWords, (a & 0xffff) | b << 16);
        store_words(odd + d * kWords, a >> 16 | (b & 0xffff0000));
      }
      uint32_t* at = to.at + r / 2 * to.rows + c * kWords;
      turn(even, at, 2 * kWords);
      turn(odd, at + kWords, 2 * kWords);
    }
}

// The pairs of rows of a block (height, used) that begins at `from`, in panels of words `jump` apart; rows that are
// missing in the last panel of the depth count as 0.
inline void pair_rows(const float* from, int64_t ld, int64_t height, int64_t used, uint32_t* to, int64_t jump) {
  for (int64_t r = 0; r < (height + 2 * kWords - 1) / (2 * kWords) * 2 * kWords; r += 2)
    for (int64_t c = 0; c < used; c += kWords) {
      const auto row = [&](int64_t i) { return i < height ? load(from + i * ld + c, used - c) : Vec<float>{}; };
      store_words(to + c / kWords * jump + r / 2 * kWords, across(row(r), row(r + 1)));
    }
}

inline void words_in_pairs(int64_t p, int64_t rows, Panels<float> dy, Words to) {
  const int64_t ld = panel_width<float>(dy.width, p), column = p * kPanel<float>;
  pair_rows(panel_start(dy, p), ld, rows, dy.width - column < ld ? dy.width - column : ld, to.at + column * to.rows,
            to.rows * kWords);
}

inline void words_of_weights(int64_t p, int64_t u, Panels<float> weights, Words to, Words back) {
  const int64_t in = weights.rows - 1, ld = panel_width<float>(weights.width, p), first = u * kPanel<float>;
  const int64_t height = in - first < kPanel<float> ? in - first : kPanel<float>, column = p * kPanel<float>;
  const float* from = panel_start(weights, p) + first * ld;
  pair_rows(from, ld, height, ld, to.at + column * to.rows + first / 2 * kWords, to.rows * kWords);
  if (!back.at) return;
  alignas(64) float square[kWords * kWords];
  for (int64_t i = 0; i < height; i += kWords)
    for (int64_t c = 0; c < ld; c += 2 * kWords) {
      for (int64_t k = 0; k < kWords; ++k) {
        const float* row = from + (i + k) * ld + c;
        store_words(square + k * kWords,
                    i + k < height ? along(load(row), load_up_to(row + kWords, ld - c - kWords)) : WordVec{});
      }
      turn(square, back.at + (first + i) * back.rows + (column + c) / 2 * kWords, kWords);
    }
}
