// The optimizers' rules: one step of one vector of weights and slots, from its gradient. Each is a Finish of the
// weights' product, so that a gradient goes from its register straight into the weights, or runs over a stored gradient.

// What all rules share: decay, the l2 penalty's part of the gradient, and the sum of squares that its value needs.
template <class T>
struct Rule_ {
  const Step<T> step;  // a copy, which no store into the weights can change
  Weights<T> at;
  T pull;  // times w: added to the gradient
  T keep;
  double& squares;
  const bool pulls = pull != 0;    // without a penalty nobody asks for the squares
  Vec<T> part[kTileVectors] = {};  // of `squares`: one a column vector, so that no sum waits for the one before

  static Vec<T> start(int) { return Vec<T>{}; }
  // w before the step; g becomes the full gradient
  Vec<T> weight(int64_t i, int j, Vec<T>& g) {
    const Vec<T> w = load(at.w + i);
    if (pulls) {
      part[j] += w * w;
      g += pull * w;
    }
    return w;
  }
  void end() const {
    if (!pulls) return;
    Vec<T> total{};
    for (const Vec<T>& v : part) total += v;
    squares += double(sum<T>(total));
  }
  // slot = beta * slot + (1 - beta) * x
  static Vec<T> average(T* slot, T beta, T one_minus_beta, Vec<T> x) {
    const Vec<T> v = beta * load(slot) + one_minus_beta * x;
    store(slot, v);
    return v;
  }
};

// Decay is part of the pull: w (1 - rate decay) - rate g = w - rate (g + decay w).
template <class T>
struct SgdRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Vec<T> w = this->weight(i, j, g);
    store(this->at.w + i, w - this->step.learning_rate * g);
  }
};

template <class T>
struct MomentumRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g), v = s.momentum * load(this->at.slot0 + i) - s.learning_rate * g;
    store(this->at.slot0 + i, v);
    store(this->at.w + i, w * this->keep + (s.nesterov ? s.momentum * v - s.learning_rate * g : v));
  }
};

template <class T>
struct AdamRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g);
    const Vec<T> m = this->average(this->at.slot0 + i, s.beta_1, s.one_minus_beta_1, g);
    const Vec<T> v = this->average(this->at.slot1 + i, s.beta_2, s.one_minus_beta_2, g * g);
    store(this->at.w + i, w * this->keep - over_root<T>(s.learning_rate * m, v, s.epsilon));
  }
};

template <class T>
struct AmsgradRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g);
    const Vec<T> m = this->average(this->at.slot0 + i, s.beta_1, s.one_minus_beta_1, g);
    const Vec<T> v = this->average(this->at.slot1 + i, s.beta_2, s.one_minus_beta_2, g * g);
    const Vec<T> before = load(this->at.slot2 + i), most = before > v ? before : v;
    store(this->at.slot2 + i, most);
    store(this->at.w + i, w * this->keep - over_root<T>(s.learning_rate * m, most, s.epsilon));
  }
};

template <class T>
struct NadamRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g);
    const Vec<T> m = this->average(this->at.slot0 + i, s.beta_1, s.one_minus_beta_1, g);
    const Vec<T> v = this->average(this->at.slot1 + i, s.beta_2, s.one_minus_beta_2, g * g);
    const Vec<T> ahead = s.learning_rate * m + s.gradient_rate * g;
    store(this->at.w + i, w * this->keep - over_root<T>(ahead, v, s.epsilon));
  }
};

template <class T>
struct RmspropRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g);
    Vec<T> v = this->average(this->at.slot0 + i, s.beta_2, s.one_minus_beta_2, g * g);
    if (this->at.slot2) {  // centered
      const Vec<T> a = this->average(this->at.slot2 + i, s.beta_2, s.one_minus_beta_2, g);
      const Vec<T> spread = v - a * a;
      v = spread < T(0) ? Vec<T>{} : spread;  // of rounding alone
    }
    Vec<T> d = s.learning_rate * g / square_root<T>(v + s.epsilon);
    if (this->at.slot1) {
      d += s.momentum * load(this->at.slot1 + i);
      store(this->at.slot1 + i, d);
    }
    store(this->at.w + i, w * this->keep - d);
  }
};

template <class T>
struct AdagradRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g), a = load(this->at.slot0 + i) + g * g;
    store(this->at.slot0 + i, a);
    store(this->at.w + i, w * this->keep - s.learning_rate * g / square_root<T>(a + s.epsilon));
  }
};

template <class T>
struct AdamaxRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g), size = absolute<T>(g);
    const Vec<T> m = this->average(this->at.slot0 + i, s.beta_1, s.one_minus_beta_1, g);
    const Vec<T> faded = s.beta_2 * load(this->at.slot1 + i), u = faded > size ? faded : size;
    store(this->at.slot1 + i, u);
    store(this->at.w + i, w * this->keep - s.learning_rate * m / (u + s.epsilon));
  }
};

template <class T>
struct AdadeltaRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g), e = load(this->at.slot1 + i);
    const Vec<T> v = this->average(this->at.slot0 + i, s.beta_2, s.one_minus_beta_2, g * g);
    const Vec<T> d = g * square_root<T>(e + s.epsilon) / square_root<T>(v + s.epsilon);
    this->average(this->at.slot1 + i, s.beta_2, s.one_minus_beta_2, d * d);
    store(this->at.w + i, w * this->keep - s.learning_rate * d);
  }
};

template <class T>
inline Vec<T> sign(Vec<T> x) {
  const Vec<T> zero{}, one = splat(T(1));
  return x > zero ? one : x < zero ? -one : x;
}

template <class T>
struct LionRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g), m = load(this->at.slot0 + i);
    store(this->at.w + i, w * this->keep - s.learning_rate * sign<T>(s.beta_1 * m + s.one_minus_beta_1 * g));
    store(this->at.slot0 + i, s.beta_2 * m + s.one_minus_beta_2 * g);
  }
};

template <class T>
struct FtrlRule : Rule_<T> {
  static Vec<T> to_power(Vec<T> a, T p) { return p == T(0.5) ? square_root<T>(a) : power<T>(a, splat(p)); }
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g) * this->keep, a = load(this->at.slot0 + i), n = a + g * g;
    const Vec<T> before = to_power(a, s.power), after = to_power(n, s.power);
    const Vec<T> z = load(this->at.slot1 + i) + g + s.shrinkage * w - (after - before) / s.learning_rate * w;
    const Vec<T> clipped = z > s.ftrl_l1 ? splat(s.ftrl_l1) : z < -s.ftrl_l1 ? splat(-s.ftrl_l1) : z;
    const Vec<T> rest = clipped - z;
    store(this->at.slot0 + i, n);
    store(this->at.slot1 + i, z);
    store(this->at.w + i, rest == T(0) ? Vec<T>{} : rest / (after / s.learning_rate + s.ftrl_l2));
  }
};

// Whether a step is applied in the registers of the product; the others run over a unit's stored gradient.
template <class T>
inline bool is_fused(const Step<T>& s, const Weights<T>& at) {
  return !at.slot2 && (s.rule == Rule::sgd || s.rule == Rule::adam || s.rule == Rule::adamw) && s.l1 == 0 &&
         s.clip_value == 0;
}

// The rule's settings for weights of a kernel or a bias; `penalised`: g holds the penalties already.
template <class T>
inline Rule_<T> rule_for(const Step<T>& s, bool kernel, bool penalised, Weights<T> at, double& squares) {
  const bool decays = kernel || s.decay_bias, plain_sgd = s.rule == Rule::sgd && !at.slot0;
  const T l2 = kernel && !penalised ? s.l2 : T(0);
  return {s, at, l2 + (plain_sgd && decays ? s.weight_decay : T(0)), decays ? s.keep : T(1), squares};
}

template <class T>
Norms penalise(const Step<T>& s, bool kernel, int64_t n, const T* w, T* g) {
  constexpr int64_t together = 32 * kLanes<T>;  // elements summed in T, before double
  Norms norms{};
  for (int64_t start = 0; start < n; start += together) {
    Vec<T> squares{}, magnitudes{}, gradient{};
    for (int64_t i = start; i < start + together && i < n; i += kLanes<T>) {
      Vec<T> v = load(g + i);
      if (kernel) {
        const Vec<T> x = load(w + i);
        squares += x * x;
        magnitudes += absolute<T>(x);
        v += s.l1 * sign<T>(x) + s.l2 * x;
      }
      if (s.clip_value > 0) v = v > s.clip_value ? splat(s.clip_value) : v < -s.clip_value ? splat(-s.clip_value) : v;
      gradient += v * v;
      store(g + i, v);
    }
    norms.squares += double(sum<T>(squares));
    norms.magnitudes += double(sum<T>(magnitudes));
    norms.gradient += double(sum<T>(gradient));
  }
  return norms;
}

template <class T>
void update(const Step<T>& s, bool kernel, T scale, int64_t n, const T* g, Weights<T> at) {
  double squares = 0;
  const Rule_<T> shared = rule_for(s, kernel, true, at, squares);
  const auto run = [=](auto rule) {
    for (int64_t i = 0; i < n; i += kLanes<T>) rule.done(i, 0, load(g + i) * scale);
  };
  switch (s.rule) {
    case Rule::sgd: return at.slot0 ? run(MomentumRule<T>{shared}) : run(SgdRule<T>{shared});
    case Rule::adam:
    case Rule::adamw: return at.slot2 ? run(AmsgradRule<T>{shared}) : run(AdamRule<T>{shared});
    case Rule::rmsprop: return run(RmspropRule<T>{shared});
    case Rule::nadam: return run(NadamRule<T>{shared});
    case Rule::adagrad: return run(AdagradRule<T>{shared});
    case Rule::adamax: return run(AdamaxRule<T>{shared});
    case Rule::adadelta: return run(AdadeltaRule<T>{shared});
    case Rule::lion: return run(LionRule<T>{shared});
    case Rule::ftrl: return run(FtrlRule<T>{shared});
  }
}

// No step: the gradient itself is stored.
template <class T>
struct StoreGradient {
  T* g;
  static Vec<T> start(int) { return Vec<T>{}; }
  void done(int64_t i, int, Vec<T> v) const { store(g + i, v); }
  void end() const {}
};

// One unit of n weights, whose gradient run(finish) makes: a step, or without one the gradient stored in at.w.
template <class T, class Run>
inline Norms step_unit(const Step<T>* step, bool kernel, int64_t n, Weights<T> at, Run run) {
  if (!step) {
    run(StoreGradient<T>{at.w});
    return {};
  }
  if (!is_fused(*step, at)) {
    alignas(64) T gradient[kUnitRows * kPanel<T>];  // in the first cache
    run(StoreGradient<T>{gradient});
    const Norms norms = penalise(*step, kernel, n, at.w, gradient);
    update(*step, kernel, T(1), n, gradient, at);
    return norms;
  }
  double squares = 0;
  const Rule_<T> rule = rule_for(*step, kernel, false, at, squares);
  if (step->rule != Rule::sgd) run(AdamRule<T>{rule});
  else if (at.slot0) run(MomentumRule<T>{rule});
  else run(SgdRule<T>{rule});
  return {kernel ? squares : 0, 0, 0};
}
