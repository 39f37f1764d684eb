// Gather, forward, losses and backward of a batch's rows.
#include "row_work.h"

#include <algorithm>
#include <cstring>

namespace mlpcore {

namespace {

constexpr int64_t kFewRows = 64;             // of a thread
constexpr int64_t kManyWeights = 32 * 1024;  // of a layer

}  // namespace

template <class T>
RowWork<T>::RowWork(const Plan& plan, const Kernels<T>& k, const Passes<T>& passes)
    : plan_(plan), k_(k), passes_(passes) {
  for (const PlannedLoss& loss : plan_.losses)
    quantiles_.emplace_back(loss.op.quantiles.begin(), loss.op.quantiles.end());
}

// The inputs from row `start` of the pass on, as products read them: gathered, or the user's rows in place.
template <class T>
Input<T> RowWork<T>::input(const Data<T>& data, int64_t start, int64_t rows, const Space<T>& space) const {
  if (data.is_sparse()) {
    const Sparse<T>& x = data.sparse;
    return {{},
            {x.value, x.index, data.order ? x.start : x.start + start},
            data.order ? data.order + start : nullptr,
            rows};
  }
  Input<T> input{.x = {}, .judged_by = rows};
  for (size_t i = 0; i < plan_.inputs.size(); ++i)
    input.x.push_back(space.buffers[plan_.inputs[i]].value.at
                          ? nullptr
                          : data.x[i] + (data.order ? 0 : start * plan_.input_width(int(i))));
  return input;
}

// The inputs' rows into their buffers, where they have memory.
template <class T>
void RowWork<T>::gather(const Data<T>& data, int64_t start, Range range, const Space<T>& space) const {
  const int64_t begin = start + range.first;
  for (size_t i = 0; i < plan_.inputs.size(); ++i) {
    const Panels<T> to = space.buffers[plan_.inputs[i]].value;
    const int64_t width = plan_.input_width(int(i));
    if (!to.at) continue;
    if (plan_.buffers[plan_.inputs[i]].layout == Layout::panels) {
      k_.gather(data.order ? data.x[i] : data.x[i] + begin * width, data.order ? data.order + begin : nullptr, range,
                to);
      continue;
    }
    for (int64_t r = 0; r < range.rows; ++r)
      std::memcpy(to.at + (range.first + r) * width, data.x[i] + data.row(begin + r) * width,
                  size_t(width) * sizeof(T));
  }
}

// The targets that ops read, as numbers.
template <class T>
void RowWork<T>::read_targets(const Data<T>& data, int64_t start, Range range, const Space<T>& space) const {
  for (const Plan::Target& t : plan_.targets) {
    const int64_t width = plan_.buffers[t.buffer].width;
    T* to = space.buffers[t.buffer].value.at + range.first * width;
    const auto& from = data.targets[t.index];
    for (int64_t r = 0; r < range.rows; ++r) {
      const int64_t row = data.row(start + range.first + r);
      if (from.classes) to[r] = T(from.classes[row]);
      else std::copy_n(from.y + row * width, width, to + r * width);
    }
  }
}

// A loss's targets from row `first` of the batch on: gathered, or the user's in place.
template <class T>
typename Data<T>::Target RowWork<T>::target(const Batch<T>& batch, const Space<T>& space, int64_t first,
                                            int index) const {
  const auto& from = batch.data.targets[index];
  const int64_t width = std::max<int64_t>(1, plan_.target_widths[index]), begin = batch.start + first;
  if (!batch.data.order)
    return {from.y ? from.y + begin * width : nullptr, from.classes ? from.classes + begin : nullptr};
  const auto& to = space.targets[index];
  return {from.y ? to.y.get() + first * width : nullptr, from.classes ? to.classes.get() + first : nullptr};
}

// The fused losses' targets, where the pass has an order of its own.
template <class T>
void RowWork<T>::gather_targets(const Data<T>& data, int64_t start, Range range, const Space<T>& space) const {
  if (!data.order) return;
  const int64_t* order = data.order + start + range.first;
  for (const PlannedLoss& loss : plan_.losses) {
    if (loss.op.form != LossOp::Form::kernel) continue;
    const auto& from = data.targets[loss.op.target];
    const auto& to = space.targets[loss.op.target];
    const int64_t width = loss.target_width;
    for (int64_t r = 0; r < range.rows; ++r) {
      if (from.classes) to.classes.get()[range.first + r] = from.classes[order[r]];
      else if (width == 1) to.y.get()[range.first + r] = from.y[order[r]];
      else std::copy_n(from.y + order[r] * width, width, to.y.get() + (range.first + r) * width);
    }
  }
}

template <class T>
void RowWork<T>::losses(const Batch<T>& batch, const Space<T>& space, Range range, bool gradients, bool scalars) const {
  for (size_t l = 0; l < plan_.losses.size(); ++l) {
    const PlannedLoss& loss = plan_.losses[l];
    const bool scalar = loss.op.form == LossOp::Form::scalar, fused = loss.op.form == LossOp::Form::kernel;
    if (scalar && !scalars) continue;
    const int j = loss.op.sample_weight;
    const bool weighted = !scalar && batch.data.weight_array(j);
    const int64_t at = scalar ? 0 : range.first, n = scalar ? 1 : range.rows, begin = batch.start + range.first;
    double* value = space.losses[l].loss.get() + at;
    T* scale = gradients ? space.losses[l].scale.get() + at : nullptr;
    if (gradients) {
      const double per_row = scalar ? loss.op.weight : batch.mean(loss.op.weight, j);
      for (int64_t r = 0; r < n; ++r) scale[r] = T((weighted ? batch.weight(j, begin + r) : 1) * per_row);
    }
    const auto y = fused ? target(batch, space, range.first, loss.op.target) : typename Data<T>::Target{};
    passes_.loss(loss, space, scalar ? Range{0, 1} : range, {y.y, y.classes, scale, value}, quantiles_[l].data());
    if (weighted)
      for (int64_t r = 0; r < n; ++r) value[r] *= batch.weight(j, begin + r);
  }
}

// How the threads share a node: each its rows; each its columns of a product that reads all rows; or thread 0 does it.
enum class Sharing { rows, columns, whole };

// Few rows a thread, and each would read all weights, half of which another thread has just written: then each thread
// takes the columns whose weights it updates. The bits are the same either way.
template <class T>
bool RowWork<T>::by_columns(const Node& node, int64_t rows, int threads) const {
  if (node.kind != OpKind::dense || node.move != Move::none || threads == 1) return false;
  const Layer& layer = plan_.layers[node.layer];
  return rows <= kFewRows * threads && layer.in * layer.out >= kManyWeights && layer.out >= threads * k_.panel;
}

// run(node, sharing) for all nodes, forward or back. Threads meet where one needs what others did.
template <class T>
template <class Run>
void RowWork<T>::run_nodes(bool back, int64_t rows, bool sparse, int threads, Barrier& barrier, Run run) const {
  const auto n = int(plan_.nodes.size());
  Sharing last = Sharing::rows;
  const auto meet = [&](Sharing next) {
    if ((next != last || next == Sharing::columns) && threads > 1) barrier.wait();
    last = next;
  };
  for (int i = 0; i < n; ++i) {
    const Node& node = plan_.nodes[back ? n - 1 - i : i];
    const bool columns = !back && !sparse && by_columns(node, rows, threads);
    meet((back ? node.whole_back : node.whole) ? Sharing::whole : columns ? Sharing::columns : Sharing::rows);
    run(node, last);
  }
  meet(Sharing::rows);
}

// Everything of a step that concerns rows: this thread's rows are gathered, passed forward, and their gradient back.
template <class T>
void RowWork<T>::run(const Batch<T>& batch, Space<T>& space, const Input<T>& x, const Noise* noise, int thread,
                     int threads, Barrier& barrier) const {
  const Data<T>& data = batch.data;
  if (data.is_sparse() && thread == 0) space.columns.fill(x.sparse, x.order, batch.rows);
  // Thread 0's share begins with the work of `fill`, counted in rows.
  const int64_t filling = data.is_sparse() ? batch.rows * 3 / 10 : 0;
  const Range work = share(filling + batch.rows, thread, threads);
  const int64_t first = std::max(work.first - filling, int64_t(0)), end = work.first + work.rows - filling;
  const Range range{first, std::max<int64_t>(0, end - first)};
  gather(data, batch.start, range, space);
  read_targets(data, batch.start, range, space);
  gather_targets(data, batch.start, range, space);
  passes_.zero_gradients(space, range, thread == 0);
  const auto each = [&](auto run) {
    return [&, run](const Node& node, Sharing sharing) {
      if (sharing != Sharing::whole) run(node, range);
      else if (thread == 0) run(node, Range{0, batch.rows});
    };
  };
  const auto forward = each([&](const Node& node, Range rows) { passes_.forward(node, space, x, rows, noise); });
  run_nodes(false, batch.rows, data.is_sparse(), threads, barrier, [&](const Node& node, Sharing sharing) {
    if (sharing != Sharing::columns) return forward(node, sharing);
    if (passes_.on_words(node, space, x)) {
      passes_.read_for_columns(node, space, x, range);
      barrier.wait();
    }
    passes_.forward_columns(node, space, x, batch.rows, thread, threads);
  });
  losses(batch, space, range, true, thread == 0);
  T* scratch = space.scratch.get() + thread * space.scratch_size;
  run_nodes(true, batch.rows, data.is_sparse(), threads, barrier,
            each([&](const Node& node, Range rows) { passes_.backward(node, space, x, rows, noise, scratch); }));
}

// The losses' and totals' sums of a batch, in the order of its rows.
template <class T>
void RowWork<T>::add_totals(const Batch<T>& batch, const Space<T>& space, Sums& sums) const {
  const size_t losses = plan_.losses.size(), totals = plan_.totals.size();
  sums.losses.resize(losses);
  sums.totals.resize(totals);
  sums.total_weights.resize(totals);
  sums.rows += batch.rows;
  for (size_t l = 0; l < losses; ++l) {
    const LossOp& op = plan_.losses[l].op;
    const double* each = space.losses[l].loss.get();
    double loss = 0;
    if (op.form == LossOp::Form::scalar) loss = each[0] * double(batch.rows);
    else {
      for (int64_t r = 0; r < batch.rows; ++r) loss += each[r];
      loss = batch.mean(loss, op.sample_weight) * double(batch.mean_rows);
    }
    sums.losses[l] += op.weight * loss;
    sums.loss += op.weight * loss;
  }
  for (size_t t = 0; t < totals; ++t) {
    const int64_t width = plan_.buffers[plan_.totals[t].input].width;
    const T* value = space.buffers[plan_.totals[t].input].value.at;
    sums.totals[t].resize(width);
    const int j = plan_.totals[t].sample_weight;
    for (int64_t r = 0; r < batch.rows; ++r) {
      const double w = j >= 0 ? batch.weight(j, batch.start + r) : 1;
      for (int64_t c = 0; c < width; ++c) sums.totals[t][c] += w * double(value[r * width + c]);
    }
    sums.total_weights[t] += j >= 0 ? batch.sums[j] : double(batch.rows);
  }
}

template class RowWork<float>;
template class RowWork<double>;

}  // namespace mlpcore
