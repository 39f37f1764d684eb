// The arrays that Python gives to a pass, checked against the plan: inputs, order, targets, sample weights.
#pragma once
#include <optional>

#include "../space.h"
#include "sparse_array.h"

namespace mlpcore {

// The arrays of one pass, checked and kept alive.
template <class T>
struct PassArrays {
  std::vector<py::object> alive;
  std::optional<SparseArray<T>> sparse;
  Data<T> data;

  // x: an array (n, width) or sparse, or a list with one for each input.
  PassArrays(const py::object& x, const Plan& plan) {
    const bool listed = py::isinstance<py::list>(x) || (py::isinstance<py::tuple>(x) && plan.inputs.size() != 1);
    const size_t expected = plan.inputs.size(), got = listed ? py::len(x) : 1;
    if (got != expected && !(expected == 0 && listed))
      throw py::value_error("this tape has " + std::to_string(expected) + " inputs, got " + std::to_string(got));
    if (expected == 0) data.rows = 1;  // values that depend on nothing but parameters
    for (size_t i = 0; i < expected; ++i) {
      const py::object each = listed ? py::object(x[py::int_(i)]) : x;
      if (SparseArray<T>::looks_sparse(each)) {
        if (expected != 1 || !plan.dense_first)
          throw py::value_error("sparse x needs a tape whose first operation is dense");
        sparse.emplace(each, "x", plan.input_width());
        data.sparse = sparse->view;
        data.rows = sparse->rows;
        continue;
      }
      const auto array = checked<T>(each, "x", {i == 0 ? kAny : data.rows, plan.input_width(int(i))});
      data.x.push_back(array.data());
      data.rows = array.shape(0);
      alive.push_back(array);
    }
  }

  // The order, the targets y (an array or a list), and the sample weights (None, an array or a list).
  void add(const py::object& y, const py::object& order, const py::object& weights, const Plan& plan) {
    if (plan.losses.empty() && plan.totals.empty())
      throw py::value_error("this tape has no loss: record one with loss(x, name)");
    const int64_t n = data.rows;
    if (!order.is_none()) {
      const auto array = checked<int64_t>(order, "order", {kAny});
      for (int64_t r = 0; r < array.shape(0); ++r)
        if (array.data()[r] < 0 || array.data()[r] >= n)
          throw py::value_error("order must hold rows in [0, " + std::to_string(n) + "), got " +
                                std::to_string(array.data()[r]));
      data.order = array.data();
      data.rows = array.shape(0);
      alive.push_back(array);
    }
    const bool listed = py::isinstance<py::list>(y) || py::isinstance<py::tuple>(y);
    const size_t got = listed ? py::len(y) : 1, expected = plan.target_widths.size();
    if (got < expected)
      throw py::value_error("this tape reads " + std::to_string(expected) + " targets, got " + std::to_string(got));
    for (size_t i = 0; i < expected; ++i) {
      data.targets.emplace_back();
      if (plan.target_widths[i] >= 0) add_target(listed ? py::object(y[py::int_(i)]) : y, int(i), plan, n);
    }
    const bool several = py::isinstance<py::list>(weights) || py::isinstance<py::tuple>(weights);
    const size_t arrays = weights.is_none() ? 0 : several ? py::len(weights) : 1;
    for (size_t j = 0; j < arrays; ++j) {
      const py::object each = several ? py::object(weights[py::int_(j)]) : weights;
      if (each.is_none()) {
        data.weights.push_back(nullptr);
        continue;
      }
      const auto array = checked<T>(each, "sample_weight", {n});
      data.weights.push_back(array.data());
      alive.push_back(array);
    }
  }

 private:
  void add_target(const py::object& y, int i, const Plan& plan, int64_t n) {
    const bool is_integer =
        py::isinstance<py::array>(y) && is_native<int32_t>(py::reinterpret_borrow<py::array>(y).dtype());
    const int64_t width = plan.target_widths[i];
    bool numbers = false;
    for (const PlannedLoss& loss : plan.losses) numbers = numbers || (loss.reads_numbers() && loss.op.target == i);
    if (width > 0 && (width > 1 || numbers || !is_integer)) {
      const auto array = checked<T>(y, "y", {n, width});
      data.targets[i].y = array.data();
      alive.push_back(array);
      return;
    }
    const auto array = checked<int32_t>(y, "y", {n});
    for (const PlannedLoss& loss : plan.losses) {
      if (loss.op.form != LossOp::Form::kernel || !reads_classes(loss.op.loss) || loss.op.target != i) continue;
      for (int64_t k = 0; k < data.rows; ++k) {
        const int64_t r = data.row(k);
        if (array.data()[r] < 0 || array.data()[r] >= loss.width)
          throw py::value_error("y must hold class indices in [0, " + std::to_string(loss.width) + "), got " +
                                std::to_string(array.data()[r]) + " in row " + std::to_string(r));
      }
    }
    data.targets[i].classes = array.data();
    alive.push_back(array);
  }
};

}  // namespace mlpcore
