// Each kernel as a NumPy function: plain matrices in, plain matrices out, on the instruction set asked for.
#include <pybind11/stl.h>

#include <vector>

#include "../kernels.h"
#include "../memory.h"
#include "array.h"
#include "names.h"

namespace mlpcore {

namespace {

using Isa = std::optional<std::string>;

template <class T>
const Kernels<T>& table(const Isa& isa) {
  if (!isa) return kernels<T>();
  if (const Kernels<T>* k = kernels<T>(isa->c_str())) return *k;
  throw py::value_error("this processor or build has no instruction set '" + *isa + "'");
}

// A (rows, width) matrix with the padding that kernels want, copied from and to NumPy.
template <class T>
struct Padded {
  int64_t rows, width, ld;
  Memory<T> memory;
  Padded(const Kernels<T>& k, int64_t rows, int64_t width) : rows(rows), width(width), ld(k.padded(width)), memory(rows * ld) {}
  Padded(const Kernels<T>& k, const py::array_t<T>& a) : Padded(k, a.shape(0), a.shape(1)) {
    for (int64_t r = 0; r < rows; ++r) std::copy(a.data() + r * width, a.data() + (r + 1) * width, get() + r * ld);
  }
  T* get() const { return memory.get(); }
  py::array_t<T> numpy() const {
    py::array_t<T> a({rows, width});
    for (int64_t r = 0; r < rows; ++r) std::copy(get() + r * ld, get() + r * ld + width, a.mutable_data() + r * width);
    return a;
  }
};

template <class T>
using A = const py::array_t<T>&;

template <class T>
std::pair<int64_t, int64_t> matrix(const py::array& a, const char* name) {
  const auto checked_a = checked<T>(a, name, {kAny, kAny});
  return {checked_a.shape(0), checked_a.shape(1)};
}

template <class T>
py::array_t<T> dense(A<T> x, A<T> kernel, A<T> bias, const std::string& activation, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, in] = matrix<T>(x, "x");
  const int64_t out = matrix<T>(kernel, "kernel").second;
  checked<T>(kernel, "kernel", {in, out});
  checked<T>(bias, "bias", {out});
  const auto f = named<Activation>(kActivationNames, activation, "activation");
  Memory<T> packed(k.packed_size(in, out));
  Padded<T> y(k, rows, out);
  k.pack(in, out, kernel.data(), bias.data(), packed.get());
  k.dense(rows, in, out, x.data(), in, packed.get(), f == Activation::relu, y.get(), y.ld);
  if (f != Activation::relu && f != Activation::identity) k.activation(f, T(1), rows, out, y.get(), y.ld, y.get(), y.ld);
  return y.numpy();
}

template <class T>
py::array_t<T> dense_dx(A<T> dy, A<T> kernel, const std::optional<py::array_t<T>>& relu_output, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, out] = matrix<T>(dy, "dy");
  const int64_t in = matrix<T>(kernel, "kernel").first;
  checked<T>(kernel, "kernel", {in, out});
  const std::vector<T> bias(size_t(out), T(0));
  Memory<T> packed(k.packed_size(in, out)), scratch(k.padded(out) * k.panel);
  k.pack(in, out, kernel.data(), bias.data(), packed.get());
  Padded<T> dx(k, rows, in), mask(k, rows, in);
  if (relu_output) mask = Padded<T>(k, checked<T>(*relu_output, "relu_output", {rows, in}));
  k.dense_dx(rows, in, out, dy.data(), out, packed.get(), relu_output ? mask.get() : nullptr, false, dx.get(), dx.ld, scratch.get());
  return dx.numpy();
}

template <class T>
py::tuple dense_dw(A<T> x, A<T> dy, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, in] = matrix<T>(x, "x");
  const int64_t out = matrix<T>(dy, "dy").second;
  checked<T>(dy, "dy", {rows, out});
  const Padded<T> padded_dy(k, dy);
  Memory<T> packed(k.packed_size(in, out));
  for (int64_t p = 0; p < k.panels(out); ++p)
    for (int64_t c = 0; c < k.chunks(in); ++c)
      k.dense_dw(rows, in, out, p, c, x.data(), in, padded_dy.get(), padded_dy.ld, nullptr, {packed.get(), nullptr, nullptr});
  py::array_t<T> kernel({in, out}), bias(out);
  k.unpack(in, out, packed.get(), kernel.mutable_data(), bias.mutable_data());
  return py::make_tuple(kernel, bias);
}

template <class T>
py::array_t<T> activation(A<T> x, const std::string& name, double alpha, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  matrix<T>(x, "x");
  const Padded<T> from(k, x), to(k, from.rows, from.width);
  k.activation(named<Activation>(kActivationNames, name, "activation"), T(alpha), from.rows, from.width, from.get(), from.ld, to.get(),
               to.ld);
  return to.numpy();
}

template <class T>
py::array_t<T> activation_dx(A<T> x, A<T> dy, const std::string& name, double alpha, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, width] = matrix<T>(x, "x");
  checked<T>(dy, "dy", {rows, width});
  const auto f = named<Activation>(kActivationNames, name, "activation");
  const Padded<T> in(k, x), out(k, rows, width), d(k, dy);
  k.activation(f, T(alpha), rows, width, in.get(), in.ld, out.get(), out.ld);
  k.activation_dx(f, T(alpha), rows, width, derivative_needs_input(f) ? in.get() : out.get(), in.ld, d.get(), d.ld, d.get(), d.ld);
  return d.numpy();
}

template <class T>
py::tuple loss(A<T> p, const py::array& y, const std::string& name, double clip, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, width] = matrix<T>(p, "p");
  const Padded<T> from(k, p), dz(k, rows, width);
  py::array_t<double> losses(rows);
  const auto l = named<Loss>(kLossNames, name, "loss");
  if (l == Loss::cross_entropy) {
    const auto labels = checked<int32_t>(y, "y", {rows});
    for (int64_t r = 0; r < rows; ++r)
      if (labels.data()[r] < 0 || labels.data()[r] >= width) throw py::value_error("y must hold class indices");
    k.softmax_cross_entropy(rows, width, from.get(), from.ld, labels.data(), T(clip), nullptr, losses.mutable_data(), dz.get(), dz.ld);
    return py::make_tuple(losses, dz.numpy());
  }
  const auto t = checked<T>(y, "y", {rows, width});
  double* out = losses.mutable_data();
  if (l == Loss::binary_cross_entropy)
    k.logistic_cross_entropy(rows, width, from.get(), from.ld, t.data(), width, T(clip), nullptr, out, dz.get(), dz.ld);
  else
    (l == Loss::squared_error ? k.squared_error : k.poisson)(rows, width, from.get(), from.ld, t.data(), width, nullptr, out, dz.get(),
                                                              dz.ld);
  return py::make_tuple(losses, dz.numpy());
}

template <class T>
py::array_t<T> gather(A<T> x, const py::array_t<int64_t>& order, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto [rows, width] = matrix<T>(x, "x");
  const auto o = checked<int64_t>(order, "order", {kAny});
  for (int64_t r = 0; r < o.shape(0); ++r)
    if (o.data()[r] < 0 || o.data()[r] >= rows) throw py::value_error("order must hold rows of x");
  py::array_t<T> y({o.shape(0), py::ssize_t(width)});
  k.gather(o.shape(0), width, x.data(), width, o.data(), y.mutable_data(), width);
  return y;
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
  m.def("dense", dense<T>, a("x"), a("kernel"), a("bias"), py::arg("activation") = "identity", py::kw_only(), isa);
  m.def("dense_dx", dense_dx<T>, a("dy"), a("kernel"), py::arg("relu_output").noconvert() = py::none(), py::kw_only(), isa);
  m.def("dense_dw", dense_dw<T>, a("x"), a("dy"), py::kw_only(), isa);
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
}

}  // namespace mlpcore
