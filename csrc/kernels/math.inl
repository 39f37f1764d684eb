// exp, expm1, log, tanh, logistic, the normal distribution and their kin on whole vectors. Errors are held by tests/test_math.py.

template <class T>
inline Vec<T> square_root(Vec<T> x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return Vec<T>(_mm512_sqrt_ps(__m512(x)));
  else return Vec<T>(_mm512_sqrt_pd(__m512d(x)));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) return Vec<T>(_mm256_sqrt_ps(__m256(x)));
  else return Vec<T>(_mm256_sqrt_pd(__m256d(x)));
#else
  for (int i = 0; i < kLanes<T>; ++i) x[i] = sizeof(T) == 4 ? __builtin_sqrtf(x[i]) : __builtin_sqrt(x[i]);
  return x;
#endif
}

// x / (sqrt(v) + epsilon), v >= 0: at most 3 ULP for v = 0 and v > 1e-33, below within 2^-14 of the root, which an epsilon of
// 1e-14 or more outweighs; a root that is infinite may count as the largest number. A root and a
// quotient take the processor 34 cycles a vector; their estimates, with a Newton step each, take 10 and leave room for
// products.
template <class T>
inline Vec<T> over_root(Vec<T> x, Vec<T> v, T epsilon) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    const Vec<T> r = Vec<T>(_mm512_rsqrt14_ps(__m512(v))), s = v * r, near = s + T(0.5) * r * (v - s * s);
    const __mmask16 ends = _mm512_fpclass_ps_mask(__m512(v), 0x0e);  // 0 and infinity, where r is the other of them
    const Vec<T> root = Vec<T>(_mm512_mask_mov_ps(__m512(near), ends, __m512(v))) + epsilon;
    const Vec<T> d = root > std::numeric_limits<T>::max() ? splat(std::numeric_limits<T>::max()) : root;
    const Vec<T> inverse = Vec<T>(_mm512_rcp14_ps(__m512(d))), q = x * inverse;
    return q + inverse * (x - q * d);
  }
#endif
  return x / (square_root<T>(v) + epsilon);
}

template <class T>
struct MathConstants;
template <>
struct MathConstants<float> {
  static constexpr float ln2_high = 0x1.62e4p-1f,
                         ln2_low = 0x1.7f7d1cp-20f;  // high part: 15 bits, so n * high is exact
  static constexpr float round = 0x1.8p23f;          // adding it leaves the nearest integer in the low bits
  static constexpr float exp_max = 88.72283f, exp_min = -87.33654f, tanh_max = 9.1f;
  static constexpr int mantissa = 23, bias = 127, exp_degree = 7, log_terms = 5;
};
template <>
struct MathConstants<double> {
  static constexpr double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
  static constexpr double round = 0x1.8p52;
  static constexpr double exp_max = 709.782712893384, exp_min = -708.3964185322641, tanh_max = 19.1;
  static constexpr int mantissa = 52, bias = 1023, exp_degree = 13, log_terms = 11;
};

template <class T>
constexpr T inverse_factorial(int n) {
  double f = 1;
  for (int i = 2; i <= n; ++i) f *= i;
  return T(1 / f);
}

// x + d = n ln2 + r for a small d: n as an integer in the exponent's place, r, and e^r - 1 by its Taylor series.
template <class T>
struct ExpParts {
  IntVec<T> exponent;
  Vec<T> series;
};
template <class T, bool corrected = false>
inline ExpParts<T> exp_parts(Vec<T> x, Vec<T> d = Vec<T>{}) {
  using C = MathConstants<T>;
  const Vec<T> shifted = x * T(1.4426950408889634) + C::round;
  const Vec<T> n = shifted - C::round;
  Vec<T> r = (x - n * C::ln2_high) - n * C::ln2_low;
  if constexpr (corrected) r += d;
  Vec<T> s = splat(inverse_factorial<T>(C::exp_degree));
#pragma GCC unroll 16
  for (int k = C::exp_degree - 1; k >= 2; --k) s = s * r + inverse_factorial<T>(k);
  return {IntVec<T>(shifted) << C::mantissa, s * (r * r) + r};
}

// e^x: at most 1.5 ULP; 0 where the result would be subnormal, infinity above the range.
template <class T>
inline Vec<T> exp(Vec<T> x) {
  using C = MathConstants<T>;
  Vec<T> clamped = x > C::exp_max ? splat(C::exp_max) : x;
  clamped = clamped < C::exp_min ? splat(C::exp_min) : clamped;
  const ExpParts<T> e = exp_parts<T>(clamped);
  Vec<T> y = Vec<T>(IntVec<T>(e.series + T(1)) + e.exponent);
  y = x > C::exp_max ? splat(T(__builtin_inf())) : y;
  y = x < C::exp_min ? Vec<T>{} : y;
  return x == x ? y : x;
}

// e^x - 1 for |x| <= 60: at most 2.5 ULP, relative to the result also near 0.
template <class T>
inline Vec<T> expm1(Vec<T> x) {
  const ExpParts<T> e = exp_parts<T>(x);
  const Vec<T> scale = Vec<T>(IntVec<T>(splat(T(1))) + e.exponent);
  return scale * e.series + (scale - T(1));
}

// log(x) for positive normal x: at most 2 ULP; 0 gives -infinity, NaN and negative numbers NaN.
template <class T>
inline Vec<T> log(Vec<T> x) {
  using C = MathConstants<T>;
  using I = IntVec<T>;
  // x = 2^n m with m in [sqrt(1/2), sqrt(2)): subtract sqrt(1/2)'s bits, keep the exponent
  const I offset = I(splat(T(0.70710678118654752)));
  const I exponent = (I(x) - offset) >> C::mantissa;
  const Vec<T> m = Vec<T>(I(x) - (exponent << C::mantissa));
  const Vec<T> n = __builtin_convertvector(exponent, Vec<T>);
  const Vec<T> f = m - T(1), s = f / (m + T(1)), z = s * s;
  Vec<T> t = splat(T(2) / T(2 * C::log_terms + 1));
#pragma GCC unroll 16
  for (int k = C::log_terms - 1; k >= 1; --k) t = t * z + T(2) / T(2 * k + 1);
  // log(1 + f) = 2s + s z t, and 2s = f - s f: keeps f exact
  const Vec<T> y = n * C::ln2_high + (f - (s * (f - z * t) - n * C::ln2_low));
  Vec<T> result = x > Vec<T>{} ? y : splat(T(__builtin_nan("")));
  result = x == Vec<T>{} ? splat(-T(__builtin_inf())) : result;
  return x == T(__builtin_inf()) ? x : result;
}

template <class T>
inline Vec<T> absolute(Vec<T> x) {
  return Vec<T>(IntVec<T>(x) & ~IntVec<T>(splat(T(-0.0))));
}

// tanh(x): at most 4 ULP (float32, float64).
template <class T>
inline Vec<T> tanh(Vec<T> x) {
  const Vec<T> a = absolute<T>(x);
  const Vec<T> e = expm1<T>((a > MathConstants<T>::tanh_max ? splat(MathConstants<T>::tanh_max) : a) * T(2));
  const IntVec<T> sign = IntVec<T>(x) & IntVec<T>(splat(T(-0.0)));
  return Vec<T>(IntVec<T>(e / (e + T(2))) | sign);
}

// 1 / (1 + e^-x): at most 3 ULP.
template <class T>
inline Vec<T> logistic(Vec<T> x) {
  return T(1) / (T(1) + exp<T>(-x));
}

// log(1 + e^x) = max(x, 0) + log1p(e^-|x|), where log1p(e) = log(u) e / (u - 1) for u = 1 + e rounded: at most 4 ULP.
template <class T>
inline Vec<T> softplus(Vec<T> x) {
  const Vec<T> e = exp<T>(-absolute<T>(x)), u = T(1) + e;
  const Vec<T> log1p = u == T(1) ? e : log<T>(u) * e / (u - T(1));
  return (x > Vec<T>{} ? x : Vec<T>{}) + (x == x ? log1p : x);
}

// (1 + a) e^(a^2 / 2) times the normal distribution function at -a, for 0 <= a <= limit, as a polynomial in
// s = ((1 + 2 centre / limit) a - centre) / (a + centre), which runs from -1 to 1: its interpolant at the Chebyshev nodes,
// computed with 60 digits and expanded in powers of s; relative error 1.4e-8 (float32) and 2e-17 (float64).
template <class T>
struct NormalTail;
template <>
struct NormalTail<float> {
  static constexpr float limit = 13.3f, centre = 4, cut = 13.2f;  // beyond `cut` e^(-a^2 / 2) is subnormal
  static constexpr int32_t head = ~0xfff;                         // of a: its square is exact
  static constexpr float powers[] = {0x1.fa9356p-2f,  -0x1.30933cp-4f, -0x1.680ccap-7f,  0x1.01643p-5f,
                                     -0x1.4460eap-6f, 0x1.a7512p-8f,   -0x1.7627d6p-11f, -0x1.09a5f8p-12f,
                                     0x1.4bb66p-14f,  0x1.4bcbep-17f,  -0x1.5f110cp-18f};
};
template <>
struct NormalTail<double> {
  static constexpr double limit = 37.7, centre = 5, cut = 37.6;
  static constexpr int64_t head = ~0x7ffffffLL;
  static constexpr double powers[] = {
      0x1.e3fbc490baccbp-2,   -0x1.632cf3a0d1296p-4, 0x1.3e134acfab968p-6,  0x1.282a03a16d3ebp-6,
      -0x1.b8cbd4ad2f687p-6,  0x1.4730995d9abd9p-6,  -0x1.48537edaa0bcep-7, 0x1.b9affc7497ce4p-9,
      -0x1.2dc17390065a8p-11, -0x1.4a2324c9ed79p-14, 0x1.1fbcce3c9b445p-14, -0x1.0279cacceefebp-17,
      -0x1.575c953b3dbb3p-18, 0x1.826f07ddc1b94p-20, 0x1.a014075e26fa5p-22, -0x1.82f8dd8eec98ap-23,
      -0x1.3b0faba8fca3bp-25, 0x1.66e6742590bbdp-26, 0x1.39e308261dc85p-28, -0x1.2bc9c82b1c112p-29,
      -0x1.49bf9638a1353p-31, 0x1.4badfc4fb1d4fp-33, 0x1.c5ab0e65ac558p-35};
};

// The standard normal distribution function, at most 4 ULP (float32) and 3 ULP (float64), and its density; 0 where they
// would be subnormal.
template <class T>
struct Normal {
  Vec<T> cdf, density;
};
template <class T>
inline Normal<T> normal(Vec<T> x) {
  using C = NormalTail<T>;
  const Vec<T> size = absolute<T>(x), a = size > C::cut ? splat(C::cut) : size;
  const Vec<T> head = Vec<T>(IntVec<T>(a) & C::head);  // a^2 = head^2 + (a - head)(a + head)
  const ExpParts<T> e = exp_parts<T, true>(head * head * T(-0.5), (a - head) * (a + head) * T(-0.5));
  Vec<T> density = Vec<T>(IntVec<T>(e.series + T(1)) + e.exponent);
  density = size > C::cut ? Vec<T>{} : density;
  const Vec<T> s = (a * (T(1) + T(2) * C::centre / C::limit) - C::centre) / (a + C::centre);
  constexpr int degree = int(sizeof(C::powers) / sizeof(T)) - 1;
  Vec<T> p = splat(C::powers[degree]);
#pragma GCC unroll 32
  for (int k = degree - 1; k >= 0; --k) p = p * s + C::powers[k];
  const Vec<T> tail = density * p / (a + T(1));
  const Vec<T> cdf = x < Vec<T>{} ? tail : T(1) - tail;
  return {x == x ? cdf : x, density * T(0.3989422804014327)};
}

template <class T, int n, int... I>
inline Vec<T> rotate(Vec<T> v, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(v, v, ((I + n) % kLanes<T>)...);
}

// All lanes joined, halves first.
template <class T, int n = kLanes<T> / 2, class F>
inline T fold(Vec<T> v, F join) {
  v = join(v, rotate<T, n>(v, std::make_integer_sequence<int, kLanes<T>>()));
  if constexpr (n > 1) return fold<T, n / 2>(v, join);
  else return v[0];
}
template <class T>
inline T sum(Vec<T> v) {
  return fold<T>(v, [](Vec<T> a, Vec<T> b) { return a + b; });
}
// The largest lane, for a vector without NaN.
template <class T>
inline T largest(Vec<T> v) {
  return fold<T>(v, [](Vec<T> a, Vec<T> b) { return b > a ? b : a; });
}
