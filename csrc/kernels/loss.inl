// Losses with the gradient in the same pass; which gradient is written beside each.

// The place of element (r, c) of a matrix in panels.
template <class T>
inline int64_t place(Panels<T> m, int64_t r, int64_t c) {
  const int64_t p = c / kPanel<T>;
  return p * kPanel<T> * m.rows + r * panel_width<T>(m.width, p) + c % kPanel<T>;
}

// A loss of single elements: each(p, y, l, d) sets l, the loss, and d, the gradient. Rows narrower than a vector
// are gathered, several to a vector, so that one output column costs no more than its share.
template <class T, class F>
inline void each_element(Range range, Panels<T> p, const T* y, const T* scale, double* loss, Panels<T> dz, F each) {
  constexpr int L = kLanes<T>;
  const int64_t width = p.width, together = width < L ? L / width : 1;
  for (int64_t r0 = 0; r0 < range.rows; r0 += together) {
    const int64_t n = range.rows - r0 < together ? range.rows - r0 : together;
    for (int64_t r = r0; r < r0 + n; ++r) loss[r] = 0;
    for (int64_t c0 = 0; c0 < width; c0 += L) {
      const int64_t used = width - c0 < L ? width - c0 : L;
      Vec<T> pv = splat(T(0.5)), yv = splat(T(0.5)), l, d;
      for (int64_t r = 0; r < n; ++r) {
        const int64_t start = place(p, range.first + r0 + r, c0);
        for (int64_t c = 0; c < used; ++c) {
          pv[r * used + c] = p.at[start + c];
          yv[r * used + c] = y[(r0 + r) * width + c0 + c];
        }
      }
      each(pv, yv, l, d);
      for (int64_t r = 0; r < n; ++r) {
        const T s = scale ? scale[r0 + r] : T(1);
        for (int64_t c = 0; c < used; ++c) loss[r0 + r] += l[r * used + c];
        if (!dz.at) continue;
        Vec<T> row{};
        for (int64_t c = 0; c < used; ++c) row[c] = d[r * used + c] * s;
        store(dz.at + place(dz, range.first + r0 + r, c0), row);
      }
    }
  }
}

template <class T>
inline Vec<T> clipped(Vec<T> p, T clip) {
  const Vec<T> low = splat(clip), high = splat(T(1) - clip);
  return p < low ? low : p > high ? high : p;
}

// y log(p) with 0 log(0) = 0
template <class T>
inline Vec<T> xlogy(Vec<T> y, Vec<T> p) {
  return y == Vec<T>{} ? Vec<T>{} : y * log<T>(p);
}

// loss = -log(clip(p[y])); dz = p - onehot(y)
template <class T>
void softmax_cross_entropy(Range range, Panels<T> p, const int32_t* y, T clip, const T* scale, double* loss,
                           Panels<T> dz) {
  constexpr int L = kLanes<T>;
  for (int64_t r0 = 0; r0 < range.rows; r0 += L) {
    const int64_t n = range.rows - r0 < L ? range.rows - r0 : L;
    Vec<T> chosen = splat(T(0.5));
    for (int64_t r = 0; r < n; ++r) chosen[r] = p.at[place(p, range.first + r0 + r, y[r0 + r])];
    const Vec<T> l = log<T>(clipped<T>(chosen, clip));
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

// loss = -sum y log(clip(p)) + (1 - y) log(1 - clip(p)); dz = p - y
template <class T>
void logistic_cross_entropy(Range range, Panels<T> p, const T* y, T clip, const T* scale, double* loss, Panels<T> dz) {
  each_element<T>(range, p, y, scale, loss, dz, [=](Vec<T> p, Vec<T> y, Vec<T>& l, Vec<T>& d) {
    const Vec<T> q = clipped<T>(p, clip);
    l = -(xlogy<T>(y, q) + xlogy<T>(T(1) - y, T(1) - q));
    d = p - y;
  });
}

// loss = 0.5 sum (p - y)^2; dz = p - y
template <class T>
void squared_error(Range range, Panels<T> p, const T* y, T, const T* scale, double* loss, Panels<T> dz) {
  each_element<T>(range, p, y, scale, loss, dz, [](Vec<T> p, Vec<T> y, Vec<T>& l, Vec<T>& d) {
    d = p - y;
    l = T(0.5) * d * d;
  });
}

// loss = sum y log(y / p) - y + p; dz = p - y
template <class T>
void poisson(Range range, Panels<T> p, const T* y, T, const T* scale, double* loss, Panels<T> dz) {
  each_element<T>(range, p, y, scale, loss, dz, [](Vec<T> p, Vec<T> y, Vec<T>& l, Vec<T>& d) {
    l = xlogy<T>(y, y / p) - y + p;
    d = p - y;
  });
}
