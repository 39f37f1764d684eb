// Each kernel as a NumPy function: plain matrices in, plain matrices out, on the instruction set asked for.
#include <pybind11/stl.h>

#include <vector>

#include "../by_columns.h"
#include "../memory.h"
#include "kernel_table.h"
#include "names.h"
#include "sparse_array.h"

namespace mlpcore {

namespace {

// A matrix in panels with its memory, copied from and to NumPy.
template <class T>
struct Matrix {
  const Kernels<T>& k;
  Memory<T> memory;
  Panels<T> panels;

  Matrix(const Kernels<T>& k, int64_t rows, int64_t width)
      : k(k), memory(k.size(rows, width)), panels{memory.get(), rows, width} {}
  Matrix(const Kernels<T>& k, const py::array_t<T>& a) : Matrix(k, a.shape(0), a.shape(1)) {
    k.gather(a.data(), nullptr, all(), panels);
  }
  Range all() const { return {0, panels.rows}; }
  py::array_t<T> numpy() const {
    py::array_t<T> a({panels.rows, panels.width});
    k.scatter(panels, all(), a.mutable_data());
    return a;
  }
};

template <class T>
std::pair<int64_t, int64_t> matrix(const py::array& a, const char* name) {
  const auto checked_a = checked<T>(a, name, {kAny, kAny});
  return {checked_a.shape(0), checked_a.shape(1)};
}

// The weights of a dense layer, packed.
template <class T>
Matrix<T> packed(const Kernels<T>& k, A<T> kernel, const T* bias) {
  Matrix<T> weights(k, kernel.shape(0) + 1, kernel.shape(1));
  k.pack(kernel.data(), bias, weights.panels);
  return weights;
}

// `in_panels`: x is read from panels, as a gathered batch or the layer before leaves it, else where NumPy keeps it.
template <class T>
py::array_t<T> dense(A<T> x, A<T> kernel, A<T> bias, const std::string& activation, bool in_panels, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, in] = matrix<T>(x, "x");
  const int64_t out = matrix<T>(kernel, "kernel").second;
  checked<T>(kernel, "kernel", {in, out});
  checked<T>(bias, "bias", {out});
  const auto f = named<Activation>(kActivationNames, activation, "activation");
  const Matrix<T> weights = packed<T>(k, kernel, bias.data()), y(k, rows, out);
  const Matrix<T> from = in_panels ? Matrix<T>(k, x) : Matrix<T>(k, 0, 0);
  k.dense(y.all(), in_panels ? k.by_rows(from.panels) : k.by_rows(x.data(), in), weights.panels, f == Activation::relu,
          y.panels);
  if (f != Activation::relu && f != Activation::identity) k.activation(f, T(1), y.all(), y.panels, y.panels);
  return y.numpy();
}

template <class T>
py::array_t<T> dense_dx(A<T> dy, A<T> kernel, const std::optional<py::array_t<T>>& relu_output, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, out] = matrix<T>(dy, "dy");
  const int64_t in = matrix<T>(kernel, "kernel").first;
  checked<T>(kernel, "kernel", {in, out});
  const std::vector<T> bias(size_t(out), T(0));
  Memory<T> scratch(k.padded(out) * k.panel);
  const Matrix<T> weights = packed<T>(k, kernel, bias.data()), from(k, dy), dx(k, rows, in);
  const Matrix<T> mask =
      relu_output ? Matrix<T>(k, checked<T>(*relu_output, "relu_output", {rows, in})) : Matrix<T>(k, 0, 0);
  k.dense_dx(dx.all(), from.panels, weights.panels, mask.memory.get(), dx.panels, scratch.get());
  return dx.numpy();
}

template <class T>
py::tuple dense_dw(A<T> x, A<T> dy, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, in] = matrix<T>(x, "x");
  const int64_t out = matrix<T>(dy, "dy").second;
  checked<T>(dy, "dy", {rows, out});
  const Matrix<T> from(k, x), gradient(k, dy), dw(k, in + 1, out);
  for (int64_t p = 0; p < k.panels(out); ++p)
    for (int64_t u = 0; u < k.units(in); ++u)
      k.dense_dw(p, u, rows, k.by_rows(from.panels), in, gradient.panels, nullptr, {dw.memory.get()});
  py::array_t<T> kernel({in, out}), bias(out);
  k.unpack(dw.panels, kernel.mutable_data(), bias.mutable_data());
  return py::make_tuple(kernel, bias);
}

using Order = std::optional<py::array_t<int64_t>>;

// `order` as rows of x (n, ...), null for none.
const int64_t* rows_in(const Order& order, int64_t n) {
  if (!order) return nullptr;
  const auto o = checked<int64_t>(*order, "order", {kAny});
  for (int64_t r = 0; r < o.shape(0); ++r)
    if (o.data()[r] < 0 || o.data()[r] >= n) throw py::value_error("order must hold rows of x");
  return o.data();
}

template <class T>
py::array_t<T> sparse_dense(const py::object& x, A<T> kernel, A<T> bias, const Order& order, bool relu,
                            const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [in, out] = matrix<T>(kernel, "kernel");
  checked<T>(bias, "bias", {out});
  const SparseArray<T> from(x, "x", in);
  const int64_t* rows = rows_in(order, from.rows);
  const Matrix<T> weights = packed<T>(k, kernel, bias.data()), y(k, order ? order->shape(0) : from.rows, out);
  k.sparse_dense(y.all(), from.view, rows, weights.panels, relu, y.panels);
  return y.numpy();
}

template <class T>
py::tuple sparse_dw(const py::object& x, A<T> dy, const Order& order, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const SparseArray<T> from(x, "x", kAny);
  const int64_t* order_rows = rows_in(order, from.rows);
  const int64_t rows = order ? order->shape(0) : from.rows, in = from.width, out = matrix<T>(dy, "dy").second;
  checked<T>(dy, "dy", {rows, out});
  int64_t nonzeros = 0;
  for (int64_t r = 0; r < rows; ++r) nonzeros += from.view.length(order ? order_rows[r] : r);
  ByColumns<T> columns(nonzeros, in);
  columns.fill(from.view, order_rows, rows);
  const Matrix<T> gradient(k, dy), dw(k, in + 1, out);
  for (int64_t p = 0; p < k.panels(out); ++p)
    for (int64_t u = 0; u < k.units(in); ++u)
      k.sparse_dw(p, u, rows, columns.get(), in, gradient.panels, nullptr, {dw.memory.get()});
  py::array_t<T> kernel({in, out}), bias(out);
  k.unpack(dw.panels, kernel.mutable_data(), bias.mutable_data());
  return py::make_tuple(kernel, bias);
}

template <class T>
py::array_t<T> activation(A<T> x, const std::string& name, double alpha, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  matrix<T>(x, "x");
  const Matrix<T> y(k, x);
  k.activation(named<Activation>(kActivationNames, name, "activation"), T(alpha), y.all(), y.panels, y.panels);
  return y.numpy();
}

template <class T>
py::array_t<T> activation_dx(A<T> x, A<T> dy, const std::string& name, double alpha, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, width] = matrix<T>(x, "x");
  checked<T>(dy, "dy", {rows, width});
  const auto f = named<Activation>(kActivationNames, name, "activation");
  const Matrix<T> in(k, x), out(k, rows, width), d(k, dy);
  k.activation(f, T(alpha), in.all(), in.panels, out.panels);
  k.activation_dx(f, T(alpha), in.all(), derivative_needs_input(f) ? in.panels : out.panels, d.panels, d.panels);
  return d.numpy();
}

template <class T>
py::tuple loss(A<T> p, const py::array& y, const std::string& name, double clip, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, width] = matrix<T>(p, "p");
  if (width == 0) throw py::value_error("p must have at least one column");
  const Matrix<T> from(k, p), dz(k, rows, width);
  py::array_t<double> losses(rows);
  double* to = losses.mutable_data();
  const auto l = named<Loss>(kLossNames, name, "loss");
  if (l == Loss::quantile) throw py::value_error("the loss quantile takes quantiles: record it on a tape");
  const LossSettings<T> settings{l, true, T(clip), T(1), T(0), T(0), T(1), T(1), nullptr, 1};
  Targets<T> to_y{};
  py::array_t<int32_t> labels;
  py::array_t<T> target;
  if (reads_classes(l)) {
    labels = checked<int32_t>(y, "y", {rows});
    for (int64_t r = 0; r < rows; ++r)
      if (labels.data()[r] < 0 || labels.data()[r] >= width) throw py::value_error("y must hold class indices");
    to_y.classes = labels.data();
  } else {
    target = checked<T>(y, "y", {rows, width});
    to_y.y = target.data();
  }
  k.loss(settings, dz.all(), from.panels, to_y, nullptr, to, dz.panels);
  return py::make_tuple(losses, dz.numpy());
}

template <class T>
py::array_t<T> gather(A<T> x, const py::array_t<int64_t>& order, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, width] = matrix<T>(x, "x");
  const auto o = checked<int64_t>(order, "order", {kAny});
  for (int64_t r = 0; r < o.shape(0); ++r)
    if (o.data()[r] < 0 || o.data()[r] >= rows) throw py::value_error("order must hold rows of x");
  const Matrix<T> y(k, o.shape(0), width);
  k.gather(x.data(), o.data(), y.all(), y.panels);
  return y.numpy();
}

template <class T>
T dot(A<T> a, A<T> b, const Isa& isa) {
  const int64_t n = checked<T>(a, "a", {kAny}).shape(0);
  return table<T>(isa).dot(a.data(), checked<T>(b, "b", {n}).data(), n);
}

template <class T>
void axpy(T a, A<T> x, py::array_t<T> y, const Isa& isa) {
  const int64_t n = checked<T>(x, "x", {kAny}).shape(0);
  table<T>(isa).axpy(a, x.data(), checked<T>(y, "y", {n}, true).mutable_data(), n);
}

template <class T>
void bind_of(py::module_& m) {
  const auto isa = py::arg("isa") = py::none();
  const auto alpha = py::arg("alpha") = 1.0;
  const auto a = [](const char* name) { return py::arg(name).noconvert(); };
  m.def("dense", dense<T>, a("x"), a("kernel"), a("bias"), py::arg("activation") = "identity", py::kw_only(),
        py::arg("in_panels") = false, isa);
  m.def("dense_dx", dense_dx<T>, a("dy"), a("kernel"), py::arg("relu_output").noconvert() = py::none(), py::kw_only(),
        isa);
  m.def("dense_dw", dense_dw<T>, a("x"), a("dy"), py::kw_only(), isa);
  const auto order = py::arg("order").noconvert() = py::none();
  m.def("sparse_dense", sparse_dense<T>, py::arg("x"), a("kernel"), a("bias"), order, py::arg("relu") = false,
        py::kw_only(), isa);
  m.def("sparse_dw", sparse_dw<T>, py::arg("x"), a("dy"), order, py::kw_only(), isa);
  m.def("activation", activation<T>, a("x"), py::arg("name"), alpha, py::kw_only(), isa);
  m.def("activation_dx", activation_dx<T>, a("x"), a("dy"), py::arg("name"), alpha, py::kw_only(), isa);
  m.def("loss", loss<T>, a("p"), a("y"), py::arg("name"), py::arg("clip") = 0.0, py::kw_only(), isa);
  m.def("gather", gather<T>, a("x"), a("order"), py::kw_only(), isa);
  m.def("dot", dot<T>, a("a"), a("b"), py::kw_only(), isa);
  m.def("axpy", axpy<T>, py::arg("a"), a("x"), a("y"), py::kw_only(), isa);
}

}  // namespace

void bind_kernels(py::module_& m) {
  bind_of<float>(m);
  bind_of<double>(m);
  bind_op_kernels(m);
  bind_word_kernels(m);
}

}  // namespace mlpcore
