// The table of hot functions: what each computes, with shapes; one table per instruction set and element type.
//
// Layout of weights ("packed"): a dense layer's kernel (in, out) and bias (out) lie in column panels, each panel
// holding its columns of all `in` kernel rows and then of the bias: [panel][in + 1][panel width]. A full panel is
// Kernels::panel columns wide; the last one is as narrow as whole vectors allow. Columns past `out` are zero and
// stay zero. Matrices of activations are row-major with a leading dimension (ld) in elements; a row is readable
// and writable up to Kernels::padded(width) and its columns past `width` are finite.
#pragma once
#include <cstdint>

namespace mlpcore {

enum class Activation {
  identity, logistic, tanh, relu, softmax, exp,
  leaky_relu, elu, selu, gelu, silu, mish, softplus, hard_sigmoid, softsign, heaviside,
};

// Whether the derivative of an activation is computed from its input (true) or from its output (false).
constexpr bool derivative_needs_input(Activation a) {
  return a == Activation::gelu || a == Activation::silu || a == Activation::mish;
}

enum class Rule { sgd, adam };

// One optimizer step's arithmetic, for a gradient `g` and a weight `w`; S is folded into the gradient beforehand.
//   g += l2 * w
//   sgd:  w -= learning_rate * g ; with momentum: v = momentum * v - learning_rate * g, w += v (Nesterov: w += momentum * v - learning_rate * g)
//   adam: m = beta_1 m + (1 - beta_1) g ; v = beta_2 v + (1 - beta_2) g^2 ; w -= learning_rate * m / (sqrt(v) + epsilon)
// For Adam `learning_rate` already holds the bias corrections of the step.
template <class T>
struct Step {
  Rule rule;
  bool nesterov;
  T learning_rate, momentum, beta_1, one_minus_beta_1, beta_2, one_minus_beta_2, epsilon, l2;
};

// A block of packed weights with its optimizer slots (null where the rule has none).
template <class T>
struct Weights {
  T *w, *slot0, *slot1;
};

template <class T>
struct Kernels {
  const char* isa;
  int64_t lanes;  // elements of a vector
  int64_t panel;  // columns of a full panel
  int64_t chunk;  // kernel rows of one unit of work of dense_dw

  int64_t padded(int64_t width) const { return (width + lanes - 1) / lanes * lanes; }
  int64_t panels(int64_t out) const { return (out + panel - 1) / panel; }
  int64_t chunks(int64_t in) const { return in / chunk + 1; }  // the bias is row `in`
  int64_t packed_size(int64_t in, int64_t out) const { return (in + 1) * padded(out); }

  // packed <- kernel (in, out), bias (out), and back
  void (*pack)(int64_t in, int64_t out, const T* kernel, const T* bias, T* packed);
  void (*unpack)(int64_t in, int64_t out, const T* packed, T* kernel, T* bias);

  // y (rows, out) = x (rows, in) @ kernel + bias, then max(0, .) if relu
  void (*dense)(int64_t rows, int64_t in, int64_t out, const T* x, int64_t ldx, const T* packed, bool relu, T* y,
                int64_t ldy);

  // dx (rows, in) = dy (rows, out) @ kernel^T, where relu_output (rows, in; same ld as dx) is given times (relu_output > 0),
  // added to dx if accumulate; scratch: padded(out) * panel elements
  void (*dense_dx)(int64_t rows, int64_t in, int64_t out, const T* dy, int64_t lddy, const T* packed,
                   const T* relu_output, bool accumulate, T* dx, int64_t lddx, T* scratch);

  // One unit of the weights' gradient, for rows [chunk * unit, ...) of panel p of [kernel; bias]:
  // g = [x 1]^T (in + 1, rows) @ dy (rows, out); with a step: applied at once to the packed weights `at` and
  // the slots, returning the sum of squares of the kernel's old values if step->l2 is not 0; without: g is stored in at.w.
  double (*dense_dw)(int64_t rows, int64_t in, int64_t out, int64_t p, int64_t unit, const T* x, int64_t ldx, const T* dy,
                     int64_t lddy, const Step<T>* step, Weights<T> at);

  // y (rows, width) = f(x), in place if y == x. softmax is over each row.
  void (*activation)(Activation f, T alpha, int64_t rows, int64_t width, const T* x, int64_t ldx, T* y, int64_t ldy);
  // dx (rows, width) = dy * f'(at) where `at` is f's output, or its input where derivative_needs_input(f); in place if dx == dy
  void (*activation_dx)(Activation f, T alpha, int64_t rows, int64_t width, const T* at, int64_t ldat, const T* dy,
                        int64_t lddy, T* dx, int64_t lddx);

  // Losses: loss[r] = the row's loss; dz (rows, width; null: not wanted) = its gradient times scale[r] with respect to the
  // activation's input z, for p = softmax(z) with class indices, p = logistic(z), p = z and p = exp(z). scale null: 1.
  void (*softmax_cross_entropy)(int64_t rows, int64_t width, const T* p, int64_t ldp, const int32_t* y, T clip,
                                const T* scale, double* loss, T* dz, int64_t lddz);
  void (*logistic_cross_entropy)(int64_t rows, int64_t width, const T* p, int64_t ldp, const T* y, int64_t ldy, T clip,
                                 const T* scale, double* loss, T* dz, int64_t lddz);
  void (*squared_error)(int64_t rows, int64_t width, const T* p, int64_t ldp, const T* y, int64_t ldy, const T* scale,
                        double* loss, T* dz, int64_t lddz);
  void (*poisson)(int64_t rows, int64_t width, const T* p, int64_t ldp, const T* y, int64_t ldy, const T* scale,
                  double* loss, T* dz, int64_t lddz);

  // Weights and slots of n packed elements (a multiple of lanes) after one step with gradient g; returns sum w^2 as dense_dw.
  double (*update)(const Step<T>& step, Weights<T> at, const T* g, int64_t n);

  // y[r] (width) = x[order[r]] (width)
  void (*gather)(int64_t rows, int64_t width, const T* x, int64_t ldx, const int64_t* order, T* y, int64_t ldy);

  T (*dot)(const T* a, const T* b, int64_t n);
  void (*axpy)(T a, const T* x, T* y, int64_t n);

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
