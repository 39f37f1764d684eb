// The table of hot functions: what each computes, with shapes; one table per instruction set and element type.
//
// Products, activations, losses and noise work on matrices in "panels": columns in panels of Kernels::panel, the last
// one as narrow as whole vectors allow, each panel with all its rows: [panel][rows][panel width]. So every load of the
// hot loops is sequential, and no stride ever thrashes a cache. Columns past `width` (padding) are read as whole vectors
// are: who writes a matrix writes its padding too, with finite numbers; that of weights is 0 and stays 0.
// A dense layer's weights are panels of in + 1 rows: its kernel (in, out), then its bias. The general ops work on plain
// rows, row-major and without padding.
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
  logits_cross_entropy,
};

// Whether a loss reads class indices (n,) rather than a matrix of targets.
constexpr bool reads_classes(Loss l) { return l == Loss::cross_entropy || l == Loss::logits_cross_entropy; }

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
  T clip;              // the cross entropies: probabilities are clipped to [clip, 1 - clip]; paired, in the value alone
  T delta;             // huber
  T gamma, smoothing;  // the cross entropies: focal exponent and label smoothing, 0: none
  T alpha_1, alpha_0;  // their weights of targets 1 and 0
  const T* quantiles;  // (n_quantiles): column t * n_quantiles + j of p is quantile j of target t
  int64_t n_quantiles;  // 1 for the other losses
};

// Targets (rows, width / n_quantiles), row-major, or class indices (rows).
template <class T>
struct Targets {
  const T* y;
  const int32_t* classes;
};

// The general ops, whose matrices are plain: row-major, no padding, any alignment.
enum class Unary {
  negative,
  reciprocal,
  square,
  sqrt,
  rsqrt,
  exp,
  expm1,
  log,
  log1p,
  abs,
  sign,
  floor,
  ceil,
  round,  // halves to even
  sin,
  cos,
  erf,
  logical_not,
  isfinite,
};

enum class Binary {
  add,
  subtract,
  multiply,
  divide,
  power,
  maximum,
  minimum,
  mod,  // the sign of the divisor
  greater,
  greater_equal,
  less,
  less_equal,
  equal,
  not_equal,
  logical_and,
  logical_or,
};

enum class Reduction { sum, mean, max, min, prod, argmax, argmin };

constexpr bool has_gradient(Unary f) {
  switch (f) {
    case Unary::sign:
    case Unary::floor:
    case Unary::ceil:
    case Unary::round:
    case Unary::logical_not:
    case Unary::isfinite: return false;
    default: return true;
  }
}
constexpr bool has_gradient(Binary f) { return f <= Binary::mod; }
constexpr bool has_gradient(Reduction f) { return f <= Reduction::prod; }

// An operand of an elementwise op: element (r, c) is at[r * row + c * column]; row 0: the same in every row; column 0: one
// column serves all; else column is 1.
template <class T>
struct Operand {
  T* at;
  int64_t row, column;
};

// y[i0, i1, ...] = x[offset + sum i_k strides_k]
struct View {
  int n;
  int64_t dims[8], strides[8], offset;
};

enum class Rule { sgd, adam, adamw, rmsprop, nadam, adagrad, adamax, adadelta, lion, ftrl };

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
//   ftrl:     n = a + g^2 ; z += g + shrinkage w - (n^power - a^power) w / learning_rate ; a = n ;
//             w = (clip(z, -ftrl_l1, ftrl_l1) - z) / (n^power / learning_rate + ftrl_l2)
//   adam with slot2, amsgrad: max = max(max, v) takes v's place in w's step
//   rmsprop with slot2, centered: a = beta_2 a + (1 - beta_2) g ; v - a^2 takes v's place in d
// (slots in order: sgd v; adam m v max; nadam m v; rmsprop v b a; adagrad a; adamax m u; adadelta v e; lion m; ftrl a z)
// as Keras 3 has them; `learning_rate`, `gradient_rate` and `epsilon` already hold the bias corrections of the step.
template <class T>
struct Step {
  Rule rule;
  bool nesterov, decay_bias;
  T learning_rate, gradient_rate, momentum, beta_1, one_minus_beta_1, beta_2, one_minus_beta_2, epsilon, l1, l2,
      clip_value;
  T weight_decay, keep;
  // ftrl: minus Keras' learning_rate_power; l1_regularization_strength; 2 (l2_regularization_strength + beta / (2 rate));
  // 2 l2_shrinkage_regularization_strength
  T power = T(0.5), ftrl_l1 = 0, ftrl_l2 = 0, shrinkage = 0;
};

// Sums over some weights before a step, where it has penalties: w^2 and |w| of kernels, and the square of their penalised
// gradient.
struct Norms {
  double squares, magnitudes, gradient;
};

// A block of packed weights with its optimizer slots (null where the rule has none).
template <class T>
struct Weights {
  T *w, *slot0 = nullptr, *slot1 = nullptr, *slot2 = nullptr;

  Weights from(int64_t element) const {
    const auto here = [=](T* p) { return p ? p + element : nullptr; };
    return {here(w), here(slot0), here(slot1), here(slot2)};
  }
};

// Which random numbers a dropout or a Gaussian noise uses.
template <class T>
struct Dropout {
  T rate;  // of the noise: its standard deviation
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

// A unit of a layer's weights: one panel of so many rows of the kernel, which meet whole panels of what the layer reads.
constexpr int64_t kUnitRows = 64;

// Products with so few columns are computed another way.
constexpr int64_t kThinColumns = 4;  // at most

template <class T>
struct Kernels {
  const char* isa;
  int64_t lanes;  // elements of a vector
  int64_t panel;  // columns of a full panel

  int64_t padded(int64_t width) const { return (width + lanes - 1) / lanes * lanes; }
  int64_t panels(int64_t width) const { return (width + panel - 1) / panel; }
  int64_t size(int64_t rows, int64_t width) const { return rows * padded(width); }  // elements of a matrix in panels
  int64_t units(int64_t in) const { return (in + kUnitRows - 1) / kUnitRows + 1; }  // of dense_dw, for one panel of dy
  int64_t panel_width(int64_t width, int64_t p) const {  // columns of panel p, with its padding
    return p + 1 < panels(width) ? panel : padded(width) - p * panel;
  }
  Rows<T> by_rows(Panels<T> m) const {
    return {m.at, panel * m.rows, panel, panel_width(m.width, panels(m.width) - 1), true};
  }
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

  // One unit of the gradient of panel p of the weights (in + 1, out): unit u is that of kUnitRows rows of the kernel, the last
  // one that of the bias. g = [x 1]^T (in + 1, rows) @ dy (rows, out). With a step: applied at once to `at`, returning the
  // norms of the old kernel values; without: stored in at.w.
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

  // y (rows, width) = x + rate * the normal number of (seed, step, op, r, c), in place if y.at == x.at
  void (*gaussian)(const Dropout<T>& with, Range range, Panels<T> x, Panels<T> y);

  // The general ops, on plain row-major slices of rows. What is marked += adds to its last arguments.
  //
  // y (n) = f(x); comparisons and predicates give 0 or 1. In place if y is x.
  void (*unary)(Unary f, int64_t n, const T* x, T* y);
  // dx (n) += dy f'(x), from y = f(x); abs' at 0 is 0
  void (*unary_dx)(Unary f, int64_t n, const T* x, const T* y, const T* dy, T* dx);
  // y (rows, width) = f(a, b)
  void (*binary)(Binary f, int64_t rows, int64_t width, Operand<const T> a, Operand<const T> b, T* y);
  // da += ..., db += ... where `at` is not null, summed over what is broadcast, rows in order; at a tie of a maximum or
  // minimum half each; powers as JAX: b a^(b - 1), 0 where b is 0, and y log(a), 0 where a is 0
  void (*binary_dx)(Binary f, int64_t rows, int64_t width, Operand<const T> a, Operand<const T> b, const T* y,
                    const T* dy, Operand<T> da, Operand<T> db);
  // y (rows, width) = c != 0 ? a : b
  void (*where)(int64_t rows, int64_t width, Operand<const T> c, Operand<const T> a, Operand<const T> b, T* y);
  // da += ..., db += ... where `at` is not null, as binary_dx
  void (*where_dx)(int64_t rows, int64_t width, Operand<const T> c, const T* dy, Operand<T> da, Operand<T> db);
  // y (rows, product of dims) = the view of each row of x (rows, x_width)
  void (*view)(int64_t rows, int64_t x_width, const View& v, const T* x, T* y);
  // dx (rows, x_width) +=
  void (*view_dx)(int64_t rows, int64_t x_width, const View& v, const T* dy, T* dx);
  // y (rows, outer, inner) = f over the middle of x (rows, outer, n, inner), in order; over the batch: rows = outer = 1.
  // n > 0. argmax and argmin: the first, a NaN before all numbers. NaN is the maximum and the minimum.
  void (*reduce)(Reduction f, int64_t rows, int64_t outer, int64_t n, int64_t inner, const T* x, T* y);
  // dx (rows, outer, n, inner) +=; those that tie for a maximum or minimum share equally
  void (*reduce_dx)(Reduction f, int64_t rows, int64_t outer, int64_t n, int64_t inner, const T* x, const T* y,
                    const T* dy, T* dx);
  // to[r, ...n] = from[r, ...n], or += where `add`: concat and its gradient
  void (*copy_columns)(int64_t rows, int64_t n, const T* from, int64_t from_stride, T* to, int64_t to_stride, bool add);
  // y (rows, m, n) = a (rows, m, k) @ b (rows, k, n); Operand::row is from a row's matrix to the next, 0: the same for all
  void (*matmul)(int64_t rows, int64_t m, int64_t k, int64_t n, Operand<const T> a, Operand<const T> b, T* y);
  // da += dy b^T, db += a^T dy where `at` is not null, summed over the rows in order where `row` is 0
  void (*matmul_dx)(int64_t rows, int64_t m, int64_t k, int64_t n, Operand<const T> a, Operand<const T> b, const T* dy,
                    Operand<T> da, Operand<T> db);
  // y (n, dim) = table (vocabulary, dim)[index (n)]; NaN where the index is out of range or no integer
  void (*take)(int64_t n, int64_t dim, int64_t vocabulary, const T* table, const T* index, T* y);
  // dtable (vocabulary, dim) +=, in the order of the indices; wrong ones add nothing
  void (*take_dx)(int64_t n, int64_t dim, int64_t vocabulary, const T* index, const T* dy, T* dtable);
  // y (n, classes) = 1 in column x (n), else 0; all 0 where x is no column
  void (*one_hot)(int64_t n, int64_t classes, const T* x, T* y);

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
// The table of `isa`: "baseline", "avx2", "avx512" or "amx"; null if this processor or this build lacks it.
template <class T>
const Kernels<T>* kernels(const char* isa);
// What MLPCORE_ISA asks for and this processor lacks, as a message; null if all is well.
const char* isa_error();

}  // namespace mlpcore
