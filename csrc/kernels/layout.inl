// Ops that move elements of plain matrices: views, columns side by side, rows of a table, and their gradients.

// The runs of a view of `rows` rows: dimensions that continue each other are one, and those of length 1 are none.
struct Runs {
  int n = 0;  // dimensions around the runs
  int64_t dims[9], strides[9];
  int64_t count = 1, stride = 1;  // of a run

  Runs(int64_t rows, int64_t x_width, const View& v) {
    add(rows, x_width);
    for (int k = 0; k < v.n; ++k) add(v.dims[k], v.strides[k]);
    if (n == 0) return;
    --n;
    count = dims[n];
    stride = strides[n];
  }

  // f(place in x, place in y) for each run
  template <class F>
  void each(int64_t offset, F f) const {
    for (int k = 0; k < n; ++k)
      if (dims[k] == 0) return;
    if (count == 0) return;
    int64_t at[9] = {}, to = 0;
    for (;;) {
      f(offset, to);
      to += count;
      int k = n - 1;
      for (; k >= 0; --k) {
        offset += strides[k];
        if (++at[k] < dims[k]) break;
        offset -= at[k] * strides[k];
        at[k] = 0;
      }
      if (k < 0) return;
    }
  }

 private:
  void add(int64_t dim, int64_t stride_of_it) {
    if (dim == 1) return;
    if (n > 0 && strides[n - 1] == stride_of_it * dim) {
      dims[n - 1] *= dim;
      strides[n - 1] = stride_of_it;
      return;
    }
    dims[n] = dim;
    strides[n++] = stride_of_it;
  }
};

template <class T>
void view(int64_t rows, int64_t x_width, const View& v, const T* x, T* y) {
  const Runs runs(rows, x_width, v);
  const int64_t n = runs.count, stride = runs.stride;
  if (stride == 1)
    runs.each(v.offset, [=](int64_t from, int64_t to) {
      for (int64_t i = 0; i < n; i += kLanes<T>) store(y + to + i, load(x + from + i, n - i), n - i);
    });
  else if (stride == 0)
    runs.each(v.offset, [=](int64_t from, int64_t to) {
      for (int64_t i = 0; i < n; i += kLanes<T>) store(y + to + i, splat(x[from]), n - i);
    });
  else
    runs.each(v.offset, [=](int64_t from, int64_t to) {
      for (int64_t i = 0; i < n; ++i) y[to + i] = x[from + i * stride];
    });
}

template <class T>
void view_dx(int64_t rows, int64_t x_width, const View& v, const T* dy, T* dx) {
  const Runs runs(rows, x_width, v);
  const int64_t n = runs.count, stride = runs.stride;
  if (stride == 1)
    runs.each(v.offset, [=](int64_t to, int64_t from) {
      for (int64_t i = 0; i < n; i += kLanes<T>)
        store(dx + to + i, load(dx + to + i, n - i) + load(dy + from + i, n - i), n - i);
    });
  else if (stride == 0)
    runs.each(v.offset, [=](int64_t to, int64_t from) { dx[to] += along<T, Sum<T>>(n, dy + from); });
  else
    runs.each(v.offset, [=](int64_t to, int64_t from) {
      for (int64_t i = 0; i < n; ++i) dx[to + i * stride] += dy[from + i];
    });
}

template <class T>
void copy_columns(int64_t rows, int64_t n, const T* from, int64_t from_stride, T* to, int64_t to_stride, bool add) {
  for (int64_t r = 0; r < rows; ++r, from += from_stride, to += to_stride)
    for (int64_t i = 0; i < n; i += kLanes<T>) {
      const Vec<T> v = load(from + i, n - i);
      store(to + i, add ? load(to + i, n - i) + v : v, n - i);
    }
}

// A number as an index below `end`; -1 if it is none.
template <class T>
inline int64_t as_index(T x, int64_t end) {
  if (!(x >= 0 && x < T(end))) return -1;
  const int64_t i = int64_t(x);
  return T(i) == x ? i : -1;
}

template <class T>
void take(int64_t n, int64_t dim, int64_t vocabulary, const T* table, const T* index, T* y) {
  for (int64_t k = 0; k < n; ++k, y += dim) {
    const int64_t row = as_index(index[k], vocabulary);
    for (int64_t i = 0; i < dim; i += kLanes<T>) {
      const Vec<T> v = row < 0 ? splat(T(__builtin_nan(""))) : load(table + row * dim + i, dim - i);
      store(y + i, v, dim - i);
    }
  }
}

template <class T>
void take_dx(int64_t n, int64_t dim, int64_t vocabulary, const T* index, const T* dy, T* dtable) {
  for (int64_t k = 0; k < n; ++k, dy += dim) {
    const int64_t row = as_index(index[k], vocabulary);
    if (row >= 0) copy_columns<T>(1, dim, dy, 0, dtable + row * dim, 0, true);
  }
}

template <class T>
void one_hot(int64_t n, int64_t classes, const T* x, T* y) {
  for (int64_t k = 0; k < n; ++k, y += classes) {
    for (int64_t i = 0; i < classes; i += kLanes<T>) store(y + i, Vec<T>{}, classes - i);
    const int64_t column = as_index(x[k], classes);
    if (column >= 0) y[column] = 1;
  }
}
