// Losses with the gradient in the same pass; which gradient is written beside each.

// A loss of single elements: each(p, y, l, d) sets l, the loss, and d, the gradient. Rows narrower than a vector
// are gathered, several to a vector, so that one output column costs no more than its share.
template <class T, class F>
inline void each_element(int64_t rows, int64_t width, const T* p, int64_t ldp, const T* y, int64_t ldy, const T* scale,
                         double* loss, T* dz, int64_t lddz, F each) {
  constexpr int L = kLanes<T>;
  const int64_t together = width < L ? L / width : 1, columns = width < L ? width : L;
  for (int64_t r0 = 0; r0 < rows; r0 += together) {
    const int64_t n = rows - r0 < together ? rows - r0 : together;
    for (int64_t r = r0; r < r0 + n; ++r) loss[r] = 0;
    for (int64_t c0 = 0; c0 < width; c0 += L) {
      const int64_t used = width - c0 < columns ? width - c0 : columns;
      Vec<T> pv = splat(T(0.5)), yv = splat(T(0.5)), l, d;
      for (int64_t r = 0; r < n; ++r)
        for (int64_t c = 0; c < used; ++c) {
          pv[r * used + c] = p[(r0 + r) * ldp + c0 + c];
          yv[r * used + c] = y[(r0 + r) * ldy + c0 + c];
        }
      each(pv, yv, l, d);
      for (int64_t r = 0; r < n; ++r) {
        const T s = scale ? scale[r0 + r] : T(1);
        for (int64_t c = 0; c < used; ++c) {
          loss[r0 + r] += l[r * used + c];
          if (dz) dz[(r0 + r) * lddz + c0 + c] = d[r * used + c] * s;
        }
      }
    }
    if (dz)
      for (int64_t r = r0; r < r0 + n; ++r)
        for (int64_t c = width; c < (width + L - 1) / L * L; ++c) dz[r * lddz + c] = 0;
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
void softmax_cross_entropy(int64_t rows, int64_t width, const T* p, int64_t ldp, const int32_t* y, T clip, const T* scale,
                           double* loss, T* dz, int64_t lddz) {
  constexpr int L = kLanes<T>;
  for (int64_t r0 = 0; r0 < rows; r0 += L) {
    const int64_t n = rows - r0 < L ? rows - r0 : L;
    Vec<T> chosen = splat(T(0.5));
    for (int64_t r = 0; r < n; ++r) chosen[r] = p[(r0 + r) * ldp + y[r0 + r]];
    const Vec<T> l = log<T>(clipped<T>(chosen, clip));
    for (int64_t r = 0; r < n; ++r) loss[r0 + r] = -double(l[r]);
  }
  if (!dz) return;
  for (int64_t r = 0; r < rows; ++r, p += ldp, dz += lddz) {
    const T s = scale ? scale[r] : T(1);
    for (int64_t c = 0; c < width; c += L) store(dz + c, load(p + c) * s);
    dz[y[r]] = (p[y[r]] - T(1)) * s;
  }
}

// loss = -sum y log(clip(p)) + (1 - y) log(1 - clip(p)); dz = p - y
template <class T>
void logistic_cross_entropy(int64_t rows, int64_t width, const T* p, int64_t ldp, const T* y, int64_t ldy, T clip,
                            const T* scale, double* loss, T* dz, int64_t lddz) {
  each_element<T>(rows, width, p, ldp, y, ldy, scale, loss, dz, lddz, [=](Vec<T> p, Vec<T> y, Vec<T>& l, Vec<T>& d) {
    const Vec<T> q = clipped<T>(p, clip);
    l = -(xlogy<T>(y, q) + xlogy<T>(T(1) - y, T(1) - q));
    d = p - y;
  });
}

// loss = 0.5 sum (p - y)^2; dz = p - y
template <class T>
void squared_error(int64_t rows, int64_t width, const T* p, int64_t ldp, const T* y, int64_t ldy, const T* scale,
                   double* loss, T* dz, int64_t lddz) {
  each_element<T>(rows, width, p, ldp, y, ldy, scale, loss, dz, lddz, [](Vec<T> p, Vec<T> y, Vec<T>& l, Vec<T>& d) {
    d = p - y;
    l = T(0.5) * d * d;
  });
}

// loss = sum y log(y / p) - y + p; dz = p - y
template <class T>
void poisson(int64_t rows, int64_t width, const T* p, int64_t ldp, const T* y, int64_t ldy, const T* scale, double* loss,
             T* dz, int64_t lddz) {
  each_element<T>(rows, width, p, ldp, y, ldy, scale, loss, dz, lddz, [](Vec<T> p, Vec<T> y, Vec<T>& l, Vec<T>& d) {
    l = xlogy<T>(y, y / p) - y + p;
    d = p - y;
  });
}
