// Checked views of NumPy arrays: dtype, number of dimensions, shape and layout, with messages that name the argument.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace mlpcore {

namespace py = pybind11;

constexpr int64_t kAny = -1;  // a length that is not checked
using Shape = std::initializer_list<int64_t>;

inline std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] == kAny ? std::string("n") : std::to_string(shape[i])) +
            (shape.size() == 1 ? "," : "");
  return text + ")";
}

// The fields of an array that is known to be one.
inline const py::detail::PyArray_Proxy* array_of(const py::handle& a) { return py::detail::array_proxy(a.ptr()); }

// Whether `dtype` is native T. Platforms have two numbers for one integer type, hence the second, slower look.
template <class T>
bool is_native(const py::dtype& dtype) {
  const char order = dtype.byteorder();
  return (dtype.normalized_num() == py::dtype::num_of<T>() && (order == '=' || order == '|')) ||
         dtype.equal(py::dtype::of<T>());
}

inline bool has_shape(const py::handle& a, Shape shape) {
  const auto* array = array_of(a);
  if (array->nd != int(shape.size())) return false;
  const Py_ssize_t* got = array->dimensions;
  for (const int64_t length : shape) {
    if (length != kAny && *got != length) return false;
    ++got;
  }
  return true;
}

template <class T>
bool is_aligned(const py::handle& a) {
  return reinterpret_cast<uintptr_t>(array_of(a)->data) % alignof(T) == 0;
}

// Whether `a` is an ndarray itself, no subclass, and C-contiguous, of T and the given shape: what the core can read.
template <class T>
bool is_plain(const py::handle& a, Shape shape) {
  static const py::handle ndarray = py::type::of(py::array_t<char>(1)).release();  // kept for good
  return reinterpret_cast<PyObject*>(Py_TYPE(a.ptr())) == ndarray.ptr() && has_shape(a, shape) &&
         (array_of(a)->flags & py::array::c_style) && is_aligned<T>(a) &&
         is_native<T>(py::reinterpret_borrow<py::dtype>(array_of(a)->descr));
}

// `a` as a C-contiguous array of T with the given shape, kAny standing for any length. Nothing is built unless it fails.
template <class T>
py::array_t<T> checked(const py::handle& a, const char* name, Shape shape, bool writable = false) {
  const auto what = [&] {
    return std::string(name) + " must be a C-contiguous " + std::string(py::str(py::dtype::of<T>())) +
           " array of shape " + shape_text(shape);
  };
  if (!py::isinstance<py::array>(a))
    throw py::type_error(what() + ", got " + std::string(py::str(py::type::of(a).attr("__name__"))));
  const auto array = py::reinterpret_borrow<py::array>(a);
  if (!is_native<T>(array.dtype())) throw py::type_error(what() + ", got " + std::string(py::str(array.dtype())));
  if (!has_shape(a, shape)) {
    const std::vector<int64_t> got(array.shape(), array.shape() + array.ndim());
    throw py::value_error(what() + ", got shape " + shape_text(got));
  }
  if (!(array.flags() & py::array::c_style)) throw py::value_error(what() + ", got another memory layout");
  if (!is_aligned<T>(a)) throw py::value_error(what() + ", got unaligned memory");
  if (writable && !array.writeable()) throw py::value_error(what() + " that is writable");
  return py::reinterpret_borrow<py::array_t<T>>(a);
}

}  // namespace mlpcore
