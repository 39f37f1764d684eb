// The mini-batch loop: rows are shared out among the threads for gather, forward, loss and backward, then
// units of weights for gradient and update. Two barriers a step, no sum across threads, hence the same bits
// for any number of threads.
#include "engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace mlpcore {

namespace {

constexpr double kPollSeconds = 0.05;
// A step of fewer flops runs on one thread: two barriers and the transfer of the activations cost more than they win.
constexpr double kFlopsPerThread = 2e6;
constexpr int64_t kPredictRows = 192;  // rows whose activations are in the cache at once

struct Range {
  int64_t begin, end;
};
Range share(int64_t n, int thread, int threads) { return {n * thread / threads, n * (thread + 1) / threads}; }

// Leading dimension of a buffer: an odd number of cache lines, so that no column meets the same cache set in every row.
template <class T>
int64_t leading_dimension(int64_t width) {
  constexpr int64_t line = 64 / sizeof(T);
  return ((width + line - 1) / line | 1) * line;
}

}  // namespace

// Activations and their gradients for one batch (or, per thread, for one block of predicted rows).
template <class T>
struct Engine<T>::Workspace {
  struct Buffer {
    T *value, *gradient;
    int64_t ld;
  };
  std::vector<Buffer> buffers;
  Memory<T> memory, scratch, y, scale;
  Memory<int32_t> labels;
  Memory<double> loss;
  int64_t scratch_size = 0;

  Workspace(const Plan& plan, const Kernels<T>& k, int64_t rows, bool gathers, bool training, int threads) {
    int64_t size = 0;
    for (size_t b = 0; b < plan.buffers.size(); ++b) {
      const int64_t ld = leading_dimension<T>(plan.buffers[b]);
      buffers.push_back({nullptr, nullptr, ld});
      size += rows * ld * (b == 0 ? int64_t(gathers) : training ? 2 : 1);
    }
    memory = Memory<T>(size);
    T* p = memory.get();
    for (size_t b = 0; b < buffers.size(); ++b) {
      const int64_t n = rows * buffers[b].ld;
      if (b > 0 || gathers) buffers[b].value = std::exchange(p, p + n);
      if (b > 0 && training) buffers[b].gradient = std::exchange(p, p + n);
    }
    if (!training) return;
    for (const DenseLayer& layer : plan.layers) scratch_size = std::max(scratch_size, k.padded(layer.out) * k.panel);
    scratch = Memory<T>(scratch_size * threads);
    y = Memory<T>(gathers ? rows * plan.loss_width : 0);
    labels = Memory<int32_t>(gathers ? rows : 0);
    scale = Memory<T>(rows);
    loss = Memory<double>(rows);
  }
};

// The rows of one step.
template <class T>
struct Engine<T>::Batch {
  const Data<T>& data;
  int64_t start, rows;
  double weight_sum;  // S

  Batch(const Data<T>& data, int64_t start, int64_t rows) : data(data), start(start), rows(rows), weight_sum(double(rows)) {
    if (!data.weight) return;
    weight_sum = 0;
    for (int64_t r = start; r < start + rows; ++r) weight_sum += double(data.weight[row(r)]);
  }
  int64_t row(int64_t r) const { return data.order ? data.order[r] : r; }
};

template <class T>
Engine<T>::Engine(const Tape& tape, const Kernels<T>& kernels)
    : plan_(link(tape, [&](int64_t in, int64_t out) { return kernels.packed_size(in, out); })), k_(kernels) {
  int64_t cost = 0;
  for (size_t l = 0; l < plan_.layers.size(); ++l) {
    const DenseLayer& layer = plan_.layers[l];
    size_ = layer.offset + k_.packed_size(layer.in, layer.out);
    step_flops_per_row_ += layer.in * layer.out * (l > 0 ? 6 : 4);
    for (int64_t p = 0; p < k_.panels(layer.out); ++p)
      for (int64_t c = 0; c < k_.chunks(layer.in); ++c) {
        units_.push_back({int(l), p, c, cost});
        cost += std::min(k_.chunk, layer.in + 1 - c * k_.chunk) * std::min(k_.panel, k_.padded(layer.out - p * k_.panel));
      }
  }
  units_.push_back({-1, 0, 0, cost});  // the end
  weights_ = Memory<T>(size_);
}

template <class T>
void Engine<T>::make_slots(int count) {
  for (int s = 0; s < 2; ++s) {
    if (s >= count) slots_[s] = Memory<T>();
    else if (!slots_[s]) slots_[s] = Memory<T>(size_);
  }
}

template <class T>
int Engine<T>::useful_threads(int64_t rows, int threads) const {
  const double flops = double(step_flops_per_row_) * double(rows);
  return int(std::clamp(flops / kFlopsPerThread, 1.0, double(std::max(1, threads))));
}

// Buffers' rows [r0, r1) from x (rows r0.. of it, leading dimension ldx).
template <class T>
void Engine<T>::forward(const T* x, int64_t ldx, const Workspace& space, int64_t r0, int64_t r1, bool) const {
  const int64_t rows = r1 - r0;
  for (const Node& node : plan_.nodes) {
    const T* from = node.from == 0 ? x : space.buffers[node.from].value + r0 * space.buffers[node.from].ld;
    const int64_t ld_from = node.from == 0 ? ldx : space.buffers[node.from].ld;
    const auto& to = space.buffers[node.to];
    if (node.kind == OpKind::dense) {
      const DenseLayer& layer = plan_.layers[node.layer];
      k_.dense(rows, layer.in, layer.out, from, ld_from, weights_.get() + layer.offset, node.relu, to.value + r0 * to.ld, to.ld);
    } else {
      k_.activation(node.activation, T(node.alpha), rows, node.width, from, ld_from, to.value + r0 * to.ld, to.ld);
    }
  }
}

template <class T>
void Engine<T>::backward(const Batch&, const Workspace& space, int64_t r0, int64_t r1, T* scratch) const {
  const int64_t rows = r1 - r0;
  for (size_t n = plan_.nodes.size(); n-- > 0;) {
    const Node& node = plan_.nodes[n];
    const auto &from = space.buffers[node.from], &to = space.buffers[node.to];
    T* dy = to.gradient + r0 * to.ld;
    if (node.kind == OpKind::activation) {
      if (node.in_loss || node.from == 0) continue;
      const auto& at = derivative_needs_input(node.activation) ? from : to;
      k_.activation_dx(node.activation, T(node.alpha), rows, node.width, at.value + r0 * at.ld, at.ld, dy, to.ld,
                       from.gradient + r0 * from.ld, from.ld);
      continue;
    }
    const DenseLayer& layer = plan_.layers[node.layer];
    if (node.relu && !node.relu_masked)
      k_.activation_dx(Activation::relu, T(0), rows, node.width, to.value + r0 * to.ld, to.ld, dy, to.ld, dy, to.ld);
    if (node.needs_dx)
      k_.dense_dx(rows, layer.in, layer.out, dy, to.ld, weights_.get() + layer.offset,
                  node.masks_dx ? from.value + r0 * from.ld : nullptr, false, from.gradient + r0 * from.ld, from.ld, scratch);
  }
}

// Everything of a step that concerns rows: this thread's rows are gathered, passed forward, and their gradient back.
template <class T>
void Engine<T>::row_phase(const Batch& batch, Workspace& space, int thread, int threads) const {
  const auto [r0, r1] = share(batch.rows, thread, threads);
  if (r0 == r1) return;
  const Data<T>& data = batch.data;
  const int64_t rows = r1 - r0, in = plan_.buffers[0], width = plan_.loss_width;
  const T* x = data.x + (batch.start + r0) * in;
  int64_t ldx = in;
  const T* y = data.y ? data.y + (batch.start + r0) * width : nullptr;
  const int32_t* labels = data.labels ? data.labels + batch.start + r0 : nullptr;
  if (data.order) {
    const int64_t* order = data.order + batch.start + r0;
    ldx = space.buffers[0].ld;
    T* to = space.buffers[0].value + r0 * ldx;
    k_.gather(rows, in, data.x, in, order, to, ldx);
    x = to;
    if (y) {
      k_.gather(rows, width, data.y, width, order, space.y.get() + r0 * width, width);
      y = space.y.get() + r0 * width;
    }
    if (labels) {
      for (int64_t r = 0; r < rows; ++r) space.labels.get()[r0 + r] = data.labels[order[r]];
      labels = space.labels.get() + r0;
    }
  }
  T* scale = space.scale.get() + r0;
  const double per_row = plan_.loss_weight / batch.weight_sum;
  for (int64_t r = 0; r < rows; ++r)
    scale[r] = data.weight ? T(double(data.weight[batch.row(batch.start + r0 + r)]) * per_row) : T(per_row);

  forward(x, ldx, space, r0, r1, true);

  const auto &at = space.buffers[plan_.loss_at], &to = space.buffers[plan_.gradient_at];
  const T* p = at.value + r0 * at.ld;
  T* dz = to.gradient + r0 * to.ld;
  double* loss = space.loss.get() + r0;
  const T clip = T(plan_.loss_clip);
  switch (plan_.loss) {
    case Loss::cross_entropy: k_.softmax_cross_entropy(rows, width, p, at.ld, labels, clip, scale, loss, dz, to.ld); break;
    case Loss::binary_cross_entropy:
      k_.logistic_cross_entropy(rows, width, p, at.ld, y, width, clip, scale, loss, dz, to.ld);
      break;
    case Loss::squared_error: k_.squared_error(rows, width, p, at.ld, y, width, scale, loss, dz, to.ld); break;
    case Loss::poisson: k_.poisson(rows, width, p, at.ld, y, width, scale, loss, dz, to.ld); break;
  }
  if (data.weight)
    for (int64_t r = 0; r < rows; ++r) loss[r] *= double(data.weight[batch.row(batch.start + r0 + r)]);

  backward(batch, space, r0, r1, space.scratch.get() + thread * space.scratch_size);
}

// Everything of a step that concerns weights: this thread's units; squares[unit] = sum of squares of the old kernel values.
template <class T>
void Engine<T>::weight_phase(const Batch& batch, const Workspace& space, const Step<T>* step, Weights<T> at, double* squares,
                             int thread, int threads) const {
  const int64_t total = units_.back().cost_before;
  const auto [begin, end] = share(total, thread, threads);
  const auto after = [](const Unit& u, int64_t cost) { return u.cost_before < cost; };
  const size_t first = std::lower_bound(units_.begin(), units_.end(), begin, after) - units_.begin();
  const size_t last = std::lower_bound(units_.begin(), units_.end(), end, after) - units_.begin();
  for (size_t u = first; u < last; ++u) {
    const Unit& unit = units_[u];
    const DenseLayer& layer = plan_.layers[unit.layer];
    const Node& node = *std::find_if(plan_.nodes.begin(), plan_.nodes.end(), [&](const Node& n) { return n.layer == unit.layer; });
    const auto &from = space.buffers[node.from], &to = space.buffers[node.to];
    const bool in_place = node.from == 0 && !batch.data.order;
    const T* x = in_place ? batch.data.x + batch.start * layer.in : from.value;
    const auto here = [&](T* p) { return p ? p + layer.offset : nullptr; };
    squares[u] = k_.dense_dw(batch.rows, layer.in, layer.out, unit.panel, unit.chunk, x, in_place ? layer.in : from.ld,
                             to.gradient, to.ld, step, {here(at.w), here(at.slot0), here(at.slot1)});
  }
}

template <class T>
Sums Engine<T>::train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates, int threads,
                      bool (*interrupted)()) {
  const int64_t batch_rows = std::min(batch_size, data.rows);
  make_slots(update.slots());
  threads = useful_threads(batch_rows, threads);
  Workspace space(plan_, k_, batch_rows, data.order != nullptr, true, threads);
  Memory<double> squares(int64_t(units_.size()));
  Sums sums;
  const Weights<T> at{weights_.get(), slots_[0].get(), slots_[1].get()};
  const int64_t first_step = step;

  run_team(threads, [&](int thread, int n, Barrier& barrier) {
    auto polled = std::chrono::steady_clock::now();
    int64_t t = first_step;
    for (int64_t start = 0, b = 0; start < data.rows; start += batch_size, ++b) {
      const Batch batch(data, start, std::min(batch_size, data.rows - start));
      if (!(batch.weight_sum > 0)) continue;  // nothing to learn from
      ++t;
      double rate = learning_rates ? learning_rates[b] : update.learning_rate;
      if (update.rule == Rule::adam)
        rate *= std::sqrt(1 - std::pow(update.beta_2, double(t))) / (1 - std::pow(update.beta_1, double(t)));
      const Step<T> s{.rule = update.rule, .nesterov = update.nesterov, .learning_rate = T(rate), .momentum = T(update.momentum),
                      .beta_1 = T(update.beta_1), .one_minus_beta_1 = T(1 - update.beta_1), .beta_2 = T(update.beta_2),
                      .one_minus_beta_2 = T(1 - update.beta_2),
                      .epsilon = std::max(T(update.epsilon), std::numeric_limits<T>::min()),
                      .l2 = T(update.l2 / batch.weight_sum)};

      row_phase(batch, space, thread, n);
      barrier.wait();
      if (thread == 0) {
        double loss = 0;
        for (int64_t r = 0; r < batch.rows; ++r) loss += space.loss.get()[r];
        sums.loss += plan_.loss_weight * loss / batch.weight_sum * double(batch.rows);
      }
      weight_phase(batch, space, &s, at, squares.get(), thread, n);
      if (thread == 0) {
        const auto now = std::chrono::steady_clock::now();
        if (std::chrono::duration<double>(now - polled).count() > kPollSeconds) {
          polled = now;
          sums.interrupted = interrupted();
        }
        step = t;
      }
      barrier.wait();
      if (thread == 0 && update.l2 != 0) {
        double total = 0;
        for (size_t u = 0; u + 1 < units_.size(); ++u) total += squares.get()[u];
        sums.penalty += 0.5 * update.l2 * total / batch.weight_sum * double(batch.rows);
      }
      if (sums.interrupted) return;
    }
  });
  return sums;
}

template <class T>
Sums Engine<T>::gradient(const Data<T>& data, double l2, int threads, T* gradient) {
  const Batch batch(data, 0, data.rows);
  threads = useful_threads(data.rows, threads);
  Workspace space(plan_, k_, data.rows, data.order != nullptr, true, threads);
  Memory<double> squares(int64_t(units_.size()));
  run_team(threads, [&](int thread, int n, Barrier& barrier) {
    row_phase(batch, space, thread, n);
    barrier.wait();
    weight_phase(batch, space, nullptr, {gradient, nullptr, nullptr}, squares.get(), thread, n);
  });
  Sums sums;
  for (int64_t r = 0; r < batch.rows; ++r) sums.loss += space.loss.get()[r];
  sums.loss *= plan_.loss_weight / batch.weight_sum;
  if (l2 == 0) return sums;
  const T decay = T(l2 / batch.weight_sum);
  double total = 0;
  for (const DenseLayer& layer : plan_.layers)
    for (int64_t p = 0; p < k_.panels(layer.out); ++p) {
      const int64_t start = layer.offset + p * k_.panel * (layer.in + 1);
      const int64_t n = layer.in * std::min(k_.panel, k_.padded(layer.out - p * k_.panel));
      const T* w = weights_.get() + start;
      double part = 0;
      for (int64_t i = 0; i < n; ++i) {
        part += double(w[i]) * double(w[i]);
        gradient[start + i] += decay * w[i];
      }
      total += part;
    }
  sums.penalty = 0.5 * l2 * total / batch.weight_sum;
  return sums;
}

template <class T>
void Engine<T>::predict(const T* x, int64_t rows, T* out, int threads) const {
  const int64_t in = plan_.buffers[0], width = plan_.buffers[plan_.output];
  threads = useful_threads(rows, threads);
  std::vector<Workspace> spaces;  // made before the team runs: memory that cannot be had is an error here
  const int64_t block = std::min(kPredictRows, (rows + threads - 1) / threads);
  for (int t = 0; t < threads; ++t) spaces.emplace_back(plan_, k_, block, false, false, 1);
  run_team(threads, [&](int thread, int n, Barrier&) {
    const Workspace& space = spaces[thread];
    const auto [begin, end] = share(rows, thread, n);
    for (int64_t r = begin; r < end; r += block) {
      const int64_t count = std::min(block, end - r);
      forward(x + r * in, in, space, 0, count, false);
      if (plan_.output == 0) {
        std::copy(x + r * in, x + (r + count) * in, out + r * width);
        continue;
      }
      const auto& from = space.buffers[plan_.output];
      for (int64_t i = 0; i < count; ++i) std::copy(from.value + i * from.ld, from.value + i * from.ld + width, out + (r + i) * width);
    }
  });
}

template class Engine<float>;
template class Engine<double>;

}  // namespace mlpcore
