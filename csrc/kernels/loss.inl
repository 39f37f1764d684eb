// Losses with the gradient in the same pass; which gradient is written beside each.

// The place of element (r, c) of a matrix in panels.
template <class T>
inline int64_t place(Panels<T> m, int64_t r, int64_t c) {
  const int64_t p = c / kPanel<T>;
  return p * kPanel<T> * m.rows + r * panel_width<T>(m.width, p) + c % kPanel<T>;
}

// A loss of single elements: each(p, y, q, l, d) sets l, the loss, and d, the gradient; q is the column's quantile.
// Rows narrower than a vector are gathered, several to a vector, so that one output column costs no more than its share.
template <class T, bool quantiles = false, class F>
inline void each_element(const LossSettings<T>& of, Range range, Panels<T> p, const T* y, const T* scale, double* loss,
                         Panels<T> dz, F each) {
  constexpr int L = kLanes<T>;
  const int64_t width = p.width, together = width < L ? L / width : 1;
  const int64_t shared = quantiles ? of.n_quantiles : 1, targets = width / shared;  // columns that share a target
  for (int64_t r0 = 0; r0 < range.rows; r0 += together) {
    const int64_t n = range.rows - r0 < together ? range.rows - r0 : together;
    for (int64_t r = r0; r < r0 + n; ++r) loss[r] = 0;
    for (int64_t c0 = 0; c0 < width; c0 += L) {
      const int64_t used = width - c0 < L ? width - c0 : L, stride = panel_width<T>(width, c0 / kPanel<T>);
      const T* from = p.at + place(p, range.first + r0, c0);
      T* to = dz.at ? dz.at + place(dz, range.first + r0, c0) : nullptr;
      alignas(64) T pv[L], losses[L], slopes[L];
      store(pv, splat(T(0.5)));
      for (int64_t r = 0; r < n; ++r) store(pv + r * used, load(from + r * stride), used);
      Vec<T> yv, qv{}, l, d;
      if constexpr (quantiles) {
        alignas(64) T of_target[L] = {}, of_column[L] = {};
        for (int64_t i = 0; i < n * used; ++i) {
          const int64_t c = c0 + i % used;
          of_target[i] = y[(r0 + i / used) * targets + c / shared];
          of_column[i] = of.quantiles[c % shared];
        }
        yv = load(of_target);
        qv = load(of_column);
      } else yv = load(y + r0 * targets + c0, n * used);
      each(load(pv), yv, qv, l, d);
      store(losses, l);
      store(slopes, d);
      for (int64_t r = 0; r < n; ++r)
        for (int64_t c = 0; c < used; ++c) loss[r0 + r] += losses[r * used + c];
      for (int64_t r = 0; to && r < n; ++r)
        store(to + r * stride, load(slopes + r * used, used) * (scale ? scale[r0 + r] : T(1)));
    }
  }
}

template <class T>
inline Vec<T> at_least(Vec<T> x, T low) {  // NaN stays
  return x < low ? splat(low) : x;
}
template <class T>
inline Vec<T> within(Vec<T> x, T low, T high) {
  return x < low ? splat(low) : x > high ? splat(high) : x;
}
template <class T>
inline Vec<T> clipped(Vec<T> p, T clip) {
  return within<T>(p, clip, T(1) - clip);
}

// y log(p) with 0 log(0) = 0
template <class T>
inline Vec<T> xlogy(Vec<T> y, Vec<T> p) {
  return y == Vec<T>{} ? Vec<T>{} : y * log<T>(p);
}

// (1 - q)^gamma, the focal factor, and its derivative by 1 - q
template <class T>
struct Focus {
  Vec<T> factor, slope;
};
template <class T>
inline Focus<T> focus(Vec<T> one_minus_q, T gamma) {
  const Vec<T> o = at_least<T>(one_minus_q, std::numeric_limits<T>::min());
  const Vec<T> factor = exp<T>(gamma * log<T>(o));
  return {factor, gamma * factor / o};
}

// loss = -log(clip(p[y])); dz = p - onehot(y)
template <class T>
void softmax_cross_entropy(Range range, Panels<T> p, const int32_t* y, T clip, const T* scale, double* loss,
                           Panels<T> dz) {
  constexpr int L = kLanes<T>;
  for (int64_t r0 = 0; r0 < range.rows; r0 += L) {
    const int64_t n = range.rows - r0 < L ? range.rows - r0 : L;
    alignas(64) T chosen[L] = {}, l[L];
    for (int64_t r = 0; r < n; ++r) chosen[r] = p.at[place(p, range.first + r0 + r, y[r0 + r])];
    store(l, log<T>(clipped<T>(load(chosen), clip)));
    for (int64_t r = 0; r < n; ++r) loss[r0 + r] = -double(l[r]);
  }
  if (!dz.at) return;
  for (int64_t r = 0; r < range.rows; ++r) {
    const T s = scale ? scale[r] : T(1);
    each_vector_of_row<T>(p, range.first + r, [&](int64_t, int64_t i) { store(dz.at + i, load(p.at + i) * s); });
    const int64_t true_class = place(p, range.first + r, y[r]);
    dz.at[true_class] = (p.at[true_class] - T(1)) * s;
  }
}

// loss = log(sum(exp(z))) - z[y]; dz = softmax(z) - onehot(y)
template <class T>
void logits_cross_entropy(Range range, Panels<T> z, const int32_t* y, const T* scale, double* loss, Panels<T> dz) {
  constexpr T least = -std::numeric_limits<T>::infinity();
  for (int64_t r = 0; r < range.rows; ++r) {
    const int64_t row = range.first + r, own = place(z, row, y[r]);
    const auto each = [&](auto f) {  // f(place, elements, the padding counting as exp(z) = 0)
      each_vector_of_row<T>(z, row,
                            [&](int64_t c, int64_t i) { f(i, first_lanes<T>(load(z.at + i), z.width - c, least)); });
    };
    const T chosen = z.at[own];
    Vec<T> most = splat(least), total{};
    each([&](int64_t, Vec<T> v) { most = v > most ? v : most; });
    const T top = largest<T>(most);
    each([&](int64_t i, Vec<T> v) {
      const Vec<T> e = exp<T>(v - top);
      if (dz.at) store(dz.at + i, e);
      total += e;
    });
    const T sum_of_all = sum<T>(total);
    loss[r] = double(log<T>(splat(sum_of_all))[0]) + (double(top) - double(chosen));
    if (!dz.at) continue;
    const T s = scale ? scale[r] : T(1), inverse = s / sum_of_all;
    each_vector_of_row<T>(dz, row, [&](int64_t, int64_t i) { store(dz.at + i, load(dz.at + i) * inverse); });
    dz.at[own] -= s;
  }
}

// Any cross entropy of classes: q = p / sum(p), t = (1 - smoothing) onehot(y) + smoothing / width,
// loss = -sum alpha t (1 - q)^gamma log(clip(q)). With h = q d loss / dq: dz = h - q sum(h); dp = (h / q - sum(h)) / sum(p)
template <class T>
void class_cross_entropy(const LossSettings<T>& of, Range range, Panels<T> p, const int32_t* y, const T* scale,
                         double* loss, Panels<T> dz) {
  const T others = of.smoothing / T(p.width), chosen = T(1) - of.smoothing + others;
  for (int64_t r = 0; r < range.rows; ++r) {
    const int64_t row = range.first + r;
    const T s = scale ? scale[r] : T(1);
    const auto each = [&](auto f) {  // f(column, place, 1 / sum(p), alpha t, q)
      T inverse = 1;
      if (!of.paired) {
        Vec<T> total{};
        each_vector_of_row<T>(
            p, row, [&](int64_t c, int64_t i) { total += first_lanes<T>(load(p.at + i), p.width - c, T(0)); });
        inverse = T(1) / sum<T>(total);
      }
      each_vector_of_row<T>(p, row, [&](int64_t c, int64_t i) {
        Vec<T> t = first_lanes<T>(splat(others), p.width - c, T(0));
        if (y[r] >= c && y[r] < c + kLanes<T>) t[y[r] - c] = chosen;
        const Vec<T> q = first_lanes<T>(load(p.at + i), p.width - c, T(0)) * inverse;
        f(c, i, inverse, of.alpha_1 * t, at_least<T>(q, std::numeric_limits<T>::min()));
      });
    };
    const auto pull = [&](Vec<T> t, Vec<T> q) {  // h
      if (!of.paired) t = (q < of.clip) | (q > T(1) - of.clip) ? Vec<T>{} : t;
      if (of.gamma == 0) return -t;
      const Focus<T> f = focus<T>(T(1) - q, of.gamma);
      return t * (f.slope * q * log<T>(q) - f.factor);
    };
    Vec<T> l{}, h{};
    each([&](int64_t, int64_t, T, Vec<T> t, Vec<T> q) {
      const Vec<T> entropy = xlogy<T>(t, clipped<T>(q, of.clip));
      l -= of.gamma == 0 ? entropy : entropy * focus<T>(T(1) - q, of.gamma).factor;
      h += pull(t, q);
    });
    loss[r] = double(sum<T>(l));
    if (!dz.at) continue;
    const T total = sum<T>(h);
    each([&](int64_t c, int64_t i, T inverse, Vec<T> t, Vec<T> q) {
      const Vec<T> d = of.paired ? pull(t, q) - q * total : (pull(t, q) / q - total) * inverse;
      store(dz.at + i, first_lanes<T>(d * s, p.width - c, T(0)));
    });
  }
}

// loss = -sum w (1 - p_t)^gamma (t log(clip(p)) + (1 - t) log(1 - clip(p))), p_t = t p + (1 - t)(1 - p),
// t = (1 - smoothing) y + smoothing / 2, w = alpha_1 t + alpha_0 (1 - t); with gamma 0 and w 1: dz = p - t
template <class T>
void binary_cross_entropy(const LossSettings<T>& of, Range range, Panels<T> p, const T* y, const T* scale, double* loss,
                          Panels<T> dz) {
  constexpr T epsilon = std::numeric_limits<T>::epsilon();
  const T smoothing = of.smoothing;
  const bool weighs = of.gamma != 0 || of.alpha_1 != 1 || of.alpha_0 != 1;
  each_element<T>(of, range, p, y, scale, loss, dz, [=](Vec<T> p, Vec<T> y, Vec<T>, Vec<T>& l, Vec<T>& d) {
    const Vec<T> t = smoothing == 0 ? y : (T(1) - smoothing) * y + T(0.5) * smoothing;
    const Vec<T> q = clipped<T>(p, of.clip), inside = clipped<T>(p, epsilon);
    const Vec<T> width = of.paired ? splat(T(1)) : inside * (T(1) - inside);  // dp/dz, to divide by
    l = -(xlogy<T>(t, q) + xlogy<T>(T(1) - t, T(1) - q));
    d = ((of.paired ? p : inside) - t) / width;
    if (!of.paired) d = (p < of.clip) | (p > T(1) - of.clip) ? Vec<T>{} : d;
    if (!weighs) return;
    const Vec<T> w = of.alpha_1 * t + of.alpha_0 * (T(1) - t);
    if (of.gamma != 0) {
      const Focus<T> f = focus<T>(p + t - T(2) * t * p, of.gamma);
      const Vec<T> by_p = of.paired ? p * (T(1) - p) : splat(T(1));
      d = f.factor * d + f.slope * (T(1) - T(2) * t) * by_p * l;
      l *= f.factor;
    }
    l *= w;
    d *= w;
  });
}

// loss = sum y log(y / p) - y + p; dz = p - y, dp = 1 - y / p
template <class T>
void poisson(const LossSettings<T>& of, Range range, Panels<T> p, const T* y, const T* scale, double* loss,
             Panels<T> dz) {
  each_element<T>(of, range, p, y, scale, loss, dz, [&](Vec<T> p, Vec<T> y, Vec<T>, Vec<T>& l, Vec<T>& d) {
    l = xlogy<T>(y, y / p) - y + p;
    d = of.paired ? p - y : T(1) - y / at_least<T>(p, std::numeric_limits<T>::min());
  });
}

template <class T>
void loss(const LossSettings<T>& of, Range range, Panels<T> p, Targets<T> target, const T* scale, double* loss,
          Panels<T> dz) {
  using V = Vec<T>;
  const V zero{}, one = splat(T(1));
  const auto each = [&](auto f) { each_element<T>(of, range, p, target.y, scale, loss, dz, f); };
  const T delta = of.delta;
  switch (of.loss) {
    case Loss::cross_entropy:
      if (of.paired && of.gamma == 0 && of.smoothing == 0 && of.alpha_1 == 1)
        return softmax_cross_entropy<T>(range, p, target.classes, of.clip, scale, loss, dz);
      return class_cross_entropy<T>(of, range, p, target.classes, scale, loss, dz);
    case Loss::logits_cross_entropy: return logits_cross_entropy<T>(range, p, target.classes, scale, loss, dz);
    case Loss::binary_cross_entropy: return binary_cross_entropy<T>(of, range, p, target.y, scale, loss, dz);
    case Loss::poisson: return poisson<T>(of, range, p, target.y, scale, loss, dz);
    case Loss::squared_error:  // 0.5 sum (p - y)^2
      return each([](V p, V y, V, V& l, V& d) {
        d = p - y;
        l = T(0.5) * d * d;
      });
    case Loss::absolute_error:  // sum |p - y|
      return each([](V p, V y, V, V& l, V& d) {
        l = absolute<T>(p - y);
        d = sign<T>(p - y);
      });
    case Loss::huber:  // sum of 0.5 e^2, from |e| = delta on of delta (|e| - 0.5 delta)
      return each([=](V p, V y, V, V& l, V& d) {
        const V size = absolute<T>(p - y), square = size > delta ? splat(delta) : size;
        l = square * (size - T(0.5) * square);
        d = within<T>(p - y, -delta, delta);
      });
    case Loss::log_cosh:  // sum log(cosh(e)) = |e| + log(1 + exp(-2 |e|)) - log(2)
      return each([](V p, V y, V, V& l, V& d) {
        const V size = absolute<T>(p - y);
        l = size + (softplus<T>(T(-2) * size) - T(0.6931471805599453));
        d = tanh<T>(p - y);
      });
    case Loss::quantile:  // sum max(q e, (q - 1) e), e = y - p
      return each_element<T, true>(of, range, p, target.y, scale, loss, dz, [=](V p, V y, V q, V& l, V& d) {
        const V e = y - p, slope = e < zero ? q - one : q;
        l = slope * e;
        d = e == zero ? zero : -slope;
      });
    case Loss::hinge:  // sum max(0, 1 - s p), s = 1 where y > 0, else -1
      return each([=](V p, V y, V, V& l, V& d) {
        const V s = y > zero ? one : -one, margin = one - s * p;
        l = margin < zero ? zero : margin;
        d = margin > zero ? -s : zero;
      });
    case Loss::squared_hinge:  // sum max(0, 1 - s p)^2
      return each([=](V p, V y, V, V& l, V& d) {
        const V s = y > zero ? one : -one, margin = one - s * p, m = margin < zero ? zero : margin;
        l = m * m;
        d = T(-2) * s * m;
      });
  }
}
