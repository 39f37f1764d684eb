// A checked view of a sparse matrix by rows, from SciPy or from its three arrays.
#pragma once
#include <pybind11/stl.h>

#include <algorithm>
#include <limits>

#include "../kernels.h"
#include "array.h"

namespace mlpcore {

// x (rows, width) and the arrays that it reads. Columns are int32 here, which halves what a product reads of them; the
// core's widths are less than 2^31. Those that came as int64 are narrowed into a copy.
template <class T>
struct SparseArray {
  py::array_t<T> data;
  py::array_t<int32_t> indices;
  py::array_t<int64_t> indptr;
  int64_t rows = 0, width = 0;
  Sparse<T> view{};

  static bool looks_sparse(const py::handle& x) { return py::isinstance<py::tuple>(x) || py::hasattr(x, "indptr"); }

  // x: a SciPy CSR matrix or array, or (data, indices, indptr, shape)
  SparseArray(const py::object& x, const std::string& name, int64_t expected_width) {
    const std::string what = name + " must be a CSR matrix of shape " + shape_text({kAny, expected_width});
    py::object part[4];
    if (py::isinstance<py::tuple>(x)) {
      const auto all = py::reinterpret_borrow<py::tuple>(x);
      if (all.size() != 4)
        throw py::value_error(what + " or (data, indices, indptr, shape), got a tuple of " +
                              std::to_string(all.size()));
      for (size_t i = 0; i < 4; ++i) part[i] = all[i];
    } else {
      const std::string format = py::str(py::getattr(x, "format", py::str("unknown")));
      if (format != "csr") throw py::type_error(what + ", got the format '" + format + "'");
      constexpr const char* attributes[] = {"data", "indices", "indptr", "shape"};
      for (size_t i = 0; i < 4; ++i) part[i] = x.attr(attributes[i]);
    }
    std::vector<int64_t> shape;
    try {
      shape = py::cast<std::vector<int64_t>>(part[3]);
    } catch (const py::cast_error&) {
      throw py::type_error(what + ", got the shape " + std::string(py::repr(part[3])));
    }
    constexpr int64_t limit = std::numeric_limits<int32_t>::max();
    if (shape.size() != 2 || shape[0] < 0 || shape[0] > limit || shape[1] < 1 || shape[1] > limit ||
        (expected_width != kAny && shape[1] != expected_width))
      throw py::value_error(what + " and fewer than 2^31 rows, got shape " + shape_text(shape));
    rows = shape[0], width = shape[1];

    data = checked<T>(part[0], (name + ".data").c_str(), {kAny});
    const int64_t held = data.shape(0);
    read_indptr(part[2], name + ".indptr", held);
    const int64_t used = indptr.data()[rows];
    const bool is_wide = has_dtype<int64_t>(part[1]);
    if (is_wide) indices = narrowed(checked<int64_t>(part[1], (name + ".indices").c_str(), {held}), used, name);
    else indices = checked<int32_t>(part[1], (name + ".indices").c_str(), {held});
    if (!is_wide) check_columns(indices.data(), used, name);
    view = {data.data(), indices.data(), indptr.data()};
  }

 private:
  template <class I>
  static bool has_dtype(const py::handle& a) {
    return py::isinstance<py::array>(a) && py::reinterpret_borrow<py::array>(a).dtype().equal(py::dtype::of<I>());
  }

  void read_indptr(const py::object& given, const std::string& name, int64_t held) {
    if (has_dtype<int32_t>(given)) {
      const auto from = checked<int32_t>(given, name.c_str(), {rows + 1});
      indptr = py::array_t<int64_t>(rows + 1);
      std::copy_n(from.data(), rows + 1, indptr.mutable_data());
    } else {
      indptr = checked<int64_t>(given, name.c_str(), {rows + 1});
    }
    const int64_t* start = indptr.data();
    if (start[0] != 0) throw py::value_error(name + " must begin with 0, got " + std::to_string(start[0]));
    for (int64_t r = 0; r < rows; ++r)
      if (start[r + 1] < start[r])
        throw py::value_error(name + " must not decrease, got " + std::to_string(start[r]) + " and then " +
                              std::to_string(start[r + 1]) + " in row " + std::to_string(r));
    if (start[rows] > held)
      throw py::value_error(name + " ends with " + std::to_string(start[rows]) + ", but there are only " +
                            std::to_string(held) + " values");
  }

  template <class I>
  void check_columns(const I* column, int64_t n, const std::string& name) const {
    const auto is_outside = [this](I c) { return c < 0 || int64_t(c) >= width; };
    bool any = false;
    for (int64_t k = 0; k < n; ++k) any |= is_outside(column[k]);
    if (any)
      throw py::value_error(name + ".indices must hold columns in [0, " + std::to_string(width) + "), got " +
                            std::to_string(*std::find_if(column, column + n, is_outside)));
  }

  py::array_t<int32_t> narrowed(const py::array_t<int64_t>& wide, int64_t n, const std::string& name) const {
    check_columns(wide.data(), n, name);
    py::array_t<int32_t> narrow(n);
    std::copy_n(wide.data(), n, narrow.mutable_data());
    return narrow;
  }
};

}  // namespace mlpcore
