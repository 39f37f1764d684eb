// Activation functions and their derivatives: one definition of each.

// y = f(x) of every element, by a callable on vectors: the rows of a range are one span of each panel
template <class T, class F>
inline void map_panels(Range range, Panels<T> x, Panels<T> y, F f) {
  for (int64_t p = 0; p < panels<T>(x.width); ++p) {
    const int64_t width = panel_width<T>(x.width, p);
    const T* from = panel_start(x, p) + range.first * width;
    T* to = panel_start(y, p) + range.first * width;
    for (int64_t i = 0; i < range.rows * width; i += kLanes<T>) store(to + i, f(load(from + i)));
  }
}

// y from x for rows of up to two vectors: kLanes rows at a time are transposed, so that columns[c * kLanes] begins a
// vector of column c; f(columns) changes them, and they are transposed back, with zeros in the padding.
template <class T, class F>
inline void by_columns(Range range, Panels<T> x, Panels<T> y, F f) {
  constexpr int L = kLanes<T>;
  alignas(64) T columns[2 * L * L], rows[L * L];
  const int64_t width = panel_width<T>(x.width, 0);
  for (int64_t r = range.first; r < range.first + range.rows; r += L) {
    const int64_t n = range.first + range.rows - r;
    for (int64_t c = 0; c < width; c += L) transpose_square<T>(n, x.at + r * width + c, width, columns + c * L, L);
    f(columns);
    for (int64_t c = 0; c < width; c += L) {
      transpose_square<T>(x.width - c, columns + c * L, L, rows, L);
      for (int64_t i = 0; i < L && i < n; ++i) store(y.at + (r + i) * width + c, load(rows + i * L));
    }
  }
}

// map_panels where f costs more than two transposes: rows of up to half a vector go by columns, which leave no lane empty.
template <class T, class F>
inline void map_costly(Range range, Panels<T> x, Panels<T> y, F f) {
  constexpr int L = kLanes<T>;
  if (x.width > L / 2) return map_panels<T>(range, x, y, f);
  by_columns<T>(range, x, y, [&](T* columns) {
    for (int64_t c = 0; c < x.width; ++c) store(columns + c * L, f(load(columns + c * L)));
  });
}

// dx = dy * f'(at)
template <class T, class F>
inline void map_panels_dx(Range range, Panels<T> at, Panels<T> dy, Panels<T> dx, F derivative) {
  for (int64_t p = 0; p < panels<T>(at.width); ++p) {
    const int64_t width = panel_width<T>(at.width, p), offset = p * kPanel<T> * at.rows + range.first * width;
    for (int64_t i = offset; i < offset + range.rows * width; i += kLanes<T>)
      store(dx.at + i, load(dy.at + i) * derivative(load(at.at + i)));
  }
}

// f(c, i) for each vector of row r: its first column and its place
template <class T, class F>
inline void each_vector_of_row(Panels<T> m, int64_t r, F f) {
  for (int64_t p = 0; p < panels<T>(m.width); ++p) {
    const int64_t width = panel_width<T>(m.width, p), start = p * kPanel<T> * m.rows + r * width;
    for (int64_t i = 0; i < width; i += kLanes<T>) f(p * kPanel<T> + i, start + i);
  }
}

// The softmax of rows of up to two vectors.
template <class T>
void softmax_narrow(Range range, Panels<T> x, Panels<T> y) {
  constexpr int L = kLanes<T>;
  by_columns<T>(range, x, y, [&](T* columns) {
    const auto column = [&](int64_t c) { return load(columns + c * L); };
    Vec<T> most = column(0), total{};
    for (int64_t c = 1; c < x.width; ++c) most = column(c) > most ? column(c) : most;
    for (int64_t c = 0; c < x.width; ++c) {
      const Vec<T> e = exp<T>(column(c) - most);
      store(columns + c * L, e);
      total += e;
    }
    const Vec<T> inverse = T(1) / total;
    for (int64_t c = 0; c < x.width; ++c) store(columns + c * L, column(c) * inverse);
  });
}

// y = e^(x - max x) / sum over the row
template <class T>
void softmax(Range range, Panels<T> x, Panels<T> y) {
  if (x.width <= 2 * kLanes<T>) return softmax_narrow<T>(range, x, y);
  const T lowest = -T(__builtin_inf());
  for (int64_t r = range.first; r < range.first + range.rows; ++r) {
    Vec<T> most = splat(-std::numeric_limits<T>::max());
    each_vector_of_row<T>(x, r, [&](int64_t c, int64_t i) {
      const Vec<T> v = first_lanes<T>(load(x.at + i), x.width - c, lowest);
      most = v > most ? v : most;
    });
    const T top = largest<T>(most);
    Vec<T> total{};
    each_vector_of_row<T>(x, r, [&](int64_t c, int64_t i) {
      const Vec<T> e = exp<T>(first_lanes<T>(load(x.at + i), x.width - c, lowest) - top);
      store(y.at + i, e);
      total += e;
    });
    const T inverse = T(1) / sum<T>(total);
    each_vector_of_row<T>(x, r, [&](int64_t, int64_t i) { store(y.at + i, load(y.at + i) * inverse); });
  }
}

// dx = p * (dy - sum(dy * p))
template <class T>
void softmax_dx(Range range, Panels<T> p, Panels<T> dy, Panels<T> dx) {
  for (int64_t r = range.first; r < range.first + range.rows; ++r) {
    Vec<T> along{};
    each_vector_of_row<T>(p, r, [&](int64_t, int64_t i) { along += load(dy.at + i) * load(p.at + i); });
    const T mean = sum<T>(along);
    each_vector_of_row<T>(p, r,
                          [&](int64_t, int64_t i) { store(dx.at + i, load(p.at + i) * (load(dy.at + i) - mean)); });
  }
}

constexpr double kSeluScale = 1.0507009873554805, kSeluAlpha = 1.6732632423543772;  // Klambauer et al. 2017

template <class T>
void activation(Activation f, T alpha, Range range, Panels<T> x, Panels<T> y) {
  using V = Vec<T>;
  const V zero{}, one = splat(T(1));
  const auto map = [&](auto each) { map_panels<T>(range, x, y, each); };
  const auto map_slow = [&](auto each) { map_costly<T>(range, x, y, each); };
  const auto elu = [&](T scale, T a) {
    map_slow([=](V v) { return scale * (v < zero ? a * expm1<T>(v < T(-60) ? splat(T(-60)) : v) : v); });
  };
  switch (f) {
    case Activation::identity: return map([](V v) { return v; });
    case Activation::logistic: return map_slow([](V v) { return logistic<T>(v); });
    case Activation::tanh: return map_slow([](V v) { return tanh<T>(v); });
    case Activation::relu: return map([=](V v) { return v < zero ? zero : v; });
    case Activation::softmax: return softmax<T>(range, x, y);
    case Activation::exp: return map_slow([](V v) { return exp<T>(v); });
    case Activation::leaky_relu: return map([=](V v) { return v < zero ? alpha * v : v; });
    case Activation::elu: return elu(1, alpha);
    case Activation::selu: return elu(T(kSeluScale), T(kSeluAlpha));
    case Activation::gelu: return map_slow([](V v) { return v * normal<T>(v).cdf; });
    case Activation::silu: return map_slow([](V v) { return v * logistic<T>(v); });
    case Activation::mish: return map_slow([](V v) { return v * tanh<T>(softplus<T>(v)); });
    case Activation::softplus: return map_slow([](V v) { return softplus<T>(v); });
    case Activation::hard_sigmoid:
      return map([=](V v) {
        const V h = v * T(1. / 6) + T(0.5);
        return h < zero ? zero : h > one ? one : h;
      });
    case Activation::softsign: return map([](V v) { return v / (T(1) + absolute<T>(v)); });
    case Activation::heaviside: return map([=](V v) { return v < zero ? zero : v == v ? one : v; });
  }
}

template <class T>
void activation_dx(Activation f, T alpha, Range range, Panels<T> at, Panels<T> dy, Panels<T> dx) {
  using V = Vec<T>;
  const V zero{}, one = splat(T(1));
  const auto map = [&](auto derivative) { map_panels_dx<T>(range, at, dy, dx, derivative); };
  switch (f) {  // y is the activation's output, x its input
    case Activation::identity: return map([=](V) { return one; });
    case Activation::logistic: return map([](V y) { return y * (T(1) - y); });
    case Activation::tanh: return map([](V y) { return T(1) - y * y; });
    case Activation::relu: return map([=](V y) { return y > zero ? one : zero; });
    case Activation::softmax: return softmax_dx<T>(range, at, dy, dx);
    case Activation::exp: return map([](V y) { return y; });
    case Activation::leaky_relu: return map([=](V y) { return y > zero ? one : splat(alpha); });
    case Activation::elu: return map([=](V y) { return y > zero ? one : y + alpha; });
    case Activation::selu:
      return map([=](V y) { return y > zero ? splat(T(kSeluScale)) : y + T(kSeluScale * kSeluAlpha); });
    case Activation::gelu:
      return map([](V x) {
        const Normal<T> n = normal<T>(x);
        return n.cdf + x * n.density;
      });
    case Activation::silu:
      return map([](V x) {
        const V s = logistic<T>(x);
        return s + x * s * (T(1) - s);
      });
    case Activation::mish:
      return map([](V x) {
        const V t = tanh<T>(softplus<T>(x));
        return t + x * (T(1) - t * t) * logistic<T>(x);
      });
    case Activation::softplus: return map([](V y) { return T(1) - exp<T>(-y); });
    case Activation::hard_sigmoid: return map([=](V y) { return (y > zero) & (y < one) ? splat(T(1. / 6)) : zero; });
    case Activation::softsign:
      return map([](V y) {
        const V a = T(1) - absolute<T>(y);
        return a * a;
      });
    case Activation::heaviside: return map([=](V) { return zero; });
  }
}
