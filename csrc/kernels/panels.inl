// Matrices in panels: where a panel begins, and the way in and out for row-major ones.

template <class T>
int64_t panel_width(int64_t width, int64_t p) {  // columns of panel p, whole vectors
  const int64_t left = width - p * kPanel<T>;
  return left >= kPanel<T> ? kPanel<T> : (left + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

template <class T>
int64_t panels(int64_t width) {
  return (width + kPanel<T> - 1) / kPanel<T>;
}

template <class T>
T* panel_start(Panels<T> m, int64_t p) {  // only the last panel is narrow
  return m.at + p * kPanel<T> * m.rows;
}

// move(row-major position, panel position, columns) for the part of each row that lies in each panel
template <class T, class F>
void each_panel_row(Panels<T> m, Range range, F move) {
  for (int64_t p = 0; p < panels<T>(m.width); ++p) {
    const int64_t width = panel_width<T>(m.width, p), c = p * kPanel<T>;
    const int64_t used = m.width - c < width ? m.width - c : width;
    for (int64_t r = 0; r < range.rows; ++r) move(r, c, panel_start(m, p) + (range.first + r) * width, used, width);
  }
}

template <class T>
void pack(const T* kernel, const T* bias, Panels<T> weights) {
  const int64_t in = weights.rows - 1;
  each_panel_row<T>(weights, {0, in + 1}, [&](int64_t r, int64_t c, T* to, int64_t used, int64_t width) {
    const T* from = (r < in ? kernel + r * weights.width : bias) + c;
    for (int64_t i = 0; i < used; ++i) to[i] = from[i];
    for (int64_t i = used; i < width; ++i) to[i] = 0;
  });
}

template <class T>
void unpack(Panels<T> weights, T* kernel, T* bias) {
  const int64_t in = weights.rows - 1;
  each_panel_row<T>(weights, {0, in + 1}, [&](int64_t r, int64_t c, const T* from, int64_t used, int64_t) {
    T* to = (r < in ? kernel + r * weights.width : bias) + c;
    for (int64_t i = 0; i < used; ++i) to[i] = from[i];
  });
}

template <class T>
void gather(const T* x, const int64_t* order, Range range, Panels<T> y) {
  constexpr int64_t line = 64 / sizeof(T);
  const int64_t features = y.width, ahead = features <= kPanel<T> ? 8 : 1;  // rows that are on their way
  const auto row = [=](int64_t r) { return x + (order ? order[r] : r) * features; };
  for (int64_t r = 0; r < range.rows; ++r) {
    if (r + ahead < range.rows) {
      const T* coming = row(r + ahead);
      for (int64_t i = 0; i < features; i += line) __builtin_prefetch(coming + i);
    }
    const T* from = row(r);
    each_panel_row<T>(y, {range.first + r, 1}, [&](int64_t, int64_t c, T* to, int64_t used, int64_t width) {
      if (used == kPanel<T>) {
        __builtin_memcpy(to, from + c, kPanel<T> * sizeof(T));
      } else {
        for (int64_t i = 0; i < width; i += kLanes<T>) store(to + i, load(from + c + i, used - i));
      }
    });
  }
}

template <class T>
void scatter(Panels<T> x, Range range, T* out) {
  each_panel_row<T>(x, range, [&](int64_t r, int64_t c, const T* from, int64_t used, int64_t) {
    T* to = out + r * x.width + c;
    for (int64_t i = 0; i < used; i += kLanes<T>) store(to + i, load(from + i, used - i), used - i);
  });
}
