// The memory of a plan for one batch: values, gradients, and what a step needs besides.
#pragma once
#include <algorithm>
#include <memory>

#include "by_columns.h"
#include "link.h"
#include "memory.h"
#include "word_products.h"

namespace mlpcore {

inline constexpr int64_t kBlockRows = 192;  // rows whose activations are in the cache at once
// Less work runs on one thread: two barriers and the transfer of the activations cost more than they win.
template <class T>
inline constexpr double kFlopsPerThread = 8e6 / sizeof(T);  // float64 takes twice as long

// The arrays of one pass over the data. `sparse` stands for x where it is set: one input, by rows, of a plan whose
// dense_first is true.
template <class T>
struct Data {
  struct Target {
    const T* y = nullptr;              // (n, width)
    const int32_t* classes = nullptr;  // or (n,)
  };
  std::vector<const T*> x;  // of each input: (n, width)
  Sparse<T> sparse = {};
  std::vector<Target> targets;     // those that are not read may be missing
  std::vector<const T*> weights;   // sample weights (n,), or null: 1
  const int64_t* order = nullptr;  // (rows,) rows of x, or null: 0, 1, ...
  int64_t rows = 0;
  bool by_rows = false;  // losses are divided by the batch's rows; else by the sum of their weights

  bool is_sparse() const { return sparse.start; }
  int64_t row(int64_t r) const { return order ? order[r] : r; }
  const T* weight_array(int j) const { return j >= 0 && j < int(weights.size()) ? weights[j] : nullptr; }
};

// The rows of one step.
template <class T>
struct Batch {
  const Data<T>& data;
  int64_t start, rows;
  std::vector<double> sums;  // S of each array of sample weights
  double weight_sum;         // S of the first loss that has weight
  bool is_empty = true;      // no loss has a weight
  int64_t mean_rows;         // of the batch whose mean the losses are: more than `rows` for a part of it

  Batch(const Plan& plan, const Data<T>& data, int64_t start, int64_t rows)
      : data(data), start(start), rows(rows), mean_rows(rows) {
    for (int j = 0; j < plan.sample_weights; ++j) {
      sums.push_back(0);
      for (int64_t r = start; r < start + rows; ++r) sums[j] += weight(j, r);
    }
    weight_sum = plan.losses.empty() ? double(rows) : 0;
    for (const PlannedLoss& loss : plan.losses) {
      if (weight_sum == 0) weight_sum = divisor(loss.op.sample_weight);
      is_empty = is_empty && loss.op.form != LossOp::Form::scalar && divisor(loss.op.sample_weight) == 0;
    }
  }
  // A part of a batch.
  Batch(const Batch& whole, int64_t start, int64_t rows)
      : data(whole.data), start(start), rows(rows), sums(whole.sums), weight_sum(whole.weight_sum),
        mean_rows(whole.mean_rows) {}
  // Of row r of the pass.
  double weight(int j, int64_t r) const {
    const T* array = data.weight_array(j);
    return array ? double(array[data.row(r)]) : 1;
  }
  double divisor(int j) const { return data.by_rows || j < 0 ? double(mean_rows) : sums[j]; }
  // A sum over the rows as their mean; 0 if they have no weight.
  double mean(double sum, int j) const { return divisor(j) == 0 ? 0 : sum / divisor(j); }
};

// This thread's share of n things.
inline Range share(int64_t n, int thread, int threads) {
  const int64_t first = n * thread / threads;
  return {first, n * (thread + 1) / threads - first};
}

// Over the batches of a pass: rows times a batch's mean. `losses` and `totals` are those of the tape, one by one.
struct Sums {
  double loss = 0, penalty = 0;
  std::vector<double> losses;               // each times its LossOp::weight
  std::vector<std::vector<double>> totals;  // weighted sums over rows
  std::vector<double> total_weights;
  int64_t rows = 0;

  // As if the other's batches had followed these.
  void add(const Sums& other) {
    const auto add_each = [](std::vector<double>& to, const std::vector<double>& from) {
      to.resize(std::max(to.size(), from.size()));
      for (size_t i = 0; i < from.size(); ++i) to[i] += from[i];
    };
    loss += other.loss;
    penalty += other.penalty;
    rows += other.rows;
    add_each(losses, other.losses);
    add_each(total_weights, other.total_weights);
    totals.resize(std::max(totals.size(), other.totals.size()));
    for (size_t t = 0; t < other.totals.size(); ++t) add_each(totals[t], other.totals[t]);
  }
};

// One unit of the work of the weights' phase, the span of its weights, and the cost of all units before it.
struct Unit {
  int layer;
  int64_t panel, unit, offset, size, cost_before;
  bool kernel;
};

template <class T>
struct Space {
  // A plain buffer is row-major, `at` alone tells.
  struct Place {
    Panels<T> value, gradient;
  };
  std::vector<Place> buffers;
  Memory<T> memory, scratch;
  struct Target {
    Memory<T> y;
    Memory<int32_t> classes;
  };
  std::vector<Target> targets;  // gathered
  struct RowLoss {
    Memory<T> scale;      // of each row's gradient
    Memory<double> loss;  // of each row
  };
  std::vector<RowLoss> losses;
  std::unique_ptr<WordProducts<T>> words;  // set where some products are taken from words
  int64_t scratch_size = 0;
  int64_t capacity = 0;  // rows
  int threads = 1;       // that have scratch
  bool gathers = false, ordered = false;
  ByColumns<T> columns;            // the batch's sparse rows
  std::vector<Unit> sparse_units;  // the work on weights for sparse rows, in order

  Space(const Plan& plan, const Kernels<T>& k, const Data<T>& data, int64_t rows, bool gathers, bool training,
        int threads)
      : capacity(rows), threads(threads), gathers(gathers), ordered(data.order) {
    const auto is_input = [&](size_t b) { return std::count(plan.inputs.begin(), plan.inputs.end(), int(b)) > 0; };
    const auto size = [&](const Buffer& b) {
      constexpr int64_t line = 64 / sizeof(T);
      if (b.layout == Layout::panels) return k.size(b.rows(rows), b.width);
      return (b.rows(rows) * b.width + line - 1) / line * line;
    };
    const auto has_value = [&](size_t b) { return !is_input(b) || (gathers && !data.is_sparse()); };
    const auto has_gradient = [&](size_t b) { return training && plan.buffers[b].gradient; };
    int64_t total = 0;
    for (size_t b = 0; b < plan.buffers.size(); ++b) total += (has_value(b) + has_gradient(b)) * size(plan.buffers[b]);
    memory = Memory<T>(total);
    T* p = memory.get();
    for (size_t b = 0; b < plan.buffers.size(); ++b) {
      const Buffer& of = plan.buffers[b];
      const auto take = [&](bool wanted) {
        return Panels<T>{wanted ? std::exchange(p, p + size(of)) : nullptr, of.rows(rows), of.width};
      };
      const Panels<T> value = take(has_value(b));
      buffers.push_back({value, take(has_gradient(b))});
    }
    for (const Plan::Constant& c : plan.constants)
      std::copy(c.values.begin(), c.values.end(), buffers[c.buffer].value.at);
    losses.resize(plan.losses.size());
    for (RowLoss& loss : losses) loss = {Memory<T>(training ? rows : 0), Memory<double>(rows)};
    if (!training) return;
    for (const Layer& layer : plan.layers)
      if (layer.is_dense()) scratch_size = std::max(scratch_size, k.padded(layer.out) * k.panel);
    scratch = Memory<T>(scratch_size * threads);
    for (const int64_t width : plan.target_widths)
      targets.push_back({Memory<T>(data.order && width > 0 ? rows * width : 0),
                         Memory<int32_t>(data.order && width >= 0 ? rows : 0)});
  }
};

}  // namespace mlpcore
