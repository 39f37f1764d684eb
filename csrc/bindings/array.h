// Checked views of NumPy arrays: dtype, number of dimensions, shape and layout, with messages that name the argument.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

namespace mlpcore {

namespace py = pybind11;

constexpr int64_t kAny = -1;  // a length that is not checked

inline std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] == kAny ? std::string("n") : std::to_string(shape[i])) +
            (shape.size() == 1 ? "," : "");
  return text + ")";
}

// `a` as a C-contiguous array of T with the given shape, kAny standing for any length.
template <class T>
py::array_t<T> checked(const py::handle& a, const char* name, const std::vector<int64_t>& shape,
                       bool writable = false) {
  const std::string what = std::string(name) + " must be a C-contiguous " + std::string(py::str(py::dtype::of<T>())) +
                           " array of shape " + shape_text(shape);
  if (!py::isinstance<py::array>(a))
    throw py::type_error(what + ", got " + std::string(py::str(py::type::of(a).attr("__name__"))));
  const auto array = py::reinterpret_borrow<py::array>(a);
  if (!array.dtype().equal(py::dtype::of<T>()))
    throw py::type_error(what + ", got " + std::string(py::str(array.dtype())));
  bool same = array.ndim() == py::ssize_t(shape.size());
  for (size_t i = 0; same && i < shape.size(); ++i) same = shape[i] == kAny || array.shape(i) == shape[i];
  if (!same) {
    const std::vector<int64_t> got(array.shape(), array.shape() + array.ndim());
    throw py::value_error(what + ", got shape " + shape_text(got));
  }
  if (!(array.flags() & py::array::c_style)) throw py::value_error(what + ", got another memory layout");
  if (reinterpret_cast<uintptr_t>(array.data()) % alignof(T)) throw py::value_error(what + ", got unaligned memory");
  if (writable && !array.writeable()) throw py::value_error(what + " that is writable");
  return py::reinterpret_borrow<py::array_t<T>>(a);
}

}  // namespace mlpcore
