// The rows of a batch by columns: a counting sort of its nonzeros, which keeps the order of rows within a column.
#pragma once
#include <algorithm>

#include "kernels.h"
#include "memory.h"

namespace mlpcore {

template <class T>
class ByColumns {
 public:
  ByColumns() = default;
  // For batches of at most `nonzeros`, of rows `width` wide.
  ByColumns(int64_t nonzeros, int64_t width) : width_(width), value_(nonzeros), row_(nonzeros), start_(width + 2) {}

  // Take rows x[order[0]] ... x[order[rows - 1]]; order null: x[0] ...
  void fill(Sparse<T> x, const int64_t* order, int64_t rows) {
    // While it counts and while it places, column c has its number one and two places further on.
    int64_t* start = start_.get();
    std::fill_n(start, width_ + 2, int64_t(0));
    const auto each = [&](auto f) {
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t from = order ? order[r] : r;
        for (int64_t k = x.start[from]; k < x.start[from + 1]; ++k) f(r, k);
      }
    };
    each([&](int64_t, int64_t k) { ++start[x.index[k] + 2]; });
    for (int64_t c = 2; c < width_ + 2; ++c) start[c] += start[c - 1];
    each([&](int64_t r, int64_t k) {
      const int64_t to = start[x.index[k] + 1]++;
      value_.get()[to] = x.value[k];
      row_.get()[to] = int32_t(r);
    });
  }

  Sparse<T> get() const { return {value_.get(), row_.get(), start_.get()}; }

 private:
  int64_t width_ = 0;
  Memory<T> value_;
  Memory<int32_t> row_;
  Memory<int64_t> start_;
};

}  // namespace mlpcore
