// The optimizers' rules: one step of one vector of weights and slots, from its gradient. Each is the Finish of the
// weights' product, so that a gradient goes from its register straight into the weights.

// What all rules share: the penalty's part of the gradient, and the sum of squares of the old weights that its value needs.
template <class T>
struct Rule_ {
  const Step<T>& step;
  Weights<T> at;
  T l2;
  double& squares;
  Vec<T> part[kTileVectors] = {};  // of `squares`: one a column vector, so that no sum waits for the one before

  static Vec<T> start(int) { return Vec<T>{}; }
  // w before the step; g becomes the full gradient
  Vec<T> weight(int64_t i, int j, Vec<T>& g) {
    const Vec<T> w = load(at.w + i);
    part[j] += w * w;
    g += l2 * w;
    return w;
  }
  void end() const {
    for (const Vec<T>& v : part) squares += double(sum<T>(v));
  }
};

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
    store(this->at.w + i, w + (s.nesterov ? s.momentum * v - s.learning_rate * g : v));
  }
};

template <class T>
struct AdamRule : Rule_<T> {
  void done(int64_t i, int j, Vec<T> g) {
    const Step<T>& s = this->step;
    const Vec<T> w = this->weight(i, j, g);
    const Vec<T> m = s.beta_1 * load(this->at.slot0 + i) + s.one_minus_beta_1 * g;
    const Vec<T> v = s.beta_2 * load(this->at.slot1 + i) + s.one_minus_beta_2 * (g * g);
    store(this->at.slot0 + i, m);
    store(this->at.slot1 + i, v);
    store(this->at.w + i, w - s.learning_rate * m / (square_root<T>(v) + s.epsilon));
  }
};

// No step: the gradient itself is stored.
template <class T>
struct StoreGradient {
  T* g;
  static Vec<T> start(int) { return Vec<T>{}; }
  void done(int64_t i, int, Vec<T> v) const { store(g + i, v); }
  void end() const {}
};
