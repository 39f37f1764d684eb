// A dense layer of up to kThin outputs, whose panel would leave most of a vector empty: its products run their vectors
// along the inputs instead. Called from dense.inl.

constexpr int64_t kThin = kLanes<double> < kThinColumns ? kLanes<double> : kThinColumns;

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

constexpr int64_t kThinPanels = 8;  // of x, whose products are summed lane by lane before a row's lanes are

// f(number of outputs, at most kThin), known to the compiler
template <class F>
inline void with_outputs(int64_t out, F f) {
  switch (out) {
    case 1: return f(std::integral_constant<int, 1>());
    case 2: return f(std::integral_constant<int, 2>());
    case 3: return f(std::integral_constant<int, (kThin < 3 ? 1 : 3)>());  // a vector must hold them all
    case 4: return f(std::integral_constant<int, (kThin < 4 ? 1 : 4)>());
  }
}

// The rows go by kLanes, whose vectors of products are turned, so that a sum over lanes is a sum of vectors.
template <class T, int out>
void dense_thin(Range range, Rows<T> x, int64_t in, const T* kernel, int64_t ld, const T* bias, bool relu,
                Panels<T> y) {
  constexpr int L = kLanes<T>;
  const int64_t n = panels<T>(in);
  alignas(64) T w[kThinPanels * out * kPanel<T>], products[out][L * L], turned[L * L], columns[L * L];
  for (int64_t first = 0; first < n || first == 0; first += kThinPanels) {
    const int64_t end = first + kThinPanels < n ? first + kThinPanels : n;
    for (int64_t p = first; p < end; ++p) thin_panel(kernel, in, out, ld, p, w + (p - first) * out * kPanel<T>);
    for (int64_t r = range.first; r < range.first + range.rows; r += L) {
      const int64_t left = range.first + range.rows - r, rows = left < L ? left : L;
      const auto multiply = [&]<int count>(int64_t i) {  // `count` rows together: sums that do not wait for each other
        Vec<T> sums[count][out] = {};
        const T* weights = w;
        for (int64_t p = first; p < end; ++p, weights += out * kPanel<T>) {
          const int64_t stride = p + 1 < n ? x.stride : x.stride_last;
          const T* row = x.at + p * x.jump + (r + i) * stride;
          for (int64_t c = 0; c < panel_width<T>(in, p); c += L)
#pragma GCC unroll 4
            for (int k = 0; k < out; ++k)
#pragma GCC unroll 4
              for (int j = 0; j < count; ++j)
                sums[j][k] += load(row + j * stride + c) * load(weights + k * kPanel<T> + c);
        }
#pragma GCC unroll 4
        for (int k = 0; k < out; ++k)
#pragma GCC unroll 4
          for (int j = 0; j < count; ++j) store(products[k] + (i + j) * L, sums[j][k]);
      };
      constexpr int together = 4 / out;
      int64_t i = 0;
      for (; i + together <= rows; i += together) multiply.template operator()<together>(i);
      for (; i < rows; ++i) multiply.template operator()<1>(i);
      T* to = y.at + r * L;  // out is no more than a vector
      for (int k = 0; k < out; ++k) {
        transpose_square<T>(rows, products[k], L, turned, L);
        Vec<T> sums[4] = {};
#pragma GCC unroll 16
        for (int j = 0; j < L; ++j) sums[j % 4] += load(turned + j * L);
        store(columns + k * L, (sums[0] + sums[1]) + (sums[2] + sums[3]));
      }
      transpose_square<T>(out, columns, L, turned, L);
      for (int64_t i = 0; i < rows; ++i) {
        const Vec<T> v = load(turned + i * L) + (first == 0 ? load(bias, out) : load(to + i * L));
        store(to + i * L, relu && end == n ? (v < Vec<T>{} ? Vec<T>{} : v) : v);
      }
    }
  }
}
template <class T>
void dense_thin(Range range, Rows<T> x, int64_t in, const T* kernel, int64_t ld, const T* bias, bool relu,
                Panels<T> y) {
  with_outputs(y.width, [&](auto out) { dense_thin<T, out>(range, x, in, kernel, ld, bias, relu, y); });
}

template <class T, int out, int N>
void thin_dx_panel(Range range, const T* dy, int64_t lddy, const T* w, const T* relu_output, T* dx) {
  constexpr int L = kLanes<T>;
  for (int64_t r = range.first; r < range.first + range.rows; ++r)
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      Vec<T> v{};
#pragma GCC unroll 4
      for (int k = 0; k < out; ++k) v += dy[r * lddy + k] * load(w + k * kPanel<T> + j * L);
      const int64_t at = (r * N + j) * L;
      if (relu_output) v = load(relu_output + at) > Vec<T>{} ? v : Vec<T>{};
      store(dx + at, v);
    }
}
template <class T, int out>
void dense_dx_thin(Range range, Panels<T> dy, Panels<T> weights, const T* relu_output, Panels<T> dx) {
  alignas(64) T w[out * kPanel<T>];
  for (int64_t p = 0; p < panels<T>(dx.width); ++p) {
    thin_panel(weights, p, w);
    const int64_t offset = p * kPanel<T> * dx.rows;
    with_vectors<T>(panel_width<T>(dx.width, p), [&](auto vectors) {
      thin_dx_panel<T, out, decltype(vectors)::value>(range, dy.at, panel_width<T>(out, 0), w,
                                                      relu_output ? relu_output + offset : nullptr, dx.at + offset);
    });
  }
}
template <class T>
void dense_dx_thin(Range range, Panels<T> dy, Panels<T> weights, const T* relu_output, Panels<T> dx) {
  with_outputs(dy.width, [&](auto out) { dense_dx_thin<T, out>(range, dy, weights, relu_output, dx); });
}

// sums (out, width) = a^T b for few columns of a, in parts that do not wait for each other.
template <class T, int out, int N>
void thin_sums(int64_t rows, const T* a, int64_t lda, const T* b, T* sums) {
  constexpr int L = kLanes<T>, parts = out * N < 8 ? 8 / (out * N) : 1;
  Vec<T> part[parts][out][N] = {};
  const auto add = [&](int64_t r, int i) {
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      const Vec<T> v = load(b + (r * N + j) * L);
#pragma GCC unroll 4
      for (int k = 0; k < out; ++k) part[i][k][j] += a[r * lda + k] * v;
    }
  };
  int64_t r = 0;
  for (; r + parts <= rows; r += parts)
#pragma GCC unroll 8
    for (int i = 0; i < parts; ++i) add(r + i, i);
  for (; r < rows; ++r) add(r, 0);
#pragma GCC unroll 4
  for (int k = 0; k < out; ++k)
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      Vec<T> sum = part[0][k][j];
#pragma GCC unroll 8
      for (int i = 1; i < parts; ++i) sum += part[i][k][j];
      store(sums + (k * N + j) * L, sum);
    }
}
template <class T, int out>
void thin_sums(int64_t rows, const T* a, int64_t lda, const T* b, int64_t width, T* sums) {
  with_vectors<T>(width, [&](auto vectors) { thin_sums<T, out, decltype(vectors)::value>(rows, a, lda, b, sums); });
}

// The gradient of the rows of a unit that meet one panel of x: dy^T x, turned around on its way to the rule.
template <class T, class Finish>
void dense_dw_thin(int64_t rows, const T* x, Range part, Panels<T> dy, Finish finish) {
  const int64_t inputs = part.rows, lddy = panel_width<T>(dy.width, 0), width = panel_width<T>(inputs, 0);
  alignas(64) T g[kThin * kPanel<T>], turned[kLanes<T> * kLanes<T>];
  with_outputs(dy.width, [&](auto out) { thin_sums<T, out>(rows, dy.at, lddy, x, width, g); });
  for (int64_t i = 0; i < inputs; i += kLanes<T>) {
    transpose_square<T>(dy.width, g + i, width, turned, kLanes<T>);
    const int64_t left = inputs - i < kLanes<T> ? inputs - i : kLanes<T>;
    for (int64_t k = 0; k < left; ++k) finish.done((part.first + i + k) * lddy, 0, load(turned + k * kLanes<T>));
  }
  finish.end();
}
