// Dropout and Gaussian noise: what an element gets depends on the seed, the step, the op, its row and its column alone.

// The random words of panels: word (row % 4) of Philox at the counter (column, row / 4, step, op), keyed by the seed.
template <class T>
struct RandomWords {
  static constexpr int per_word = 8 / int(sizeof(T));  // columns in a 64-bit lane
  typedef std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t> Word;
  typedef Word Lanes __attribute__((vector_size(kVectorBytes)));  // 32 random bits in each

  PhiloxKeys keys;
  Words step, op, lane;

  explicit RandomWords(const Dropout<T>& with)
      : keys(philox_keys(with.seed)), step(Words{} + uint64_t(with.step)), op(Words{} + uint64_t(with.op)) {
    for (int i = 0; i < kWords; ++i) lane[i] = uint64_t(i) * per_word;
  }

  // words[r]: of the elements in row 4 group + r, from column c on
  void operator()(uint64_t group, uint64_t c, Lanes (&words)[4]) const {
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
      words[r] = Lanes(joined);
    }
  }
};

// y = f(x, rows of four vectors) by the random words of each four rows, as make(words, out) turns them into vectors.
template <class T, class Make, class F>
void map_random(const Dropout<T>& with, Range range, Panels<T> x, Panels<T> y, Make make, F f) {
  const RandomWords<T> random(with);
  const int64_t end = range.first + range.rows;
  for (int64_t p = 0; p < panels<T>(x.width); ++p) {
    const int64_t width = panel_width<T>(x.width, p);
    const T* from = panel_start(x, p);
    T* to = panel_start(y, p);
    for (int64_t top = range.first / 4 * 4; top < end; top += 4) {
      const int64_t first = top < range.first ? range.first - top : 0, rows = end - top < 4 ? end - top : 4;
      for (int64_t c = 0; c < width; c += kLanes<T>) {
        typename RandomWords<T>::Lanes words[4];
        random(uint64_t(top / 4), uint64_t(p * kPanel<T> + c), words);
        Vec<T> drawn[4];
        make(words, drawn);
        const auto row = [&](int64_t r) {
          const int64_t i = (top + r) * width + c;
          store(to + i, f(load(from + i), drawn[r]));
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

template <class T>
void dropout(const Dropout<T>& with, Range range, Panels<T> x, Panels<T> y) {
  using Lanes = typename RandomWords<T>::Lanes;
  using Word = typename RandomWords<T>::Word;
  const T scale = T(1) / (T(1) - with.rate);
  const Lanes threshold = Lanes{} + Word(double(with.rate) * 4294967296.0);  // words below it drop
  const auto masks = [=](const Lanes(&words)[4], Vec<T>(&keep)[4]) {
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) keep[r] = Vec<T>(IntVec<T>(words[r] >= threshold));
  };
  map_random<T>(with, range, x, y, masks,
                [=](Vec<T> v, Vec<T> keep) { return Vec<T>(IntVec<T>(v * scale) & IntVec<T>(keep)); });
}

// The sine and cosine of 2 pi u for 0 <= u < 1.
template <class T>
inline std::pair<Vec<T>, Vec<T>> around(Vec<T> u) {
  if constexpr (sizeof(T) == 8) {
    const SinCos both = sin_cos(u * 6.283185307179586477);
    return {both.sin, both.cos};
  } else {  // u = n / 4 + r / (2 pi), exactly
    const Vec<T> n = round<T>(u * T(4)), r = (u - n * T(0.25)) * T(6.283185307179586477), z = r * r;
    Vec<T> s = splat(T(taylor(9))), c = splat(T(taylor(8)));
#pragma GCC unroll 4
    for (int k = 7; k >= 3; k -= 2) s = s * z + T(taylor(k));
#pragma GCC unroll 4
    for (int k = 6; k >= 2; k -= 2) c = c * z + T(taylor(k));
    s = r + r * z * s;
    c = T(1) + z * c;
    const IntVec<T> quadrant = __builtin_convertvector(n, IntVec<T>), odd = (quadrant & 1) != 0;
    return {Vec<T>(IntVec<T>(odd ? c : s) ^ ((quadrant & 2) << 30)),
            Vec<T>(IntVec<T>(odd ? s : c) ^ (((quadrant + 1) & 2) << 30))};
  }
}

// Normal numbers from pairs of uniform ones (Box and Muller 1958): sqrt(-2 log(u)) times the cosine and the sine of 2 pi u'.
template <class T>
void gaussian(const Dropout<T>& with, Range range, Panels<T> x, Panels<T> y) {
  using Lanes = typename RandomWords<T>::Lanes;
  constexpr int spare = sizeof(T) == 4 ? 8 : 0;  // bits that the element type does not hold
  constexpr T unit = sizeof(T) == 4 ? T(0x1p-24) : T(0x1p-32);
  const auto uniform = [](Lanes words) { return __builtin_convertvector(IntVec<T>(words >> spare), Vec<T>) * unit; };
  const auto normals = [=](const Lanes(&words)[4], Vec<T>(&drawn)[4]) {
#pragma GCC unroll 2
    for (int r = 0; r < 4; r += 2) {
      const Vec<T> radius = square_root<T>(T(-2) * log<T>(uniform(words[r]) + T(0.5) * unit));
      const auto [sin, cos] = around<T>(uniform(words[r + 1]));
      drawn[r] = radius * cos;
      drawn[r + 1] = radius * sin;
    }
  };
  map_random<T>(with, range, x, y, normals, [rate = with.rate](Vec<T> v, Vec<T> z) { return v + rate * z; });
}
