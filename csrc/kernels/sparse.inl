// A dense layer on sparse rows: forward, and the gradient of the weights from the batch's columns.
//
// Either is a sum of scaled rows: the kernel's that a row's nonzeros name, or dy's that a column's nonzeros name. It
// runs over them as they are stored, so a result does not depend on how the work was cut.

// acc += sum_k value[k] * b[index[k], :] for k in [first, last); b's rows are N vectors wide
template <class T, int N, bool far_apart>
inline void add_rows(const Sparse<T>& x, int64_t first, int64_t last, const T* b, Vec<T> (&acc)[N]) {
  constexpr int64_t L = kLanes<T>, ldb = N * L, line = 64 / sizeof(T), ahead = 8;
  for (int64_t k = first; k < last; ++k) {
    if (far_apart && k + ahead < last)
      for (int64_t i = 0; i < ldb; i += line) __builtin_prefetch(b + x.index[k + ahead] * ldb + i);
    const Vec<T> v = splat(x.value[k]);
    const T* row = b + x.index[k] * ldb;
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) acc[j] += v * load(row + j * L);
  }
}

template <class T, int N, class Finish>
void sparse_rows(Range range, const Sparse<T>& x, const int64_t* order, const T* w, const Finish& finish) {
  constexpr int64_t L = kLanes<T>;
  for (int64_t r = range.first; r < range.first + range.rows; ++r) {
    const int64_t row = order ? order[r] : r;
    Vec<T> acc[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) acc[j] = finish.start(j);
    add_rows<T, N, true>(x, x.start[row], x.start[row + 1], w, acc);
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) finish.done((r * N + j) * L, j, acc[j]);
  }
}

template <class T>
void sparse_dense(Range range, Sparse<T> x, const int64_t* order, Panels<T> weights, bool relu, Panels<T> y) {
  for (int64_t p = 0; p < panels<T>(y.width); ++p) {
    const int64_t width = panel_width<T>(y.width, p);
    const T *w = panel_start(weights, p), *bias = w + (weights.rows - 1) * width;
    with_vectors<T>(width, [&](auto vectors) {
      constexpr int N = decltype(vectors)::value;
      if (relu) sparse_rows<T, N>(range, x, order, w, FinishDense<T, true>{bias, panel_start(y, p)});
      else sparse_rows<T, N>(range, x, order, w, FinishDense<T, false>{bias, panel_start(y, p)});
    });
  }
}

// Whether a rule leaves weights without a gradient as they are.
template <class T, class Finish>
inline bool rests(const Finish& finish) {
  if constexpr (std::is_same_v<Finish, SgdRule<T>>) return finish.pull == 0;
  return false;
}

// Rows [first, first + height) of the kernel. Most meet no nonzero: their gradient is 0, or the penalty's alone.
template <class T, int N, class Finish>
void sparse_columns(int64_t first, int64_t height, const Sparse<T>& x, const T* dy, const Finish& given) {
  constexpr int64_t L = kLanes<T>;
  const bool touched_only = rests<T>(given);
  Finish finish = given;
  for (int64_t i = 0; i < height; ++i) {
    const int64_t begin = x.start[first + i], end = x.start[first + i + 1];
    if (touched_only && begin == end) continue;
    Vec<T> acc[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) acc[j] = finish.start(j);
    add_rows<T, N, false>(x, begin, end, dy, acc);
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) finish.done((i * N + j) * L, j, acc[j]);
  }
  finish.end();
}

template <class T>
Norms sparse_dw(int64_t p, int64_t u, int64_t rows, Sparse<T> x, int64_t in, Panels<T> dy, const Step<T>* step,
                Weights<T> at) {
  const int64_t width = panel_width<T>(dy.width, p), first = u * kUnitRows;
  if (first >= in) return dense_dw<T>(p, u, rows, {}, in, dy, step, at);  // the bias meets no x
  const int64_t height = in - first < kUnitRows ? in - first : kUnitRows;
  const int64_t offset = p * kPanel<T> * (in + 1) + first * width;
  const Weights<T> here = at.from(offset);
  return step_unit(step, true, height * width, here, [&](const auto& finish) {
    with_vectors<T>(width, [&](auto vectors) {
      sparse_columns<T, decltype(vectors)::value>(first, height, x, panel_start(dy, p), finish);
    });
  });
}
