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

// This thread's share of n things.
Range share(int64_t n, int thread, int threads) {
  const int64_t first = n * thread / threads;
  return {first, n * (thread + 1) / threads - first};
}

}  // namespace

// Activations and their gradients for one batch (or, per thread, for one block of predicted rows).
template <class T>
struct Engine<T>::Workspace {
  struct Buffer {
    Panels<T> value, gradient;
  };
  std::vector<Buffer> buffers;
  Memory<T> memory, scratch, y, scale;
  Memory<int32_t> labels;
  Memory<double> loss;
  int64_t scratch_size = 0;

  Workspace(const Plan& plan, const Kernels<T>& k, int64_t rows, bool gathers, bool training, int threads) {
    const auto has_value = [&](size_t b) { return b > 0 || gathers; };
    const auto has_gradient = [&](size_t b) { return b > 0 && training; };
    int64_t size = 0;
    for (size_t b = 0; b < plan.buffers.size(); ++b)
      size += (has_value(b) + has_gradient(b)) * k.size(rows, plan.buffers[b]);
    memory = Memory<T>(size);
    T* p = memory.get();
    const auto take = [&](bool wanted, int64_t width) {
      return Panels<T>{wanted ? std::exchange(p, p + k.size(rows, width)) : nullptr, rows, width};
    };
    for (size_t b = 0; b < plan.buffers.size(); ++b)
      buffers.push_back({take(has_value(b), plan.buffers[b]), take(has_gradient(b), plan.buffers[b])});
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

  Batch(const Data<T>& data, int64_t start, int64_t rows)
      : data(data), start(start), rows(rows), weight_sum(double(rows)) {
    if (!data.weight) return;
    weight_sum = 0;
    for (int64_t r = start; r < start + rows; ++r) weight_sum += weight(r);
  }
  // Of row r of the pass.
  double weight(int64_t r) const { return data.weight ? double(data.weight[data.order ? data.order[r] : r]) : 1; }
};

template <class T>
Engine<T>::Engine(const Tape& tape, const Kernels<T>& kernels)
    : plan_(link(tape, [&](int64_t in, int64_t out) { return kernels.size(in + 1, out); })), k_(kernels) {
  int64_t cost = 0;
  for (const DenseLayer& layer : plan_.layers) {
    const int l = int(&layer - plan_.layers.data());
    size_ = layer.offset + k_.size(layer.in + 1, layer.out);
    step_flops_per_row_ += layer.in * layer.out * (l > 0 ? 6 : 4);
    for (int64_t p = 0; p < k_.panels(layer.out); ++p)
      for (int64_t u = 0; u < k_.units(layer.in); ++u) {
        units_.push_back({l, p, u, cost});
        const int64_t rows = u + 1 < k_.units(layer.in) ? std::min(k_.panel, layer.in - u * k_.panel) : 1;
        cost += rows * std::min(k_.panel, k_.padded(layer.out - p * k_.panel));
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

template <class T>
Panels<T> Engine<T>::layer_weights(const DenseLayer& layer) const {
  return {weights_.get() + layer.offset, layer.in + 1, layer.out};
}

// The rows of every buffer in `range` from the input's.
template <class T>
void Engine<T>::forward(const Workspace& space, Rows<T> x, Range range) const {
  for (const Node& node : plan_.nodes) {
    const Panels<T> from = space.buffers[node.from].value, to = space.buffers[node.to].value;
    if (node.kind == OpKind::dense)
      k_.dense(range, node.from == 0 ? x : k_.by_rows(from), layer_weights(plan_.layers[node.layer]), node.relu, to);
    else k_.activation(node.activation, T(node.alpha), range, from, to);
  }
}

template <class T>
void Engine<T>::backward(const Workspace& space, Range range, T* scratch) const {
  for (size_t n = plan_.nodes.size(); n-- > 0;) {
    const Node& node = plan_.nodes[n];
    const auto &from = space.buffers[node.from], &to = space.buffers[node.to];
    if (node.kind == OpKind::activation) {
      if (node.in_loss || node.from == 0) continue;
      const Panels<T> at = derivative_needs_input(node.activation) ? from.value : to.value;
      k_.activation_dx(node.activation, T(node.alpha), range, at, to.gradient, from.gradient);
      continue;
    }
    if (node.relu && !node.relu_masked)
      k_.activation_dx(Activation::relu, T(0), range, to.value, to.gradient, to.gradient);
    if (node.needs_dx)
      k_.dense_dx(range, to.gradient, layer_weights(plan_.layers[node.layer]), node.masks_dx ? from.value.at : nullptr,
                  from.gradient, scratch);
  }
}

// The batch's input, as products read it: gathered, or the user's rows in place.
template <class T>
Rows<T> Engine<T>::input(const Batch& batch, const Workspace& space) const {
  const int64_t in = plan_.buffers[0];
  return space.buffers[0].value.at ? k_.by_rows(space.buffers[0].value)
                                   : k_.by_rows(batch.data.x + batch.start * in, in);
}

// Everything of a step that concerns rows: this thread's rows are gathered, passed forward, and their gradient back.
template <class T>
void Engine<T>::row_phase(const Batch& batch, Workspace& space, int thread, int threads) const {
  const Range range = share(batch.rows, thread, threads);
  if (range.rows == 0) return;
  const Data<T>& data = batch.data;
  const int64_t begin = batch.start + range.first, width = plan_.loss_width;
  const T* y = data.y ? data.y + begin * width : nullptr;
  const int32_t* labels = data.labels ? data.labels + begin : nullptr;
  const int64_t in = plan_.buffers[0];
  if (space.buffers[0].value.at)
    k_.gather(data.order ? data.x : data.x + begin * in, data.order ? data.order + begin : nullptr, range,
              space.buffers[0].value);
  if (data.order) {
    const int64_t* order = data.order + begin;
    if (y) {
      T* to = space.y.get() + range.first * width;
      for (int64_t r = 0; r < range.rows; ++r) std::copy_n(data.y + order[r] * width, width, to + r * width);
      y = to;
    } else {
      int32_t* to = space.labels.get() + range.first;
      for (int64_t r = 0; r < range.rows; ++r) to[r] = data.labels[order[r]];
      labels = to;
    }
  }
  T* scale = space.scale.get() + range.first;
  double* loss = space.loss.get() + range.first;
  const double per_row = plan_.loss_weight / batch.weight_sum;
  for (int64_t r = 0; r < range.rows; ++r) scale[r] = T(batch.weight(begin + r) * per_row);

  forward(space, input(batch, space), range);

  const Panels<T> p = space.buffers[plan_.loss_at].value, dz = space.buffers[plan_.gradient_at].gradient;
  const T clip = T(plan_.loss_clip);
  switch (plan_.loss) {
    case Loss::cross_entropy: k_.softmax_cross_entropy(range, p, labels, clip, scale, loss, dz); break;
    case Loss::binary_cross_entropy: k_.logistic_cross_entropy(range, p, y, clip, scale, loss, dz); break;
    case Loss::squared_error: k_.squared_error(range, p, y, clip, scale, loss, dz); break;
    case Loss::poisson: k_.poisson(range, p, y, clip, scale, loss, dz); break;
  }
  if (data.weight)
    for (int64_t r = 0; r < range.rows; ++r) loss[r] *= batch.weight(begin + r);

  backward(space, range, space.scratch.get() + thread * space.scratch_size);
}

// Everything of a step that concerns weights: this thread's units; squares[unit] = sum of squares of the old kernel values.
template <class T>
void Engine<T>::weight_phase(const Batch& batch, const Workspace& space, const Step<T>* step, Weights<T> at,
                             double* squares, int thread, int threads) const {
  const Range costs = share(units_.back().cost_before, thread, threads);
  const auto before = [&](int64_t cost) {  // units that begin before this much of the work
    return std::lower_bound(units_.begin(), units_.end(), cost,
                            [](const Unit& u, int64_t c) { return u.cost_before < c; }) -
           units_.begin();
  };
  for (auto u = before(costs.first); u < before(costs.first + costs.rows); ++u) {
    const Unit& unit = units_[u];
    const DenseLayer& layer = plan_.layers[unit.layer];
    const Node& node = plan_.nodes[layer.node];
    const auto here = [&](T* p) { return p ? p + layer.offset : nullptr; };
    squares[u] =
        k_.dense_dw(unit.panel, unit.unit, batch.rows,
                    node.from == 0 ? input(batch, space) : k_.by_rows(space.buffers[node.from].value), layer.in,
                    space.buffers[node.to].gradient, step, {here(at.w), here(at.slot0), here(at.slot1)});
  }
}

template <class T>
Sums Engine<T>::train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates,
                      int threads, bool (*interrupted)()) {
  const int64_t batch_rows = std::min(batch_size, data.rows);
  make_slots(update.slots());
  threads = useful_threads(batch_rows, threads);
  Workspace space(plan_, k_, batch_rows, data.order || !plan_.dense_first(), true, threads);
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
      const Step<T> s{.rule = update.rule,
                      .nesterov = update.nesterov,
                      .learning_rate = T(rate),
                      .momentum = T(update.momentum),
                      .beta_1 = T(update.beta_1),
                      .one_minus_beta_1 = T(1 - update.beta_1),
                      .beta_2 = T(update.beta_2),
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
  Workspace space(plan_, k_, data.rows, data.order || !plan_.dense_first(), true, threads);
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
  for (int t = 0; t < threads; ++t) spaces.emplace_back(plan_, k_, block, !plan_.dense_first(), false, 1);
  run_team(threads, [&](int thread, int n, Barrier&) {
    const Workspace& space = spaces[thread];
    const Range mine = share(rows, thread, n);
    for (int64_t r = mine.first; r < mine.first + mine.rows; r += block) {
      const Range range{0, std::min(block, mine.first + mine.rows - r)};
      if (space.buffers[0].value.at) k_.gather(x + r * in, nullptr, range, space.buffers[0].value);
      forward(space, k_.by_rows(x + r * in, in), range);
      k_.scatter(space.buffers[plan_.output].value, range, out + r * width);
    }
  });
}

template class Engine<float>;
template class Engine<double>;

}  // namespace mlpcore
