// dot, axpy, and the measure of the processor's peak.

template <class T>
T dot(const T* a, const T* b, int64_t n) {
  constexpr int L = kLanes<T>;
  Vec<T> s[4] = {};
  int64_t i = 0;
  for (; i + 4 * L <= n; i += 4 * L)
    for (int j = 0; j < 4; ++j) s[j] += load(a + i + j * L) * load(b + i + j * L);
  for (; i + L <= n; i += L) s[0] += load(a + i) * load(b + i);
  T total = sum<T>((s[0] + s[1]) + (s[2] + s[3]));
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

template <class T>
void axpy(T a, const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes<T>) store(y + i, load(y + i, n - i) + a * load(x + i, n - i), n - i);
}

template <class T>
double fma_peak(int64_t steps) {
  constexpr int L = kLanes<T>, independent = kTileRows * kTileVectors;
  Vec<T> acc[independent];
  for (int i = 0; i < independent; ++i) acc[i] = splat(T(i));
  Vec<T> a = splat(T(0.999)), b = splat(T(0.001));
  for (int64_t s = 0; s < steps; ++s) {
    asm volatile("" : "+x"(a), "+x"(b));
#pragma GCC unroll 24
    for (int i = 0; i < independent; ++i) acc[i] = acc[i] * a + b;
  }
  Vec<T> total{};
  for (const Vec<T>& v : acc) total += v;
  asm volatile("" : : "x"(total));
  return 2.0 * L * independent * double(steps);
}
