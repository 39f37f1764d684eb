// A dense layer of up to kThin outputs, whose panel would leave most of a vector empty: its products run their vectors
// along the inputs instead. Called from dense.inl.

constexpr int64_t kThin = kLanes<double> < 4 ? kLanes<double> : 4;

// The rows of the kernel (in, out), row-major with stride ld, that meet panel p of x, transposed: to[k * kPanel + i], with
// zeros past the last input.
template <class T>
inline void thin_panel(const T* kernel, int64_t in, int64_t out, int64_t ld, int64_t p, T* to) {
  for (int64_t k = 0; k < out; ++k)
    for (int64_t i = 0; i < kPanel<T>; ++i) {
      const int64_t row = p * kPanel<T> + i;
      to[k * kPanel<T> + i] = row < in ? kernel[row * ld + k] : T(0);
    }
}
template <class T>
inline void thin_panel(Panels<T> weights, int64_t p, T* to) {
  thin_panel(weights.at, weights.rows - 1, weights.width, panel_width<T>(weights.width, 0), p, to);
}

template <class T>
void dense_thin(Range range, Rows<T> x, int64_t in, const T* kernel, int64_t ld, const T* bias, bool relu,
                Panels<T> y) {
  const int64_t ldy = panel_width<T>(y.width, 0), last = panels<T>(in) - 1;
  alignas(64) T w[kThin * kPanel<T>];
  Vec<T> start{};
  for (int64_t k = 0; k < y.width; ++k) start[k] = bias[k];
  for (int64_t p = 0; p <= last; ++p) {
    thin_panel(kernel, in, y.width, ld, p, w);
    const int64_t width = panel_width<T>(in, p), stride = p < last ? x.stride : x.stride_last;
    for (int64_t r = range.first; r < range.first + range.rows; ++r) {
      const T* row = x.at + p * x.jump + r * stride;
      Vec<T> sums = p ? load(y.at + r * ldy) : start;
      for (int64_t k = 0; k < y.width; ++k) {
        Vec<T> s{};
        for (int64_t i = 0; i < width; i += kLanes<T>) s += load(row + i) * load(w + k * kPanel<T> + i);
        sums[k] += sum<T>(s);
      }
      store(y.at + r * ldy, relu && p == last ? (sums < Vec<T>{} ? Vec<T>{} : sums) : sums);
    }
  }
}

template <class T>
void dense_dx_thin(Range range, Panels<T> dy, Panels<T> weights, const T* relu_output, Panels<T> dx) {
  const int64_t lddy = panel_width<T>(dy.width, 0);
  alignas(64) T w[kThin * kPanel<T>];
  for (int64_t p = 0; p < panels<T>(dx.width); ++p) {
    thin_panel(weights, p, w);
    const int64_t width = panel_width<T>(dx.width, p), offset = p * kPanel<T> * dx.rows;
    for (int64_t r = range.first; r < range.first + range.rows; ++r)
      for (int64_t i = 0; i < width; i += kLanes<T>) {
        Vec<T> v{};
        for (int64_t k = 0; k < dy.width; ++k) v += dy.at[r * lddy + k] * load(w + k * kPanel<T> + i);
        const int64_t at = offset + r * width + i;
        if (relu_output) v = load(relu_output + at) > Vec<T>{} ? v : Vec<T>{};
        store(dx.at + at, v);
      }
  }
}

// The gradient of the kernel rows that meet one panel of x: dy^T x, turned around on its way to the rule.
template <class T, class Finish>
void dense_dw_thin(int64_t rows, const T* x, int64_t inputs, Panels<T> dy, Finish finish) {
  const int64_t lddy = panel_width<T>(dy.width, 0), width = (inputs + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  alignas(64) T g[kThin * kPanel<T>], turned[kLanes<T> * kLanes<T>];
  sweep<T, false>(Product<T>{rows, {dy.at, 0, lddy, lddy, true}, x, width}, {0, dy.width}, StoreGradient<T>{g});
  for (int64_t i = 0; i < inputs; i += kLanes<T>) {
    transpose_square<T>(dy.width, g + i, width, turned, kLanes<T>);
    const int64_t left = inputs - i < kLanes<T> ? inputs - i : kLanes<T>;
    for (int64_t k = 0; k < left; ++k) finish.done((i + k) * lddy, 0, load(turned + k * kLanes<T>));
  }
  finish.end();
}
