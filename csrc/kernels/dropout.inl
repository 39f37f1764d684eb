// Dropout: each element's fate is word (row % 4) of Philox at the counter (column, row / 4, step, op), keyed by the seed.

template <class T>
struct DropoutMasks {
  static constexpr int per_word = 8 / int(sizeof(T));  // columns in a 64-bit lane
  typedef std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t> Word;
  typedef Word Threshold __attribute__((vector_size(kVectorBytes)));

  PhiloxKeys keys;
  Words step, op, lane;
  Threshold threshold;  // words below it drop

  explicit DropoutMasks(const Dropout<T>& with)
      : keys(philox_keys(with.seed)), step(Words{} + uint64_t(with.step)), op(Words{} + uint64_t(with.op)),
        threshold(Threshold{} + Word(double(with.rate) * 4294967296.0)) {
    for (int i = 0; i < kWords; ++i) lane[i] = uint64_t(i) * per_word;
  }

  // keep[r] has all bits of a lane set where the element in row 4 group + r and that column from c on is kept.
  void operator()(uint64_t group, uint64_t c, IntVec<T> (&keep)[4]) const {
    Words made[per_word][4];
#pragma GCC unroll 2
    for (int j = 0; j < per_word; ++j) {
      made[j][0] = lane + (c + uint64_t(j));
      made[j][1] = Words{} + group;
      made[j][2] = step;
      made[j][3] = op;
      philox(made[j], keys);
    }
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
      Words joined = made[0][r] & 0xffffffffu;
      if constexpr (per_word == 2) joined |= made[1][r] << 32;
      keep[r] = IntVec<T>(Threshold(joined) >= threshold);
    }
  }
};

template <class T>
void dropout(const Dropout<T>& with, Range range, Panels<T> x, Panels<T> y) {
  const DropoutMasks<T> masks(with);
  const T scale = T(1) / (T(1) - with.rate);
  const int64_t end = range.first + range.rows;
  for (int64_t p = 0; p < panels<T>(x.width); ++p) {
    const int64_t width = panel_width<T>(x.width, p);
    const T* from = panel_start(x, p);
    T* to = panel_start(y, p);
    for (int64_t top = range.first / 4 * 4; top < end; top += 4) {
      const int64_t first = top < range.first ? range.first - top : 0, rows = end - top < 4 ? end - top : 4;
      for (int64_t c = 0; c < width; c += kLanes<T>) {
        IntVec<T> keep[4];
        masks(uint64_t(top / 4), uint64_t(p * kPanel<T> + c), keep);
        const auto row = [&](int64_t r) {
          const int64_t i = (top + r) * width + c;
          store(to + i, Vec<T>(IntVec<T>(load(from + i) * scale) & keep[r]));
        };
        if (first == 0 && rows == 4) {
#pragma GCC unroll 4
          for (int64_t r = 0; r < 4; ++r) row(r);
        } else {
          for (int64_t r = first; r < rows; ++r) row(r);
        }
      }
    }
  }
}
