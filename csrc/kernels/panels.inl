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

// Rows go by eight, panel by panel, while the next lines of each and the first ones of the next eight are on their way.
template <class T>
void gather(const T* x, const int64_t* order, Range range, Panels<T> y) {
  constexpr int64_t line = 64 / sizeof(T), ahead = 8 * line;  // elements of a row
  const int64_t features = y.width;
  const auto row = [=](int64_t r) { return x + (order ? order[r] : r) * features; };
  const auto fetch = [=](const T* at, int64_t n) {
    for (int64_t i = 0; i < n; i += line) __builtin_prefetch(at + i);
  };
  const T* from[8];
  for (int64_t first = 0; first < range.rows; first += 8) {
    const int64_t left = range.rows - first, n = left < 8 ? left : 8;
    for (int64_t r = 0; r < n; ++r) from[r] = row(first + r);
    for (int64_t r = 8; r < 16 && r < left; ++r) fetch(row(first + r), features < ahead ? features : ahead);
    each_panel_row<T>(y, {range.first + first, n}, [&](int64_t r, int64_t c, T* to, int64_t used, int64_t width) {
      const T* at = from[r] + c;
      if (c + ahead < features) fetch(at + ahead, kPanel<T>);
      if (used == kPanel<T>) {
        __builtin_memcpy(to, at, kPanel<T> * sizeof(T));
      } else {
        for (int64_t i = 0; i < width; i += kLanes<T>) store(to + i, load(at + i, used - i));
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

// f(N), N the vectors of a panel of this width as a constant
template <class T, class F>
inline void with_vectors(int64_t width, F f) {
  static_assert(kTileVectors == 2 || kTileVectors == 4);
  switch (width / kLanes<T>) {
    case 1: return f(std::integral_constant<int, 1>());
    case 2: return f(std::integral_constant<int, 2>());
    case 3: return f(std::integral_constant<int, kTileVectors == 4 ? 3 : 1>());
    case 4: return f(std::integral_constant<int, kTileVectors == 4 ? 4 : 1>());
  }
}
