// One optimizer step on n elements: weights, slots and gradient lie alike; n is whole vectors.

// Adds w^2 to `squares`, w being the old weights. A bias is not penalized.
template <class T>
inline void update(const Step<T>& step, Weights<T> at, const T* g, int64_t n, bool bias, Vec<T>& squares) {
  constexpr int L = kLanes<T>;
  const T l2 = bias ? T(0) : step.l2;
  const auto each = [&](auto rule) {
    for (int64_t i = 0; i < n; i += L) {
      Vec<T> w = load(at.w + i);
      squares += w * w;
      rule(i, w, load(g + i) + l2 * w);
    }
  };
  if (step.rule == Rule::adam) {
    each([&](int64_t i, Vec<T> w, Vec<T> g) {
      const Vec<T> m = step.beta_1 * load(at.slot0 + i) + step.one_minus_beta_1 * g;
      const Vec<T> v = step.beta_2 * load(at.slot1 + i) + step.one_minus_beta_2 * (g * g);
      store(at.slot0 + i, m);
      store(at.slot1 + i, v);
      store(at.w + i, w - step.learning_rate * m / (square_root<T>(v) + step.epsilon));
    });
  } else if (!at.slot0) {
    each([&](int64_t i, Vec<T> w, Vec<T> g) { store(at.w + i, w - step.learning_rate * g); });
  } else {
    each([&](int64_t i, Vec<T> w, Vec<T> g) {
      const Vec<T> v = step.momentum * load(at.slot0 + i) - step.learning_rate * g;
      store(at.slot0 + i, v);
      store(at.w + i, w + (step.nesterov ? step.momentum * v - step.learning_rate * g : v));
    });
  }
}
