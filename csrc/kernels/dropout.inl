// Dropout: each element's fate is word (row % 4) of Philox at the counter (column, row / 4, step, op), keyed by the seed.

// Where the elements of rows 4 group .. 4 group + 3 and columns c .. c + kLanes - 1 are kept: all bits of their lanes.
template <class T>
inline void keeps(const Dropout<T>& with, uint64_t group, uint64_t c, uint64_t threshold, IntVec<T> (&keep)[4]) {
  constexpr int per_lane = 8 / int(sizeof(T));  // columns of T in a 64-bit lane
  Words column{};
  for (int i = 0; i < kWords; ++i) column[i] = c + uint64_t(i) * per_lane;
  Words made[per_lane][4];
#pragma GCC unroll 2
  for (int j = 0; j < per_lane; ++j) {
    made[j][0] = column + uint64_t(j);
    made[j][1] = Words{} + group;
    made[j][2] = Words{} + uint64_t(with.step);
    made[j][3] = Words{} + uint64_t(with.op);
    philox(made[j], with.seed);
  }
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    typedef std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t> Word;
    typedef Word Unsigned __attribute__((vector_size(kVectorBytes)));
    Words joined = made[0][r];
    if constexpr (per_lane == 2) joined |= made[1][r] << 32;
    keep[r] = IntVec<T>(Unsigned(joined) >= Unsigned{} + Word(threshold));
  }
}

template <class T>
void dropout(const Dropout<T>& with, Range range, Panels<T> x, Panels<T> y) {
  const auto threshold = uint64_t(double(with.rate) * 4294967296.0);
  const T scale = T(1) / (T(1) - with.rate);
  const int64_t end = range.first + range.rows;
  for (int64_t p = 0; p < panels<T>(x.width); ++p) {
    const int64_t width = panel_width<T>(x.width, p);
    const T* from = panel_start(x, p);
    T* to = panel_start(y, p);
    for (int64_t group = range.first / 4; 4 * group < end; ++group)
      for (int64_t c = 0; c < width; c += kLanes<T>) {
        IntVec<T> keep[4];
        keeps<T>(with, uint64_t(group), uint64_t(p * kPanel<T> + c), threshold, keep);
        for (int64_t r = 0; r < 4; ++r) {
          const int64_t row = 4 * group + r, i = row * width + c;
          if (row < range.first || row >= end) continue;
          store(to + i, keep[r] ? load(from + i) * scale : Vec<T>{});
        }
      }
  }
}
