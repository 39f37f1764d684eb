// Elementwise ops on plain matrices with broadcasting, and their gradients: one loop for values, one for gradients.

// An operand as the loops read it: from memory, or a vector of the one element that serves a whole row.
template <class T>
struct RowOf {
  Operand<const T> of;
  const T* at;
  alignas(64) T same[kLanes<T>];

  explicit RowOf(Operand<const T> of) : of(of) { start(0); }
  void start(int64_t r) {
    at = of.at + r * of.row;
    if (of.column) return;
    store(same, splat(*at));
    at = same;
  }
  Vec<T> get(int64_t i, int64_t left) const { return load(at + i * of.column, left); }
};

template <class T>
Operand<const T> whole(const T* at, int64_t width) {
  return {at, width, 1};
}

// Whether an operand of (rows, width) is one run of memory or one element; if so, as such in `to`.
template <class T>
inline bool as_one_row(Operand<T> from, int64_t rows, int64_t width, Operand<T>& to) {
  const bool along_columns = from.column && width > 1, along_rows = from.row && rows > 1;
  to = {from.at, 0, along_columns || along_rows};
  if (along_columns) return rows == 1 || from.row == width;
  return !along_rows || (width == 1 && from.row == 1);
}

// Makes (rows, width) one row where all operands allow it.
template <class... T>
inline void flatten(int64_t& rows, int64_t& width, Operand<T>&... operands) {
  const auto flat = [&](auto... to) {
    if (!(as_one_row(operands, rows, width, to) && ...)) return;
    ((operands = to), ...);
    width *= rows;
    rows = 1;
  };
  flat(operands...);
}

// y (rows, width) = f(operands...)
template <class T, class F, class... O>
inline void map_rows(int64_t rows, int64_t width, T* y, F f, O... operands) {
  if (rows * width == 0) return;
  flatten(rows, width, operands...);
  const auto run = [&](auto... x) {
    for (int64_t r = 0; r < rows; ++r, y += width) {
      (x.start(r), ...);
      for (int64_t i = 0; i < width; i += kLanes<T>) store(y + i, f(x.get(i, width - i)...), width - i);
    }
  };
  run(RowOf<T>(operands)...);
}

// to += f(operands...), summed over what `to` broadcasts: the columns part by part, then the rows, in order.
template <class T, class F, class... O>
inline void accumulate(int64_t rows, int64_t width, Operand<T> to, F f, O... operands) {
  constexpr int64_t L = kLanes<T>, together = 32 * L;  // elements summed in T, before double
  if (!to.at || rows * width == 0) return;
  flatten(rows, width, to, operands...);
  const auto run = [&](auto... x) {
    alignas(64) T part[together];
    double total = 0;
    for (int64_t r = 0; r < rows; ++r) {
      (x.start(r), ...);
      for (int64_t start = 0; start < width; start += together) {
        const int64_t n = width - start < together ? width - start : together;
        for (int64_t i = 0; i < n; i += L) store(part + i, f(x.get(start + i, n - i)...));
        if (to.column) axpy(T(1), part, to.at + r * to.row + start, n);
        else total += double(along<T, Sum<T>>(n, part));
      }
      if (to.column || (to.row == 0 && r + 1 < rows)) continue;
      to.at[r * to.row] += T(total);
      total = 0;
    }
  };
  run(RowOf<T>(operands)...);
}

// ---------------------------------------------------------------- one operand

template <class T>
void unary(Unary f, int64_t n, const T* x, T* y) {
  using V = Vec<T>;
  const auto run = [=](auto f) { map_rows(1, n, y, f, whole(x, n)); };
  switch (f) {
    case Unary::negative: return run([](V x) { return -x; });
    case Unary::reciprocal: return run([](V x) { return T(1) / x; });
    case Unary::square: return run([](V x) { return x * x; });
    case Unary::sqrt: return run([](V x) { return square_root<T>(x); });
    case Unary::rsqrt: return run([](V x) { return T(1) / square_root<T>(x); });
    case Unary::exp: return run([](V x) { return exp<T>(x); });
    case Unary::expm1: return run([](V x) { return expm1_anywhere<T>(x); });
    case Unary::log: return run([](V x) { return log<T>(x); });
    case Unary::log1p: return run([](V x) { return log1p<T>(x); });
    case Unary::abs: return run([](V x) { return absolute<T>(x); });
    case Unary::sign: return run([](V x) { return x == x ? sign<T>(x) : x; });
    case Unary::floor: return run([](V x) { return floor<T>(x); });
    case Unary::ceil: return run([](V x) { return ceil<T>(x); });
    case Unary::round: return run([](V x) { return round<T>(x); });
    case Unary::sin: return run([](V x) { return sin<T>(x); });
    case Unary::cos: return run([](V x) { return cos<T>(x); });
    case Unary::erf: return run([](V x) { return erf<T>(x); });
    case Unary::logical_not: return run([](V x) { return as_number<T>(x == T(0)); });
    case Unary::isfinite: return run([](V x) { return as_number<T>(absolute<T>(x) < T(__builtin_inf())); });
  }
}

template <class T>
void unary_dx(Unary f, int64_t n, const T* x, const T* y, const T* dy, T* dx) {
  using V = Vec<T>;
  const Operand<T> to{dx, n, 1};
  const auto of_x = [=](auto f) { accumulate(1, n, to, f, whole(x, n), whole(dy, n)); };
  const auto of_y = [=](auto f) { accumulate(1, n, to, f, whole(y, n), whole(dy, n)); };
  switch (f) {
    case Unary::negative: return of_x([](V, V d) { return -d; });
    case Unary::reciprocal: return of_y([](V y, V d) { return -d * (y * y); });
    case Unary::square: return of_x([](V x, V d) { return d * (T(2) * x); });
    case Unary::sqrt: return of_y([](V y, V d) { return d * (T(0.5) / y); });
    case Unary::rsqrt:
      return accumulate(
          1, n, to, [](V x, V y, V d) { return d * (T(-0.5) * y / x); }, whole(x, n), whole(y, n), whole(dy, n));
    case Unary::exp: return of_y([](V y, V d) { return d * y; });
    case Unary::expm1: return of_y([](V y, V d) { return d * (y + T(1)); });
    case Unary::log: return of_x([](V x, V d) { return d / x; });
    case Unary::log1p: return of_x([](V x, V d) { return d / (T(1) + x); });
    case Unary::abs: return of_x([](V x, V d) { return d * sign<T>(x); });
    case Unary::sin: return of_x([](V x, V d) { return d * cos<T>(x); });
    case Unary::cos: return of_x([](V x, V d) { return -d * sin<T>(x); });
    case Unary::erf: return of_x([](V x, V d) { return d * (T(1.1283791670955126) * exp<T>(-x * x)); });
    default: return;
  }
}

// ---------------------------------------------------------------- two operands

// run(a^e as a function of a), without the general power for the usual exponents
template <class T, class Run>
inline void with_power(T e, Run run) {
  using V = Vec<T>;
  if (e == T(0)) return run([](V) { return splat(T(1)); });
  if (e == T(1)) return run([](V a) { return a; });
  if (e == T(2)) return run([](V a) { return a * a; });
  if (e == T(3)) return run([](V a) { return a * a * a; });
  if (e == T(0.5)) return run([](V a) { return square_root<T>(a); });
  if (e == T(-0.5)) return run([](V a) { return T(1) / square_root<T>(a); });
  if (e == T(-1)) return run([](V a) { return T(1) / a; });
  return run([=](V a) { return power<T>(a, splat(e)); });
}

template <class T>
void binary(Binary f, int64_t rows, int64_t width, Operand<const T> a, Operand<const T> b, T* y) {
  using V = Vec<T>;
  const auto run = [=](auto f) { map_rows(rows, width, y, f, a, b); };
  const auto holds = [=](auto f) { run([=](V a, V b) { return as_number<T>(f(a, b)); }); };
  switch (f) {
    case Binary::add: return run([](V a, V b) { return a + b; });
    case Binary::subtract: return run([](V a, V b) { return a - b; });
    case Binary::multiply: return run([](V a, V b) { return a * b; });
    case Binary::divide: return run([](V a, V b) { return a / b; });
    case Binary::power:
      if (b.row == 0 && b.column == 0 && rows > 0 && width > 0)
        return with_power<T>(*b.at, [=](auto f) { map_rows(rows, width, y, f, a); });
      return run([](V a, V b) { return power<T>(a, b); });
    case Binary::maximum: return run([](V a, V b) { return (a > b) | (a != a) ? a : b; });
    case Binary::minimum: return run([](V a, V b) { return (a < b) | (a != a) ? a : b; });
    case Binary::mod: return run([](V a, V b) { return remainder<T>(a, b); });
    case Binary::greater: return holds([](V a, V b) { return a > b; });
    case Binary::greater_equal: return holds([](V a, V b) { return a >= b; });
    case Binary::less: return holds([](V a, V b) { return a < b; });
    case Binary::less_equal: return holds([](V a, V b) { return a <= b; });
    case Binary::equal: return holds([](V a, V b) { return a == b; });
    case Binary::not_equal: return holds([](V a, V b) { return a != b; });
    case Binary::logical_and: return holds([](V a, V b) { return (a != T(0)) & (b != T(0)); });
    case Binary::logical_or: return holds([](V a, V b) { return (a != T(0)) | (b != T(0)); });
  }
}

template <class T>
void power_dx(int64_t rows, int64_t width, Operand<const T> a, Operand<const T> b, const T* y, const T* dy,
              Operand<T> da, Operand<T> db) {
  using V = Vec<T>;
  const Operand<const T> d = whole(dy, width);
  if (b.row == 0 && b.column == 0 && rows > 0 && width > 0) {
    const T e = *b.at;
    if (e != T(0))
      with_power<T>(e - T(1), [=](auto power) {
        accumulate(rows, width, da, [=](V a, V d) { return d * (e * power(a)); }, a, d);
      });
  } else {
    const auto slope = [](V a, V b) {
      const V zero{};
      return b == zero ? zero : b * power<T>(a, b - T(1));
    };
    accumulate(rows, width, da, [=](V a, V b, V d) { return d * slope(a, b); }, a, b, d);
  }
  const auto by_exponent = [](V a, V y, V d) { return d * (log<T>(a == T(0) ? splat(T(1)) : a) * y); };
  accumulate(rows, width, db, by_exponent, a, whole(y, width), d);
}

template <class T>
void binary_dx(Binary f, int64_t rows, int64_t width, Operand<const T> a, Operand<const T> b, const T* y, const T* dy,
               Operand<T> da, Operand<T> db) {
  using V = Vec<T>;
  const Operand<const T> d = whole(dy, width), of_y = whole(y, width);
  const auto to_a = [=](auto f, auto... x) { accumulate(rows, width, da, f, x...); };
  const auto to_b = [=](auto f, auto... x) { accumulate(rows, width, db, f, x...); };
  const auto as_it_is = [](V d) { return d; };
  switch (f) {
    case Binary::add: to_a(as_it_is, d); return to_b(as_it_is, d);
    case Binary::subtract: to_a(as_it_is, d); return to_b([](V d) { return -d; }, d);
    case Binary::multiply:
      to_a([](V b, V d) { return d * b; }, b, d);
      return to_b([](V a, V d) { return d * a; }, a, d);
    case Binary::divide:
      to_a([](V b, V d) { return d / b; }, b, d);
      return to_b([](V b, V y, V d) { return -d * (y / b); }, b, of_y, d);
    case Binary::power: return power_dx(rows, width, a, b, y, dy, da, db);
    case Binary::maximum:
    case Binary::minimum: {
      const auto share = [](V own, V other, V y, V d) { return own == other ? T(0.5) * d : own == y ? d : V{}; };
      to_a(share, a, b, of_y, d);
      return to_b(share, b, a, of_y, d);
    }
    case Binary::mod: to_a(as_it_is, d); return to_b([](V a, V b, V d) { return -d * floor<T>(a / b); }, a, b, d);
    default: return;
  }
}

// ---------------------------------------------------------------- three operands

template <class T>
void where(int64_t rows, int64_t width, Operand<const T> c, Operand<const T> a, Operand<const T> b, T* y) {
  using V = Vec<T>;
  map_rows(rows, width, y, [](V c, V a, V b) { return c != T(0) ? a : b; }, c, a, b);
}

template <class T>
void where_dx(int64_t rows, int64_t width, Operand<const T> c, const T* dy, Operand<T> da, Operand<T> db) {
  using V = Vec<T>;
  const Operand<const T> d = whole(dy, width);
  accumulate(rows, width, da, [](V c, V d) { return c != T(0) ? d : V{}; }, c, d);
  accumulate(rows, width, db, [](V c, V d) { return c != T(0) ? V{} : d; }, c, d);
}
