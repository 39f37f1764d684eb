// The three sweeps of the micro-kernel that make a dense layer: forward, gradient of the input, gradient of the weights.

constexpr int64_t kManyRows = 512;  // the operands of a product no longer fit the second cache

template <class T, bool relu>
struct FinishDense {
  const T* bias;
  T* y;
  Vec<T> start(int j) const { return load(bias + j * kLanes<T>); }
  void done(int64_t i, int, Vec<T> v) const { store(y + i, relu ? (v < Vec<T>{} ? Vec<T>{} : v) : v); }
  void end() const {}
};

// One row and kTileRows whole panels of the weights from p on: as many sums as a tile has. Those of one panel would wait
// for each other.
template <class T>
void dense_row(int64_t row, Rows<T> x, Panels<T> weights, int64_t p, bool relu, Panels<T> y) {
  constexpr int L = kLanes<T>;
  const int64_t in = weights.rows - 1, to_next = kPanel<T> * weights.rows;
  const T *w = panel_start(weights, p), *a = x.at;
  Vec<T> acc[kTileRows][kTileVectors];
  const auto each = [](auto f) {
#pragma GCC unroll 6
    for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < kTileVectors; ++j) f(i, j);
  };
  each([&](int i, int j) { acc[i][j] = load(w + i * to_next + in * kPanel<T> + j * L); });
  for (int64_t left = in; left > 0; left -= kPanel<T>, a += x.jump) {
    const bool last = left <= kPanel<T>;
    const T* from = a + row * (last ? x.stride_last : x.stride);
    for (int64_t d = 0; d < (last ? left : kPanel<T>); ++d, w += kPanel<T>) {
      const Vec<T> v = splat(from[d]);
      each([&](int i, int j) { acc[i][j] += v * load(w + i * to_next + j * L); });
    }
  }
  each([&](int i, int j) {
    const Vec<T> v = acc[i][j];
    store(panel_start(y, p + i) + row * kPanel<T> + j * L, relu ? (v < Vec<T>{} ? Vec<T>{} : v) : v);
  });
}

template <class T>
void dense(Range range, Rows<T> x, Panels<T> weights, bool relu, Panels<T> y) {
  const int64_t in = weights.rows - 1, ld = panel_width<T>(y.width, 0);
  if (y.width <= kThin && x.padded) return dense_thin(range, x, in, weights.at, ld, weights.at + in * ld, relu, y);
  int64_t p = 0;
  for (; range.rows == 1 && (p + kTileRows) * kPanel<T> <= y.width; p += kTileRows)
    dense_row(range.first, x, weights, p, relu, y);
  for (; p < panels<T>(y.width); ++p) {
    const int64_t width = panel_width<T>(y.width, p);
    const T* w = panel_start(weights, p);
    const Product<T> product{in, x, w, width};
    const FinishDense<T, false> plain{w + in * width, panel_start(y, p)};
    const auto run = [&](const auto& finish) {
      if (range.rows < kManyRows) sweep<T, true>(product, range, finish);
      else sweep_deep<T, true>(product, range, plain.y, plain, finish);
    };
    if (relu) run(FinishDense<T, true>{plain.bias, plain.y});
    else run(plain);
  }
}

template <class T, bool masked>
struct FinishDx {
  const T* relu_output;
  T* dx;
  static Vec<T> start(int) { return Vec<T>{}; }
  void end() const {}
  void done(int64_t i, int, Vec<T> v) const {
    if constexpr (masked) v = load(relu_output + i) > Vec<T>{} ? v : Vec<T>{};
    store(dx + i, v);
  }
};

template <class T>
void dense_dx(Range range, Panels<T> dy, Panels<T> weights, const T* relu_output, Panels<T> dx, T* scratch) {
  if (dy.width <= kThin) return dense_dx_thin(range, dy, weights, relu_output, dx);
  const Rows<T> a{dy.at, kPanel<T> * dy.rows, kPanel<T>, panel_width<T>(dy.width, panels<T>(dy.width) - 1), true};
  for (int64_t p = 0; p < panels<T>(dx.width); ++p) {
    const int64_t width = panel_width<T>(dx.width, p), offset = p * kPanel<T> * dx.rows;
    transpose_rows(weights, p * kPanel<T>, width, scratch);
    const Product<T> product{dy.width, a, scratch, width};
    const FinishDx<T, false> plain{nullptr, dx.at + offset};
    const auto run = [&](const auto& finish) {
      if (range.rows < kManyRows) sweep<T, true>(product, range, finish);
      else sweep_deep<T, true>(product, range, plain.dx, plain, finish);
    };
    if (relu_output) run(FinishDx<T, true>{relu_output + offset, plain.dx});
    else run(plain);
  }
}

// Columns of a by columns of b: a part of a unit, of kUnitRows rows at most.
template <class T, class Finish>
void sweep_columns(const Product<T>& product, Range part, const Finish& finish) {
  if (product.depth < kManyRows) return sweep<T, false>(product, part, finish);
  alignas(64) T sums[kUnitRows * kPanel<T>];
  sweep_deep<T, false>(product, part, sums, StoreGradient<T>{sums}, finish);
}

template <class T>
Norms dense_dw(int64_t p, int64_t u, int64_t rows, Rows<T> x, int64_t in, Panels<T> dy, const Step<T>* step,
               Weights<T> at) {
  static_assert(kUnitRows % kPanel<T> == 0);
  const int64_t width = panel_width<T>(dy.width, p), first = u * kUnitRows;
  const bool bias = first >= in;  // the weights' last row
  const int64_t height = bias ? 1 : in - first < kUnitRows ? in - first : kUnitRows;
  Product<T> product{rows, x, panel_start(dy, p), width};
  const auto run = [=](auto finish) mutable {
    if (bias) {
      static constexpr T one = 1;
      alignas(64) T sums[kPanel<T>];
      thin_sums<T, 1>(rows, &one, 0, product.b, width, sums);
      for (int64_t c = 0; c < width; c += kLanes<T>) finish.done(c, int(c / kLanes<T>), load(sums + c));
      return finish.end();
    }
    for (int64_t i = 0; i < height; i += kPanel<T>) {
      const int64_t panel = (first + i) / kPanel<T>, left = in - panel * kPanel<T>;
      const Range part{i, left < kPanel<T> ? left : kPanel<T>};
      const T* a = x.at + panel * x.jump;
      if (dy.width <= kThin && x.padded) {
        dense_dw_thin(rows, a, part, dy, finish);
        continue;
      }
      product.a.at = a - i;
      product.a.stride_last = left > kPanel<T> ? x.stride : x.stride_last;
      sweep_columns(product, part, finish);
    }
  };
  const Weights<T> here = at.from(p * kPanel<T> * (in + 1) + (bias ? in : first) * width);
  return step_unit(step, !bias, height * width, here, run);
}
