// The kernels of the general ops, the optimizers' rules and the noise as NumPy functions.
#include <pybind11/stl.h>

#include <algorithm>
#include <vector>

#include "../memory.h"
#include "kernel_table.h"
#include "names.h"

namespace mlpcore {

namespace {

template <class T>
py::array_t<T> zeros(int64_t rows, int64_t width) {
  py::array_t<T> a({rows, width});
  std::fill_n(a.mutable_data(), a.size(), T(0));
  return a;
}

// An array of (rows or 1, width or 1) as an operand of (rows, width).
template <class T, class Array>
auto operand(Array& a, T* at) {
  return Operand<T>{at, a.shape(0) == 1 ? 0 : a.shape(1), a.shape(1) == 1 ? 0 : 1};
}
template <class T>
Operand<const T> operand(A<T> a) {
  return operand<const T>(a, a.data());
}

// What arrays of (rows or 1, width or 1) make together.
struct Broadcast {
  int64_t rows = 1, width = 1;

  template <class T>
  void add(A<T> a, const char* name) {
    checked<T>(a, name, {kAny, kAny});
    add_length(rows, a.shape(0), name);
    add_length(width, a.shape(1), name);
  }

 private:
  static void add_length(int64_t& common, int64_t length, const char* name) {
    if (length == 1 || length == common) return;
    if (common != 1) throw py::value_error(std::string(name) + " does not broadcast");
    common = length;
  }
};

template <class T>
py::array_t<T> unary(A<T> x, const std::string& name, const Isa& isa) {
  const auto from = checked<T>(x, "x", {kAny, kAny});
  py::array_t<T> y({from.shape(0), from.shape(1)});
  table<T>(isa).unary(named<Unary>(kUnaryNames, name, "op"), from.size(), from.data(), y.mutable_data());
  return y;
}

template <class T>
py::array_t<T> unary_dx(A<T> x, A<T> dy, const std::string& name, const Isa& isa) {
  const auto y = unary<T>(x, name, isa);
  checked<T>(dy, "dy", {x.shape(0), x.shape(1)});
  auto dx = zeros<T>(x.shape(0), x.shape(1));
  table<T>(isa).unary_dx(named<Unary>(kUnaryNames, name, "op"), x.size(), x.data(), y.data(), dy.data(),
                         dx.mutable_data());
  return dx;
}

template <class T>
py::array_t<T> binary(A<T> a, A<T> b, const std::string& name, const Isa& isa) {
  Broadcast of;
  of.add<T>(a, "a");
  of.add<T>(b, "b");
  py::array_t<T> y({of.rows, of.width});
  table<T>(isa).binary(named<Binary>(kBinaryNames, name, "op"), of.rows, of.width, operand<T>(a), operand<T>(b),
                       y.mutable_data());
  return y;
}

template <class T>
py::tuple binary_dx(A<T> a, A<T> b, A<T> dy, const std::string& name, const Isa& isa) {
  const auto y = binary<T>(a, b, name, isa);
  checked<T>(dy, "dy", {y.shape(0), y.shape(1)});
  auto da = zeros<T>(a.shape(0), a.shape(1)), db = zeros<T>(b.shape(0), b.shape(1));
  table<T>(isa).binary_dx(named<Binary>(kBinaryNames, name, "op"), y.shape(0), y.shape(1), operand<T>(a), operand<T>(b),
                          y.data(), dy.data(), operand<T>(da, da.mutable_data()), operand<T>(db, db.mutable_data()));
  return py::make_tuple(da, db);
}

template <class T>
py::array_t<T> where(A<T> condition, A<T> a, A<T> b, const Isa& isa) {
  Broadcast of;
  of.add<T>(condition, "condition");
  of.add<T>(a, "a");
  of.add<T>(b, "b");
  py::array_t<T> y({of.rows, of.width});
  table<T>(isa).where(of.rows, of.width, operand<T>(condition), operand<T>(a), operand<T>(b), y.mutable_data());
  return y;
}

template <class T>
py::tuple where_dx(A<T> condition, A<T> a, A<T> b, A<T> dy, const Isa& isa) {
  const auto y = where<T>(condition, a, b, isa);
  checked<T>(dy, "dy", {y.shape(0), y.shape(1)});
  auto da = zeros<T>(a.shape(0), a.shape(1)), db = zeros<T>(b.shape(0), b.shape(1));
  table<T>(isa).where_dx(y.shape(0), y.shape(1), operand<T>(condition), dy.data(), operand<T>(da, da.mutable_data()),
                         operand<T>(db, db.mutable_data()));
  return py::make_tuple(da, db);
}

using Lengths = std::vector<int64_t>;

// The view, if it stays inside rows of x_width elements.
View view_of(const Lengths& dims, const Lengths& strides, int64_t offset, int64_t x_width, int64_t& width) {
  if (dims.size() > 8 || dims.size() != strides.size())
    throw py::value_error("dims and strides must be of equal length, 8 at most");
  View v{int(dims.size()), {}, {}, offset};
  int64_t low = offset, high = offset;
  width = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < 1) throw py::value_error("dims must be >= 1");
    v.dims[i] = dims[i];
    v.strides[i] = strides[i];
    int64_t reach, &end = strides[i] < 0 ? low : high;
    if (__builtin_mul_overflow(width, dims[i], &width) || __builtin_mul_overflow(strides[i], dims[i] - 1, &reach) ||
        __builtin_add_overflow(end, reach, &end))
      throw py::value_error("the view reaches outside x");
  }
  if (low < 0 || high >= x_width) throw py::value_error("the view reaches outside x");
  return v;
}

template <class T>
py::array_t<T> view(A<T> x, const Lengths& dims, const Lengths& strides, int64_t offset, const Isa& isa) {
  const auto from = checked<T>(x, "x", {kAny, kAny});
  int64_t width;
  const View v = view_of(dims, strides, offset, from.shape(1), width);
  py::array_t<T> y({from.shape(0), width});
  table<T>(isa).view(from.shape(0), from.shape(1), v, from.data(), y.mutable_data());
  return y;
}

template <class T>
py::array_t<T> view_dx(A<T> dy, int64_t x_width, const Lengths& dims, const Lengths& strides, int64_t offset,
                       const Isa& isa) {
  int64_t width;
  const View v = view_of(dims, strides, offset, x_width, width);
  const auto from = checked<T>(dy, "dy", {kAny, width});
  auto dx = zeros<T>(from.shape(0), x_width);
  table<T>(isa).view_dx(from.shape(0), x_width, v, from.data(), dx.mutable_data());
  return dx;
}

// The shape of the result of a reduction of x, rows first.
template <class T>
std::pair<int64_t, int64_t> reduced(A<T> x, int64_t outer, int64_t n, int64_t inner) {
  if (outer < 1 || n < 1 || inner < 1) throw py::value_error("outer, n and inner must be >= 1");
  int64_t width;
  if (__builtin_mul_overflow(outer, inner, &width) || __builtin_mul_overflow(width, n, &n))
    throw py::value_error("outer * n * inner is too large");
  checked<T>(x, "x", {kAny, n});
  return {x.shape(0), width};
}

template <class T>
py::array_t<T> reduce(A<T> x, const std::string& name, int64_t outer, int64_t n, int64_t inner, const Isa& isa) {
  const auto [rows, width] = reduced<T>(x, outer, n, inner);
  py::array_t<T> y({rows, width});
  table<T>(isa).reduce(named<Reduction>(kReductionNames, name, "reduction"), rows, outer, n, inner, x.data(),
                       y.mutable_data());
  return y;
}

template <class T>
py::array_t<T> reduce_dx(A<T> x, A<T> dy, const std::string& name, int64_t outer, int64_t n, int64_t inner,
                         const Isa& isa) {
  const auto y = reduce<T>(x, name, outer, n, inner, isa);
  checked<T>(dy, "dy", {y.shape(0), y.shape(1)});
  auto dx = zeros<T>(x.shape(0), x.shape(1));
  table<T>(isa).reduce_dx(named<Reduction>(kReductionNames, name, "reduction"), x.shape(0), outer, n, inner, x.data(),
                          y.data(), dy.data(), dx.mutable_data());
  return dx;
}

template <class T>
void copy_columns(A<T> x, py::array_t<T> y, int64_t first, bool add, const Isa& isa) {
  const auto from = checked<T>(x, "x", {kAny, kAny});
  auto to = checked<T>(y, "y", {from.shape(0), kAny}, true);
  if (first < 0 || first > to.shape(1) - from.shape(1)) throw py::value_error("the columns of x do not fit into y");
  table<T>(isa).copy_columns(from.shape(0), from.shape(1), from.data(), from.shape(1), to.mutable_data() + first,
                             to.shape(1), add);
}

struct Factors {
  int64_t rows, m, k, n;
};

// a (rows or 1, m, k) and b (rows or 1, k, n)
template <class T>
Factors factors(A<T> a, A<T> b) {
  checked<T>(a, "a", {kAny, kAny, kAny});
  checked<T>(b, "b", {kAny, a.shape(2), kAny});
  const int64_t of_a = a.shape(0), of_b = b.shape(0);
  if (of_a != of_b && of_a != 1 && of_b != 1) throw py::value_error("a and b differ in rows");
  return {of_a == 1 ? of_b : of_a, a.shape(1), a.shape(2), b.shape(2)};
}
template <class T, class Array>
Operand<T> factor(Array& a, T* at) {
  return {at, a.shape(0) == 1 ? 0 : a.shape(1) * a.shape(2), 1};
}

template <class T>
py::array_t<T> matmul(A<T> a, A<T> b, const Isa& isa) {
  const Factors f = factors<T>(a, b);
  py::array_t<T> y({f.rows, f.m, f.n});
  table<T>(isa).matmul(f.rows, f.m, f.k, f.n, factor<const T>(a, a.data()), factor<const T>(b, b.data()),
                       y.mutable_data());
  return y;
}

template <class T>
py::tuple matmul_dx(A<T> a, A<T> b, A<T> dy, const Isa& isa) {
  const Factors f = factors<T>(a, b);
  checked<T>(dy, "dy", {f.rows, f.m, f.n});
  py::array_t<T> da({a.shape(0), f.m, f.k}), db({b.shape(0), f.k, f.n});
  std::fill_n(da.mutable_data(), da.size(), T(0));
  std::fill_n(db.mutable_data(), db.size(), T(0));
  table<T>(isa).matmul_dx(f.rows, f.m, f.k, f.n, factor<const T>(a, a.data()), factor<const T>(b, b.data()), dy.data(),
                          factor<T>(da, da.mutable_data()), factor<T>(db, db.mutable_data()));
  return py::make_tuple(da, db);
}

template <class T>
py::array_t<T> take(A<T> rows, A<T> index, const Isa& isa) {
  const auto from = checked<T>(rows, "table", {kAny, kAny});
  const auto of = checked<T>(index, "index", {kAny});
  py::array_t<T> y({of.shape(0), from.shape(1)});
  table<T>(isa).take(of.shape(0), from.shape(1), from.shape(0), from.data(), of.data(), y.mutable_data());
  return y;
}

template <class T>
py::array_t<T> take_dx(A<T> index, A<T> dy, int64_t vocabulary, const Isa& isa) {
  const auto of = checked<T>(index, "index", {kAny});
  const auto from = checked<T>(dy, "dy", {of.shape(0), kAny});
  auto d_table = zeros<T>(vocabulary, from.shape(1));
  table<T>(isa).take_dx(of.shape(0), from.shape(1), vocabulary, of.data(), from.data(), d_table.mutable_data());
  return d_table;
}

template <class T>
py::array_t<T> one_hot(A<T> x, int64_t classes, const Isa& isa) {
  const auto from = checked<T>(x, "x", {kAny});
  py::array_t<T> y({from.shape(0), classes});
  table<T>(isa).one_hot(from.shape(0), classes, from.data(), y.mutable_data());
  return y;
}

template <class T>
py::array_t<T> gaussian(A<T> x, double stddev, uint64_t seed, uint32_t step, uint32_t op, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  const auto from = checked<T>(x, "x", {kAny, kAny});
  const int64_t rows = from.shape(0), width = from.shape(1);
  const Memory<T> memory(k.size(rows, width));
  const Panels<T> panels{memory.get(), rows, width};
  py::array_t<T> y({rows, width});
  k.gather(from.data(), nullptr, {0, rows}, panels);
  k.gaussian({T(stddev), seed, step, op}, {0, rows}, panels, panels);
  k.scatter(panels, {0, rows}, y.mutable_data());
  return y;
}

// Steps of a rule in place, with the numbers of Step<T> as they are.
template <class T>
void update(py::array_t<T> w, A<T> g, const std::vector<py::array_t<T>>& slots, const std::string& rule,
            double learning_rate, double momentum, double beta_1, double beta_2, double epsilon, double power,
            double ftrl_l1, double ftrl_l2, double shrinkage, double keep, const Isa& isa) {
  const Kernels<T>& k = table<T>(isa);
  auto weights = checked<T>(w, "w", {kAny}, true);
  const int64_t n = weights.shape(0), whole = k.padded(n);
  checked<T>(g, "g", {n});
  if (slots.size() > 3) throw py::value_error("an optimizer has at most 3 slots");
  const auto padded = [&](const T* from, Memory<T>& to) { std::copy_n(from, n, to.get()); };
  Memory<T> memory[5] = {Memory<T>(whole), Memory<T>(whole), Memory<T>(whole), Memory<T>(whole), Memory<T>(whole)};
  padded(weights.data(), memory[0]);
  padded(g.data(), memory[1]);
  T* at[3] = {};
  for (size_t i = 0; i < slots.size(); ++i) {
    padded(checked<T>(slots[i], "slot", {n}, true).data(), memory[2 + i]);
    at[i] = memory[2 + i].get();
  }
  Step<T> step{};
  step.rule = named<Rule>(kRuleNames, rule, "rule");
  step.learning_rate = T(learning_rate);
  step.momentum = T(momentum);
  step.beta_1 = T(beta_1), step.one_minus_beta_1 = T(1 - beta_1);
  step.beta_2 = T(beta_2), step.one_minus_beta_2 = T(1 - beta_2);
  step.epsilon = T(epsilon);
  step.power = T(power), step.ftrl_l1 = T(ftrl_l1), step.ftrl_l2 = T(ftrl_l2), step.shrinkage = T(shrinkage);
  step.keep = T(keep);
  k.update(step, true, T(1), whole, memory[1].get(), {memory[0].get(), at[0], at[1], at[2]});
  std::copy_n(memory[0].get(), n, weights.mutable_data());
  for (size_t i = 0; i < slots.size(); ++i) std::copy_n(at[i], n, py::array_t<T>(slots[i]).mutable_data());
}

template <class T>
void bind_of(py::module_& m) {
  const auto isa = py::arg("isa") = py::none();
  const auto a = [](const char* name) { return py::arg(name).noconvert(); };
  const auto name = py::arg("name"), outer = py::arg("outer"), n = py::arg("n"), inner = py::arg("inner"),
             dims = py::arg("dims"), strides = py::arg("strides");
  const auto offset = py::arg("offset") = 0;
  const auto number = [](const char* name, double value) { return py::arg_v(name, value); };
  m.def("unary", unary<T>, a("x"), name, py::kw_only(), isa);
  m.def("unary_dx", unary_dx<T>, a("x"), a("dy"), name, py::kw_only(), isa);
  m.def("binary", binary<T>, a("a"), a("b"), name, py::kw_only(), isa);
  m.def("binary_dx", binary_dx<T>, a("a"), a("b"), a("dy"), name, py::kw_only(), isa);
  m.def("where", where<T>, a("condition"), a("a"), a("b"), py::kw_only(), isa);
  m.def("where_dx", where_dx<T>, a("condition"), a("a"), a("b"), a("dy"), py::kw_only(), isa);
  m.def("view", view<T>, a("x"), dims, strides, offset, py::kw_only(), isa);
  m.def("view_dx", view_dx<T>, a("dy"), py::arg("x_width"), dims, strides, offset, py::kw_only(), isa);
  m.def("reduce", reduce<T>, a("x"), name, outer, n, inner, py::kw_only(), isa);
  m.def("reduce_dx", reduce_dx<T>, a("x"), a("dy"), name, outer, n, inner, py::kw_only(), isa);
  m.def("copy_columns", copy_columns<T>, a("x"), a("y"), py::arg("first") = 0, py::arg("add") = false, py::kw_only(),
        isa);
  m.def("matmul", matmul<T>, a("a"), a("b"), py::kw_only(), isa);
  m.def("matmul_dx", matmul_dx<T>, a("a"), a("b"), a("dy"), py::kw_only(), isa);
  m.def("take", take<T>, a("table"), a("index"), py::kw_only(), isa);
  m.def("take_dx", take_dx<T>, a("index"), a("dy"), py::arg("vocabulary"), py::kw_only(), isa);
  m.def("one_hot", one_hot<T>, a("x"), py::arg("classes"), py::kw_only(), isa);
  m.def("gaussian", gaussian<T>, a("x"), py::arg("stddev"), py::arg("seed") = 0, py::arg("step") = 0, py::arg("op") = 0,
        py::kw_only(), isa);
  m.def("update", update<T>, a("w"), a("g"), a("slots"), py::arg("rule"), py::kw_only(), py::arg("learning_rate"),
        number("momentum", 0), number("beta_1", 0), number("beta_2", 0), number("epsilon", 0), number("power", 0.5),
        number("ftrl_l1", 0), number("ftrl_l2", 0), number("shrinkage", 0), number("keep", 1), isa);
}

}  // namespace

void bind_op_kernels(py::module_& m) {
  bind_of<float>(m);
  bind_of<double>(m);
}

}  // namespace mlpcore
