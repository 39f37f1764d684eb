// Activation functions and their derivatives: one definition of each.

// f(x) of every element but softmax's, by a callable on vectors
template <class T, class F>
inline void map_rows(int64_t rows, int64_t width, const T* x, int64_t ldx, T* y, int64_t ldy, F f) {
  for (int64_t r = 0; r < rows; ++r, x += ldx, y += ldy)
    for (int64_t c = 0; c < width; c += kLanes<T>) store(y + c, f(load(x + c)));
}

// dx = dy * f'(at)
template <class T, class F>
inline void map_rows_dx(int64_t rows, int64_t width, const T* at, int64_t ldat, const T* dy, int64_t lddy, T* dx,
                        int64_t lddx, F derivative) {
  for (int64_t r = 0; r < rows; ++r, at += ldat, dy += lddy, dx += lddx)
    for (int64_t c = 0; c < width; c += kLanes<T>) store(dx + c, load(dy + c) * derivative(load(at + c)));
}

// The elements of a row's vector at column c that are padding count as `fill`.
template <class T>
inline Vec<T> without_padding(Vec<T> v, int64_t c, int64_t width, T fill) {
  if (c + kLanes<T> > width)
    for (int64_t i = width - c; i < kLanes<T>; ++i) v[i] = fill;
  return v;
}

// y = e^(x - max x) / sum over the row
template <class T>
void softmax(int64_t rows, int64_t width, const T* x, int64_t ldx, T* y, int64_t ldy) {
  constexpr int L = kLanes<T>;
  const T lowest = -T(__builtin_inf());
  for (int64_t r = 0; r < rows; ++r, x += ldx, y += ldy) {
    Vec<T> most = splat(-std::numeric_limits<T>::max());
    for (int64_t c = 0; c < width; c += L) {
      const Vec<T> v = without_padding<T>(load(x + c), c, width, lowest);
      most = v > most ? v : most;
    }
    T top = most[0];
    for (int i = 1; i < L; ++i) top = most[i] > top ? most[i] : top;
    Vec<T> total{};
    for (int64_t c = 0; c < width; c += L) {
      const Vec<T> e = exp<T>(without_padding<T>(load(x + c), c, width, lowest) - top);
      store(y + c, e);
      total += e;
    }
    const T inverse = T(1) / sum<T>(total);
    for (int64_t c = 0; c < width; c += L) store(y + c, load(y + c) * inverse);
  }
}

// dx = p * (dy - sum(dy * p))
template <class T>
void softmax_dx(int64_t rows, int64_t width, const T* p, int64_t ldp, const T* dy, int64_t lddy, T* dx, int64_t lddx) {
  for (int64_t r = 0; r < rows; ++r, p += ldp, dy += lddy, dx += lddx) {
    Vec<T> along{};
    for (int64_t c = 0; c < width; c += kLanes<T>) along += load(dy + c) * load(p + c);
    const T mean = sum<T>(along);
    for (int64_t c = 0; c < width; c += kLanes<T>) store(dx + c, load(p + c) * (load(dy + c) - mean));
  }
}

constexpr double kSeluScale = 1.0507009873554805, kSeluAlpha = 1.6732632423543772;  // Klambauer et al. 2017

template <class T>
void activation(Activation f, T alpha, int64_t rows, int64_t width, const T* x, int64_t ldx, T* y, int64_t ldy) {
  using V = Vec<T>;
  const V zero{}, one = splat(T(1));
  const auto map = [&](auto each) { map_rows<T>(rows, width, x, ldx, y, ldy, each); };
  const auto elu = [&](T scale, T a) {
    map([=](V v) { return scale * (v < zero ? a * expm1<T>(v < T(-60) ? splat(T(-60)) : v) : v); });
  };
  switch (f) {
    case Activation::identity: return map([](V v) { return v; });
    case Activation::logistic: return map([](V v) { return logistic<T>(v); });
    case Activation::tanh: return map([](V v) { return tanh<T>(v); });
    case Activation::relu: return map([=](V v) { return v < zero ? zero : v; });
    case Activation::softmax: return softmax<T>(rows, width, x, ldx, y, ldy);
    case Activation::exp: return map([](V v) { return exp<T>(v); });
    case Activation::leaky_relu: return map([=](V v) { return v < zero ? alpha * v : v; });
    case Activation::elu: return elu(1, alpha);
    case Activation::selu: return elu(T(kSeluScale), T(kSeluAlpha));
    case Activation::gelu: return map([](V v) { return v * normal_cdf<T>(v); });
    case Activation::silu: return map([](V v) { return v * logistic<T>(v); });
    case Activation::mish: return map([](V v) { return v * tanh<T>(softplus<T>(v)); });
    case Activation::softplus: return map([](V v) { return softplus<T>(v); });
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
void activation_dx(Activation f, T alpha, int64_t rows, int64_t width, const T* at, int64_t ldat, const T* dy, int64_t lddy,
                   T* dx, int64_t lddx) {
  using V = Vec<T>;
  const V zero{}, one = splat(T(1));
  const auto map = [&](auto derivative) { map_rows_dx<T>(rows, width, at, ldat, dy, lddy, dx, lddx, derivative); };
  switch (f) {  // y is the activation's output, x its input
    case Activation::identity: return map([=](V) { return one; });
    case Activation::logistic: return map([](V y) { return y * (T(1) - y); });
    case Activation::tanh: return map([](V y) { return T(1) - y * y; });
    case Activation::relu: return map([=](V y) { return y > zero ? one : zero; });
    case Activation::softmax: return softmax_dx<T>(rows, width, at, ldat, dy, lddy, dx, lddx);
    case Activation::exp: return map([](V y) { return y; });
    case Activation::leaky_relu: return map([=](V y) { return y > zero ? one : splat(alpha); });
    case Activation::elu: return map([=](V y) { return y > zero ? one : y + alpha; });
    case Activation::selu:
      return map([=](V y) { return y > zero ? splat(T(kSeluScale)) : y + T(kSeluScale * kSeluAlpha); });
    case Activation::gelu:
      return map([](V x) { return normal_cdf<T>(x) + x * T(0.3989422804014327) * exp<T>(x * x * T(-0.5)); });
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
