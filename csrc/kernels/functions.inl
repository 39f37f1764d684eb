// What only the general ops need of maths: rounding, sin, cos, erf, expm1, log1p, powers and remainders on whole vectors.

// Vectors of half as many lanes, for float32 functions that are computed in float64.
typedef float HalfFloats __attribute__((vector_size(kVectorBytes / 2)));

// f of the float64 vectors that hold each half of the lanes.
template <class F, int... I>
inline Vec<float> in_doubles(Vec<float> x, Vec<float> y, F f, std::integer_sequence<int, I...>) {
  constexpr int half = kLanes<float> / 2;
  const auto low = [](Vec<float> v) {
    return __builtin_convertvector(HalfFloats(__builtin_shufflevector(v, v, I...)), Vec<double>);
  };
  const auto high = [](Vec<float> v) {
    return __builtin_convertvector(HalfFloats(__builtin_shufflevector(v, v, (I + half)...)), Vec<double>);
  };
  const HalfFloats a = __builtin_convertvector(f(low(x), low(y)), HalfFloats);
  const HalfFloats b = __builtin_convertvector(f(high(x), high(y)), HalfFloats);
  return __builtin_shufflevector(a, b, I..., (I + half)...);
}
template <class F>
inline Vec<float> in_doubles(Vec<float> x, Vec<float> y, F f) {
  return in_doubles(x, y, f, std::make_integer_sequence<int, kLanes<float> / 2>());
}

// 1 where a comparison holds, else 0.
template <class T>
inline Vec<T> as_number(IntVec<T> holds) {
  return Vec<T>(holds & IntVec<T>(splat(T(1))));
}

// The nearest integer, halves to even; exact.
template <class T>
inline Vec<T> round(Vec<T> x) {
  constexpr T whole = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);  // from here on all numbers are integers
  const Vec<T> size = absolute<T>(x);
  const Vec<T> rounded = (size + whole) - whole;
  const IntVec<T> sign = IntVec<T>(x) & IntVec<T>(splat(T(-0.0)));
  return size < whole ? Vec<T>(IntVec<T>(rounded) | sign) : x;
}
template <class T>
inline Vec<T> floor(Vec<T> x) {
  const Vec<T> r = round<T>(x);
  return r > x ? r - T(1) : r;
}
template <class T>
inline Vec<T> ceil(Vec<T> x) {
  return -floor<T>(-x);
}

// sin(x) and cos(x): at most 2 ULP. x = n pi/2 + r with pi/2 in three parts, the first two of 33 bits, so that n times a
// part is exact; then Taylor. Where |x| is beyond that, NaN or infinite, lane by lane with the C library.
struct SinCos {
  Vec<double> sin, cos;
};
constexpr double taylor(int k) { return (k / 2 % 2 ? -1 : 1) * inverse_factorial<double>(k); }
inline SinCos sin_cos(Vec<double> x) {
  constexpr double limit = 1.6e6;  // n < 2^20
  const IntVec<double> far = ~(absolute<double>(x) <= limit);
  const Vec<double> near = far ? Vec<double>{} : x;
  const Vec<double> shifted = near * 0.63661977236758134308 + MathConstants<double>::round;
  const Vec<double> n = shifted - MathConstants<double>::round;
  const Vec<double> r = ((near - n * 0x1.921fb544p0) - n * 0x1.0b4611a6p-34) - n * 0x1.3198a2e037073p-69;
  const Vec<double> z = r * r;
  Vec<double> s = splat(taylor(17)), c = splat(taylor(16));
#pragma GCC unroll 8
  for (int k = 15; k >= 3; k -= 2) s = s * z + taylor(k);
#pragma GCC unroll 8
  for (int k = 14; k >= 4; k -= 2) c = c * z + taylor(k);
  s = r + r * z * s;
  c = 1.0 - (0.5 * z - z * z * c);
  const IntVec<double> quadrant = IntVec<double>(shifted), odd = (quadrant & 1) != 0;
  const IntVec<double> sin_sign = (quadrant & 2) << 62, cos_sign = ((quadrant + 1) & 2) << 62;
  SinCos both{Vec<double>(IntVec<double>(odd ? c : s) ^ sin_sign), Vec<double>(IntVec<double>(odd ? s : c) ^ cos_sign)};
  int64_t any = 0;
  for (int i = 0; i < kLanes<double>; ++i) any |= far[i];
  if (any)
    for (int i = 0; i < kLanes<double>; ++i)
      if (far[i]) both.sin[i] = __builtin_sin(x[i]), both.cos[i] = __builtin_cos(x[i]);
  return both;
}
template <class T>
inline Vec<T> sin(Vec<T> x) {
  if constexpr (sizeof(T) == 8) return sin_cos(x).sin;
  else return in_doubles(x, x, [](Vec<double> v, Vec<double>) { return sin_cos(v).sin; });
}
template <class T>
inline Vec<T> cos(Vec<T> x) {
  if constexpr (sizeof(T) == 8) return sin_cos(x).cos;
  else return in_doubles(x, x, [](Vec<double> v, Vec<double>) { return sin_cos(v).cos; });
}

// erf(x): at most 3 ULP. x times its Taylor series in x^2 where |x| < 1, else 1 - 2 times the normal tail at |x| sqrt(2).
template <class T>
constexpr T erf_term(int k) {
  double f = 1;
  for (int i = 2; i <= k; ++i) f *= i;
  return T((k % 2 ? -1 : 1) * 1.1283791670955125739 / (f * (2 * k + 1)));
}
template <class T>
inline Vec<T> erf(Vec<T> x) {
  constexpr int terms = sizeof(T) == 4 ? 10 : 19;
  const Vec<T> size = absolute<T>(x), z = x * x;
  Vec<T> p = splat(erf_term<T>(terms - 1));
#pragma GCC unroll 20
  for (int k = terms - 2; k >= 0; --k) p = p * z + erf_term<T>(k);
  const Vec<T> outside = T(1) - T(2) * normal<T>(size * T(-1.4142135623730950488)).cdf;
  const IntVec<T> sign = IntVec<T>(x) & IntVec<T>(splat(T(-0.0)));
  return size < T(1) ? p * x : Vec<T>(IntVec<T>(outside) | sign);
}

// e^x - 1 for any x: at most 2.5 ULP.
template <class T>
inline Vec<T> expm1_anywhere(Vec<T> x) {
  return x > T(60) ? exp<T>(x) : expm1<T>(x < T(-60) ? splat(T(-60)) : x);
}

// log(1 + x) = log(u) x / (u - 1) for u = 1 + x rounded: at most 3 ULP for x > -1; -infinity at -1, NaN below.
template <class T>
inline Vec<T> log1p(Vec<T> x) {
  const Vec<T> u = T(1) + x;
  const Vec<T> y = log<T>(u) * (x / (u - T(1)));
  return (u == T(1)) | (x == T(__builtin_inf())) ? x : y;
}

// a^b, NaN where a < 0 and b is no integer: at most 1 ULP (float32: e^(b log|a|) in float64; float64: the C library).
template <class T>
inline Vec<T> power(Vec<T> a, Vec<T> b) {
  if constexpr (sizeof(T) == 8) {
    Vec<T> y;
    for (int i = 0; i < kLanes<T>; ++i) y[i] = __builtin_pow(a[i], b[i]);
    return y;
  } else {
    const Vec<T> size = in_doubles(absolute<T>(a), b, [](Vec<double> a, Vec<double> b) {
      const Vec<double> l = log<double>(a);
      return l == 0.0 ? splat(1.0) : exp<double>(b * l);
    });
    const Vec<T> half = b * T(0.5);
    const Vec<T> whole = half == floor<T>(half) ? size : -size;
    const Vec<T> broken = a == -T(__builtin_inf()) ? size : splat(T(__builtin_nan("")));
    const Vec<T> y = a < T(0) ? (b == floor<T>(b) ? whole : broken) : size;
    return b == T(0) ? splat(T(1)) : y;
  }
}

// a - b floor(a / b), of the sign of b, as NumPy's mod; exact but for the last addition.
template <class T>
inline Vec<T> remainder(Vec<T> a, Vec<T> b) {
  Vec<T> r;
  for (int i = 0; i < kLanes<T>; ++i) r[i] = sizeof(T) == 4 ? __builtin_fmodf(a[i], b[i]) : __builtin_fmod(a[i], b[i]);
  const IntVec<T> other_side = (r < T(0)) != (b < T(0));
  return (r != T(0)) & other_side ? r + b : r;
}
