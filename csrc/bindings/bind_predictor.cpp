// Predictor and Prepared for Python.
#include <algorithm>

#include "../predictor.h"
#include "../team.h"
#include "array.h"

namespace mlpcore {

namespace {

constexpr double kFlopsToRelease = 4e6;  // about 40 microseconds: less is over before another thread has woken

// Calls predict with the GIL held if that is a matter of microseconds, else without it.
template <class T>
bool predict_freely(const Predictor<T>& predictor, const Question<T>& question, T* out, int threads) {
  if (predictor.flops(question.rows) < kFlopsToRelease) return predictor.predict(question, out, 1);
  py::gil_scoped_release release;
  return predictor.predict(question, out, threads > 0 ? threads : max_threads());
}

template <class T>
py::array_t<T> new_output(int64_t rows, int64_t width, bool flat) {
  if (flat) return py::array_t<T>(py::ssize_t(rows));
  return py::array_t<T>({py::ssize_t(rows), py::ssize_t(width)});
}

template <class T>
class BoundPredictor {
 public:
  explicit BoundPredictor(const Tape& tape) : predictor_(tape) {}

  py::array_t<T> predict(const py::handle& x, const py::sequence& parameters, int threads) const {
    const auto view = checked<T>(x, "x", {kAny, predictor_.in()});
    const auto& layers = predictor_.plan().layers;
    check_count(parameters);
    std::vector<const T*> pointers;
    std::vector<py::object> alive;
    for (size_t l = 0; l < layers.size(); ++l) {
      alive.push_back(checked<T>(parameters[2 * l], "kernel", {layers[l].in, layers[l].out}));
      alive.push_back(checked<T>(parameters[2 * l + 1], "bias", {layers[l].out}));
    }
    for (const py::object& a : alive) pointers.push_back(static_cast<const T*>(py::array(a).data()));
    auto out = new_output<T>(view.shape(0), predictor_.out(), false);
    predict_freely(predictor_, {view.data(), view.shape(0), pointers.data()}, out.mutable_data(), threads);
    return out;
  }

  // The output, or None if anything asks for a closer look: another type, layout, width or number of rows than the core
  // reads, NaN or infinity in x, parameters of other shapes.
  py::object attempt(const py::handle& x, const py::handle& coefs, const py::handle& intercepts, int threads) const {
    const auto& layers = predictor_.plan().layers;
    const auto count = Py_ssize_t(layers.size());
    if (!is_plain<T>(x, {kAny, predictor_.in()}) || array_of(x)->dimensions[0] == 0) return py::none();
    if (!PyList_CheckExact(coefs.ptr()) || !PyList_CheckExact(intercepts.ptr())) return py::none();
    if (PyList_GET_SIZE(coefs.ptr()) != count || PyList_GET_SIZE(intercepts.ptr()) != count) return py::none();
    constexpr size_t kMost = 32;
    if (layers.size() > kMost) return py::none();
    const T* pointers[2 * kMost];
    py::object alive[2 * kMost];
    for (size_t l = 0; l < layers.size(); ++l) {
      PyObject *kernel = PyList_GET_ITEM(coefs.ptr(), py::ssize_t(l)),
               *bias = PyList_GET_ITEM(intercepts.ptr(), py::ssize_t(l));
      if (!is_plain<T>(kernel, {layers[l].in, layers[l].out}) || !is_plain<T>(bias, {layers[l].out})) return py::none();
      pointers[2 * l] = static_cast<const T*>(static_cast<const void*>(array_of(kernel)->data));
      pointers[2 * l + 1] = static_cast<const T*>(static_cast<const void*>(array_of(bias)->data));
      alive[2 * l] = py::reinterpret_borrow<py::object>(kernel);
      alive[2 * l + 1] = py::reinterpret_borrow<py::object>(bias);
    }
    const int64_t rows = array_of(x)->dimensions[0];
    auto out = new_output<T>(rows, predictor_.out(), false);
    const T* from = static_cast<const T*>(static_cast<const void*>(array_of(x)->data));
    if (!predict_freely(predictor_, {from, rows, pointers, nullptr, true}, out.mutable_data(), threads))
      return py::none();
    return out;
  }

 private:
  void check_count(const py::sequence& parameters) const {
    const size_t expected = 2 * predictor_.plan().layers.size();
    if (py::len(parameters) != expected)
      throw py::value_error("expected " + std::to_string(expected) +
                            " parameters (kernel and bias of each dense layer), got " +
                            std::to_string(py::len(parameters)));
  }

  Predictor<T> predictor_;
};

// As much memory, or enough to get a huge page where the parameters fill much of one: then they stream without a stop.
template <class T>
int64_t roomy(int64_t size) {
  constexpr int64_t huge = (int64_t(1) << 21) / sizeof(T);
  return size < huge && size > huge / 8 ? huge : size;
}

// A predictor with its own packed copy of the parameters.
template <class T>
class BoundPrepared {
 public:
  BoundPrepared(const Tape& tape, const py::sequence& parameters, bool flat)
      : predictor_(tape), flat_(flat), packed_(roomy<T>(predictor_.packed_size())) {
    const auto& layers = predictor_.plan().layers;
    if (py::len(parameters) != 2 * layers.size())
      throw py::value_error("expected " + std::to_string(2 * layers.size()) +
                            " parameters (kernel and bias of each dense layer), got " +
                            std::to_string(py::len(parameters)));
    if (flat && predictor_.out() != 1) throw py::value_error("a flat output has one column");
    std::vector<py::array_t<T>> arrays;
    std::vector<const T*> pointers;
    for (size_t l = 0; l < layers.size(); ++l) {
      arrays.push_back(checked<T>(parameters[2 * l], "kernel", {layers[l].in, layers[l].out}));
      arrays.push_back(checked<T>(parameters[2 * l + 1], "bias", {layers[l].out}));
    }
    for (const auto& a : arrays) pointers.push_back(a.data());
    predictor_.pack(pointers.data(), packed_.get());
  }

  py::array_t<T> predict(const py::handle& x, int threads) const {
    const auto view = checked<T>(x, "x", {kAny, predictor_.in()});
    auto out = new_output<T>(view.shape(0), predictor_.out(), flat_);
    predict_freely(predictor_, {view.data(), view.shape(0), nullptr, packed_.get()}, out.mutable_data(), threads);
    return out;
  }

 private:
  Predictor<T> predictor_;
  bool flat_;
  Memory<T> packed_;
};

template <class T>
void bind_of(py::module_& m, const char* predictor, const char* prepared) {
  using P = BoundPredictor<T>;
  py::class_<P>(m, predictor)
      .def("predict", &P::predict, py::arg("x"), py::arg("parameters"), py::arg("n_threads") = 1)
      .def("attempt", &P::attempt, py::arg("x"), py::arg("coefs"), py::arg("intercepts"), py::arg("n_threads") = 1);
  using Q = BoundPrepared<T>;
  py::class_<Q>(m, prepared).def("__call__", &Q::predict, py::arg("x"), py::arg("n_threads") = 1);
}

// make(T()) for the element type that `dtype` names
template <class Make>
py::object of_dtype(const std::string& dtype, Make make) {
  if (dtype == "float32") return make(float());
  if (dtype == "float64") return make(double());
  throw py::value_error("dtype must be 'float32' or 'float64', got '" + dtype + "'");
}

template <class T>
py::object owned(T* made) {
  return py::cast(made, py::return_value_policy::take_ownership);
}

}  // namespace

void bind_predictor(py::module_& m) {
  bind_of<float>(m, "Predictor32", "Prepared32");
  bind_of<double>(m, "Predictor64", "Prepared64");
  m.def(
      "Predictor",
      [](const Tape& tape, const std::string& dtype) {
        return of_dtype(dtype, [&]<class T>(T) { return owned(new BoundPredictor<T>(tape)); });
      },
      py::arg("tape"), py::arg("dtype"));
  m.def(
      "Prepared",
      [](const Tape& tape, const std::string& dtype, const py::sequence& parameters, bool flat) {
        return of_dtype(dtype, [&]<class T>(T) { return owned(new BoundPrepared<T>(tape, parameters, flat)); });
      },
      py::arg("tape"), py::arg("dtype"), py::arg("parameters"), py::arg("flat") = false);
}

}  // namespace mlpcore
