// Reductions over the middle of (rows, outer, n, inner), and their gradients, in a fixed order.
//
// Where inner is 1, vectors run along n and are folded at the end; else along inner, each lane a reduction of its own.

template <class T>
struct Sum {
  static constexpr T first = 0;
  static Vec<T> join(Vec<T> a, Vec<T> b) { return a + b; }
};
template <class T>
struct Product_ {
  static constexpr T first = 1;
  static Vec<T> join(Vec<T> a, Vec<T> b) { return a * b; }
};
template <class T>
struct Greatest {
  static constexpr T first = -std::numeric_limits<T>::infinity();
  static Vec<T> join(Vec<T> a, Vec<T> b) { return (b > a) | (b != b) ? b : a; }  // a NaN stays
};
template <class T>
struct Least {
  static constexpr T first = std::numeric_limits<T>::infinity();
  static Vec<T> join(Vec<T> a, Vec<T> b) { return (b < a) | (b != b) ? b : a; }
};

constexpr int64_t kTogether = 64;  // vectors joined before they join the total: sums of many stay exact to a few units

// The reduction of n elements in a row.
template <class T, class R>
inline T along(int64_t n, const T* x) {
  constexpr int64_t L = kLanes<T>;
  Vec<T> total = splat(R::first);
  for (int64_t start = 0; start < n; start += kTogether * L) {
    Vec<T> part = splat(R::first);
    for (int64_t i = start; i < start + kTogether * L && i < n; i += L)
      part = R::join(part, first_lanes<T>(load(x + i, n - i), n - i, R::first));
    total = R::join(total, part);
  }
  return fold<T>(total, R::join);
}

// The reduction of n vectors, `inner` elements apart, of which the first `left` lanes count.
template <class T, class R>
inline Vec<T> across(int64_t n, int64_t inner, const T* x, int64_t left) {
  Vec<T> total = splat(R::first);
  for (int64_t start = 0; start < n; start += kTogether) {
    Vec<T> part = splat(R::first);
    for (int64_t k = start; k < start + kTogether && k < n; ++k) part = R::join(part, load(x + k * inner, left));
    total = R::join(total, part);
  }
  return total;
}

template <class T, class R>
void reduce_by(int64_t groups, int64_t n, int64_t inner, const T* x, T* y, T divisor) {
  for (int64_t g = 0; g < groups; ++g, x += n * inner, y += inner) {
    if (inner == 1) {
      *y = along<T, R>(n, x) / divisor;
      continue;
    }
    for (int64_t c = 0; c < inner; c += kLanes<T>)
      store(y + c, across<T, R>(n, inner, x + c, inner - c) / divisor, inner - c);
  }
}

// The place of the first element that no other exceeds in R's sense.
template <class T, class R>
void reduce_place(int64_t groups, int64_t n, int64_t inner, const T* x, T* y) {
  for (int64_t g = 0; g < groups; ++g, x += n * inner, y += inner) {
    if (inner == 1) {
      const T best = along<T, R>(n, x);
      int64_t k = 0;
      if (best == best)
        while (x[k] != best) ++k;
      else
        while (x[k] == x[k]) ++k;
      *y = T(k);
      continue;
    }
    for (int64_t c = 0; c < inner; c += kLanes<T>) {
      Vec<T> best = load(x + c, inner - c), place{};
      for (int64_t k = 1; k < n; ++k) {
        const Vec<T> v = load(x + k * inner + c, inner - c), joined = R::join(best, v);
        place = (joined != best) & (best == best) ? splat(T(k)) : place;  // joined is NaN where v is the first NaN
        best = joined;
      }
      store(y + c, place, inner - c);
    }
  }
}

template <class T>
void reduce(Reduction f, int64_t rows, int64_t outer, int64_t n, int64_t inner, const T* x, T* y) {
  const int64_t groups = rows * outer;
  switch (f) {
    case Reduction::sum: return reduce_by<T, Sum<T>>(groups, n, inner, x, y, T(1));
    case Reduction::mean: return reduce_by<T, Sum<T>>(groups, n, inner, x, y, T(n));
    case Reduction::max: return reduce_by<T, Greatest<T>>(groups, n, inner, x, y, T(1));
    case Reduction::min: return reduce_by<T, Least<T>>(groups, n, inner, x, y, T(1));
    case Reduction::prod: return reduce_by<T, Product_<T>>(groups, n, inner, x, y, T(1));
    case Reduction::argmax: return reduce_place<T, Greatest<T>>(groups, n, inner, x, y);
    case Reduction::argmin: return reduce_place<T, Least<T>>(groups, n, inner, x, y);
  }
}

// Those that tie for y share dy equally; where y is NaN, none do.
template <class T>
void tied_dx(int64_t groups, int64_t n, int64_t inner, const T* x, const T* y, const T* dy, T* dx) {
  constexpr int64_t L = kLanes<T>;
  const Vec<T> one = splat(T(1)), zero{};
  for (int64_t g = 0; g < groups; ++g, x += n * inner, dx += n * inner, y += inner, dy += inner) {
    if (inner == 1) {
      Vec<T> ties{};
      for (int64_t i = 0; i < n; i += L)
        ties += first_lanes<T>(load(x + i, n - i) == splat(*y) ? one : zero, n - i, T(0));
      const Vec<T> share = splat(*dy / sum<T>(ties));
      for (int64_t i = 0; i < n; i += L)
        store(dx + i, load(dx + i, n - i) + (load(x + i, n - i) == splat(*y) ? share : zero), n - i);
      continue;
    }
    for (int64_t c = 0; c < inner; c += L) {
      const int64_t left = inner - c;
      const Vec<T> top = load(y + c, left);
      Vec<T> ties{};
      for (int64_t k = 0; k < n; ++k) ties += load(x + k * inner + c, left) == top ? one : zero;
      const Vec<T> share = load(dy + c, left) / ties;
      for (int64_t i = c; i < n * inner; i += inner)
        store(dx + i, load(dx + i, left) + (load(x + i, left) == top ? share : zero), left);
    }
  }
}

template <class T>
void sum_dx(int64_t groups, int64_t n, int64_t inner, T scale, const T* dy, T* dx) {
  for (int64_t g = 0; g < groups; ++g, dx += n * inner, dy += inner) {
    const T d = *dy * scale;
    if (inner == 1)
      for (int64_t i = 0; i < n; i += kLanes<T>) store(dx + i, load(dx + i, n - i) + splat(d), n - i);
    else
      for (int64_t k = 0; k < n; ++k)
        for (int64_t c = 0; c < inner; c += kLanes<T>) {
          T* to = dx + k * inner + c;
          store(to, load(to, inner - c) + load(dy + c, inner - c) * scale, inner - c);
        }
  }
}

// The product of the others is y / x; where an element is 0, that of the elements that are not, if it is the only one.
template <class T>
void prod_dx(int64_t groups, int64_t n, int64_t inner, const T* x, const T* dy, T* dx) {
  for (int64_t g = 0; g < groups; ++g, x += n * inner, dx += n * inner, dy += inner)
    for (int64_t c = 0; c < inner; ++c) {
      T others = 1;
      int64_t zeros = 0;
      for (int64_t i = c; i < n * inner; i += inner) {
        if (x[i] == 0) ++zeros;
        else others *= x[i];
      }
      if (zeros > 1) continue;
      for (int64_t i = c; i < n * inner; i += inner)
        if (zeros == 0 || x[i] == 0) dx[i] += dy[c] * (zeros ? others : others / x[i]);
    }
}

template <class T>
void reduce_dx(Reduction f, int64_t rows, int64_t outer, int64_t n, int64_t inner, const T* x, const T* y, const T* dy,
               T* dx) {
  const int64_t groups = rows * outer;
  switch (f) {
    case Reduction::sum: return sum_dx<T>(groups, n, inner, T(1), dy, dx);
    case Reduction::mean: return sum_dx<T>(groups, n, inner, T(1) / T(n), dy, dx);
    case Reduction::max:
    case Reduction::min: return tied_dx<T>(groups, n, inner, x, y, dy, dx);
    case Reduction::prod: return prod_dx<T>(groups, n, inner, x, dy, dx);
    default: return;
  }
}
