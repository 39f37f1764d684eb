// The table of hot functions: what each computes, with shapes; one table per instruction set and element type.
//
// One layout for every matrix ("panels"): columns in panels of Kernels::panel, the last one as narrow as whole vectors
// allow, each panel with all its rows: [panel][rows][panel width]. So every load of the hot loops is sequential, and no
// stride ever thrashes a cache. Columns past `width` (padding) are finite; those of weights and gradients are 0 and stay 0.
// A dense layer's weights are panels of in + 1 rows: its kernel (in, out), then its bias.
#pragma once
#include <cstdint>

namespace mlpcore {

enum class Activation {
  identity,
  logistic,
  tanh,
  relu,
  softmax,
  exp,
  leaky_relu,
  elu,
  selu,
  gelu,
  silu,
  mish,
  softplus,
  hard_sigmoid,
  softsign,
  heaviside,
};

// Whether the derivative of an activation is computed from its input (true) or from its output (false).
constexpr bool derivative_needs_input(Activation a) {
  return a == Activation::gelu || a == Activation::silu || a == Activation::mish;
}

enum class Loss {
  cross_entropy,
  binary_cross_entropy,
  squared_error,
  poisson,
  absolute_error,
  huber,
  log_cosh,
  quantile,
  hinge,
  squared_hinge,
  categorical_hinge,
};

// Whether a loss reads class indices (n,) rather than a matrix of targets.
constexpr bool reads_classes(Loss l) { return l == Loss::cross_entropy || l == Loss::categorical_hinge; }

// The activation with which a loss has one joint gradient, without the division that would overflow; identity: none.
constexpr Activation partner(Loss l) {
  switch (l) {
    case Loss::cross_entropy: return Activation::softmax;
    case Loss::binary_cross_entropy: return Activation::logistic;
    case Loss::poisson: return Activation::exp;
    default: return Activation::identity;
  }
}

// A loss with its parameters. The gradient is with respect to p, or where `paired` to the input of p's activation.
template <class T>
struct LossSettings {
  Loss loss;
  bool paired;
  T clip;               // the cross entropies: probabilities are clipped to [clip, 1 - clip] in the value
  T delta;              // huber
  T gamma, smoothing;   // the cross entropies: focal exponent and label smoothing, 0: none
  T alpha_1, alpha_0;   // their weights of targets 1 and 0
  const T* quantiles;   // (n_quantiles): column t * n_quantiles + j of p is quantile j of target t
  int64_t n_quantiles;  // 1 for the other losses
};

// Targets (rows, width / n_quantiles), row-major, or class indices (rows).
template <class T>
struct Targets {
  const T* y;
  const int32_t* classes;
};

enum class Rule { sgd, adam, adamw, rmsprop, nadam, adagrad, adamax, adadelta, lion };

// One optimizer step's arithmetic, for a weight `w` and its gradient `g` with the batch's S divided out.
//   g += l1 sign(w) + l2 w in kernels, then clipped to [-clip_value, clip_value] unless 0, then times the `scale` of clip_norm
//   w *= keep  (decoupled decay: 1 - rate * weight_decay; biases only if decay_bias), then
//   sgd:      w -= learning_rate g ; with momentum: v = momentum v - learning_rate g, w += v (Nesterov: w += momentum v - learning_rate g)
//   adam(w):  m = beta_1 m + (1 - beta_1) g ; v = beta_2 v + (1 - beta_2) g^2 ; w -= learning_rate m / (sqrt(v) + epsilon)
//   nadam:    m and v as adam ; w -= (learning_rate m + gradient_rate g) / (sqrt(v) + epsilon)
//   rmsprop:  v = beta_2 v + (1 - beta_2) g^2 ; d = learning_rate g / sqrt(v + epsilon) ; w -= d ; with momentum: b = momentum b + d, w -= b
//   adagrad:  a += g^2 ; w -= learning_rate g / sqrt(a + epsilon)
//   adamax:   m as adam ; u = max(beta_2 u, |g|) ; w -= learning_rate m / (u + epsilon)
//   adadelta: v = beta_2 v + (1 - beta_2) g^2 ; d = g sqrt(e + epsilon) / sqrt(v + epsilon) ; e = beta_2 e + (1 - beta_2) d^2 ; w -= learning_rate d
//   lion:     w -= learning_rate sign(beta_1 m + (1 - beta_1) g) ; m = beta_2 m + (1 - beta_2) g
// as Keras 3 has them; `learning_rate`, `gradient_rate` and `epsilon` already hold the bias corrections of the step.
template <class T>
struct Step {
  Rule rule;
  bool nesterov, decay_bias;
  T learning_rate, gradient_rate, momentum, beta_1, one_minus_beta_1, beta_2, one_minus_beta_2, epsilon, l1, l2,
      clip_value;
  T weight_decay, keep;
};

// Sums over some weights before a step: w^2 and |w| of kernels, and the square of their penalised gradient.
struct Norms {
  double squares, magnitudes, gradient;
};

// A block of packed weights with its optimizer slots (null where the rule has none).
template <class T>
struct Weights {
  T *w, *slot0, *slot1;
};

// Which random numbers a dropout uses.
template <class T>
struct Dropout {
  T rate;
  uint64_t seed;
  uint32_t step, op;
};

// A matrix in panels. `rows` is the height of the whole, whatever part of it a call works on.
template <class T>
struct Panels {
  T* at = nullptr;
  int64_t rows = 0, width = 0;
};

// What a product reads by rows: panels, or a plain row-major matrix (from row-major NumPy input, never copied).
template <class T>
struct Rows {
  const T* at;
  int64_t jump;                 // from a panel to the next
  int64_t stride, stride_last;  // from a row to the next, in full panels and in the last
  bool padded;                  // whole vectors may be read: of panels, yes
};

// A sparse matrix by rows (CSR): row r has the values value[start[r]] ... value[start[r + 1] - 1] in the columns that
// `index` tells, in any order; values of the same place add up. By columns (CSC): the other way round.
template <class T>
struct Sparse {
  const T* value = nullptr;
  const int32_t* index = nullptr;
  const int64_t* start = nullptr;

  int64_t length(int64_t r) const { return start[r + 1] - start[r]; }
};

// `first` and `rows` say which rows of a batch a call works on, so that threads can share a batch out.
struct Range {
  int64_t first, rows;
};

template <class T>
struct Kernels {
  const char* isa;
  int64_t lanes;  // elements of a vector
  int64_t panel;  // columns of a full panel

  int64_t padded(int64_t width) const { return (width + lanes - 1) / lanes * lanes; }
  int64_t panels(int64_t width) const { return (width + panel - 1) / panel; }
  int64_t size(int64_t rows, int64_t width) const { return rows * padded(width); }  // elements of a matrix in panels
  int64_t units(int64_t in) const { return panels(in) + 1; }                        // of dense_dw, for one panel of dy
  int64_t last_panel(int64_t width) const { return padded(width) - (panels(width) - 1) * panel; }
  Rows<T> by_rows(Panels<T> m) const { return {m.at, panel * m.rows, panel, last_panel(m.width), true}; }
  Rows<T> by_rows(const T* x, int64_t width) const { return {x, panel, width, width, false}; }

  // weights (in + 1, out) <- kernel (in, out), bias (out), and back
  void (*pack)(const T* kernel, const T* bias, Panels<T> weights);
  void (*unpack)(Panels<T> weights, T* kernel, T* bias);
  // y[first + r] = x[order[r]] for row-major x (n, width); order null: x[r]
  void (*gather)(const T* x, const int64_t* order, Range range, Panels<T> y);
  // out (rows, width), row-major = x[first ...]
  void (*scatter)(Panels<T> x, Range range, T* out);

  // y (rows, out) = x (rows, in) @ kernel + bias, then max(0, .) if relu
  void (*dense)(Range range, Rows<T> x, Panels<T> weights, bool relu, Panels<T> y);

  // The same, to the bit, with the kernel (in, out) and the bias (out) where NumPy keeps them: what few rows take, for
  // which packing would cost more than the product. Reads nothing beyond the arrays.
  void (*dense_plain)(Range range, Rows<T> x, int64_t in, const T* kernel, const T* bias, bool relu, Panels<T> y);

  // dx (rows, in) = dy (rows, out) @ kernel^T, times (relu_output > 0) where given (laid out as dx).
  // scratch: padded(out) * panel elements
  void (*dense_dx)(Range range, Panels<T> dy, Panels<T> weights, const T* relu_output, Panels<T> dx, T* scratch);

  // One unit of the gradient of panel p of the weights (in + 1, out): unit u < panels(in) is that of the kernel rows that meet
  // panel u of x, unit panels(in) that of the bias. g = [x 1]^T (in + 1, rows) @ dy (rows, out). With a step: applied at once
  // to `at`, returning the norms of the old kernel values; without: stored in at.w.
  Norms (*dense_dw)(int64_t p, int64_t u, int64_t rows, Rows<T> x, int64_t in, Panels<T> dy, const Step<T>* step,
                    Weights<T> at);

  // The two halves of a step from a stored gradient g (n), n a multiple of lanes, for n weights of a kernel or of a bias:
  // the penalties added to g and its values clipped, returning the norms; and the rule, for g times `scale`.
  Norms (*penalise)(const Step<T>& step, bool kernel, int64_t n, const T* w, T* g);
  void (*update)(const Step<T>& step, bool kernel, T scale, int64_t n, const T* g, Weights<T> at);

  // y[first + r] = x[order[first + r]] @ kernel + bias for x (n, in) by rows, then max(0, .) if relu; order null:
  // x[first + r]
  void (*sparse_dense)(Range range, Sparse<T> x, const int64_t* order, Panels<T> weights, bool relu, Panels<T> y);
  // dense_dw for x (rows, in) by columns
  Norms (*sparse_dw)(int64_t p, int64_t u, int64_t rows, Sparse<T> x, int64_t in, Panels<T> dy, const Step<T>* step,
                     Weights<T> at);

  // y (rows, width) = f(x), in place if y.at == x.at. softmax is over each row.
  void (*activation)(Activation f, T alpha, Range range, Panels<T> x, Panels<T> y);
  // dx (rows, width) = dy * f'(at) where `at` is f's output, or its input where derivative_needs_input(f); in place if dx is dy
  void (*activation_dx)(Activation f, T alpha, Range range, Panels<T> at, Panels<T> dy, Panels<T> dx);

  // y (rows, width) = keep ? x / (1 - rate) : 0, in place if y.at == x.at. Element (r, c) is kept with probability 1 - rate,
  // by the random number of (seed, step, op, r, c) alone: the gradient takes the same way as the value.
  void (*dropout)(const Dropout<T>& with, Range range, Panels<T> x, Panels<T> y);

  // loss[r] = the row's loss; dz (rows, width; null: not wanted) = its gradient times scale[r] (null: 1).
  // y, scale and loss begin at the range's first row.
  void (*loss)(const LossSettings<T>& of, Range range, Panels<T> p, Targets<T> y, const T* scale, double* loss,
               Panels<T> dz);

  T (*dot)(const T* a, const T* b, int64_t n);
  void (*axpy)(T a, const T* x, T* y, int64_t n);  // y += a x

  // a * b + c in registers, `steps` times 24 independent vectors: the processor's peak. Returns the flops done.
  double (*fma_peak)(int64_t steps);
};

// The table of the best instruction set of this processor, or of the one that MLPCORE_ISA names.
template <class T>
const Kernels<T>& kernels();
// The table of `isa`: "baseline", "avx2" or "avx512"; null if this processor or this build lacks it.
template <class T>
const Kernels<T>* kernels(const char* isa);
// What MLPCORE_ISA asks for and this processor lacks, as a message; null if all is well.
const char* isa_error();

}  // namespace mlpcore
