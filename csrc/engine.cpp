// The mini-batch loop: rows are shared out among the threads for gather, forward, loss and backward, then
// units of weights for gradient and update. Two barriers a step, no sum across threads, hence the same bits
// for any number of threads.
#include "engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "by_columns.h"

namespace mlpcore {

namespace {

constexpr double kPollSeconds = 0.05;
// A step of fewer flops runs on one thread: two barriers and the transfer of the activations cost more than they win.
constexpr double kFlopsPerThread = 2e6;
constexpr int64_t kPredictRows = 192;  // rows whose activations are in the cache at once
// The update of a weight takes as long as this many nonzeros; most weights of a sparse layer meet none in a batch.
constexpr int64_t kUpdateCost = 16;

// This thread's share of n things.
Range share(int64_t n, int thread, int threads) {
  const int64_t first = n * thread / threads;
  return {first, n * (thread + 1) / threads - first};
}

// The most nonzeros of a batch, 0 for dense rows.
template <class T>
int64_t most_nonzeros(const Data<T>& data, int64_t batch_size) {
  int64_t most = 0;
  for (int64_t start = 0; data.is_sparse() && start < data.rows; start += batch_size) {
    int64_t sum = 0;
    for (int64_t r = start; r < std::min(start + batch_size, data.rows); ++r) sum += data.sparse.length(data.row(r));
    most = std::max(most, sum);
  }
  return most;
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
  bool sparse = false, ordered = false;
  int asked_threads = 0, threads = 0;  // of a full batch
  ByColumns<T> columns;                // the batch's sparse rows
  std::vector<Unit> sparse_units;      // the work on weights for sparse rows, in order

  Workspace(const Plan& plan, const Kernels<T>& k, const Data<T>& data, int64_t rows, bool gathers, bool training,
            int threads) {
    const bool input_gradient = plan.nodes.empty() || plan.nodes[0].needs_dx;
    sparse = data.is_sparse();
    ordered = data.order != nullptr;
    const auto has_value = [&](size_t b) { return b > 0 || (gathers && !data.is_sparse()); };
    const auto has_gradient = [&](size_t b) { return training && (b > 0 || input_gradient); };
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
    y = Memory<T>(gathers ? rows * plan.target_width : 0);
    labels = Memory<int32_t>(gathers ? rows : 0);
    scale = Memory<T>(rows);
    loss = Memory<double>(rows);
  }

  // Whether a training space made for a full batch serves these dense rows too.
  bool fits(const Data<T>& data, int64_t rows, int threads) const {
    return !sparse && rows == buffers[0].value.rows && ordered == (data.order != nullptr) && threads == asked_threads;
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
  double weight(int64_t r) const { return data.weight ? double(data.weight[data.row(r)]) : 1; }
};

// What the first layer reads: rows of numbers, or the rows of a sparse matrix that `order` names (null: all in order).
template <class T>
struct Engine<T>::Input {
  Rows<T> rows;
  Sparse<T> sparse;
  const int64_t* order;
};

// Which masks the dropouts of a step take.
template <class T>
struct Engine<T>::Noise {
  uint64_t seed;
  int64_t step;
};

template <class T>
Engine<T>::Engine(const Tape& tape, const Kernels<T>& kernels) : k_(kernels) {
  const auto packed_size = [&](int64_t in, int64_t out) { return kernels.size(in + 1, out); };
  plan_ = link(tape, Fusions::all, packed_size);
  plain_ = link(tape, Fusions::none, packed_size);
  quantiles_.assign(plan_.loss.quantiles.begin(), plan_.loss.quantiles.end());
  for (const DenseLayer& layer : plan_.layers) {
    size_ = layer.offset + k_.size(layer.in + 1, layer.out);
    step_flops_per_row_ += layer.in * layer.out * (&layer == plan_.layers.data() ? 4 : 6);
  }
  weights_ = Memory<T>(size_);  // first: what cannot be had is an error before anything large is listed
  units_ = make_units(1, 1);
}

template <class T>
Engine<T>::~Engine() = default;

// The units of all layers, given what each weight of the first and of the others costs.
template <class T>
std::vector<Unit> Engine<T>::make_units(int64_t first_cost, int64_t other_cost) const {
  std::vector<Unit> units;
  int64_t cost = 0;
  for (const DenseLayer& layer : plan_.layers) {
    if (!layer.trainable) continue;
    const int l = int(&layer - plan_.layers.data());
    for (int64_t p = 0; p < k_.panels(layer.out); ++p)
      for (int64_t u = 0; u < k_.units(layer.in); ++u) {
        const bool kernel = u + 1 < k_.units(layer.in);
        const int64_t first = kernel ? u * k_.panel : layer.in;
        const int64_t rows = kernel ? std::min(k_.panel, layer.in - first) : 1;
        const int64_t width = std::min(k_.panel, k_.padded(layer.out - p * k_.panel));
        const int64_t offset = layer.offset + p * k_.panel * (layer.in + 1) + first * width;
        units.push_back({l, p, u, offset, rows * width, cost, kernel});
        cost += rows * width * (l == 0 ? first_cost : other_cost);
      }
  }
  units.push_back({-1, 0, 0, 0, 0, cost, false});  // the end
  return units;
}

template <class T>
const std::vector<Unit>& Engine<T>::units(const Workspace& space) const {
  return space.sparse_units.empty() ? units_ : space.sparse_units;
}

// Memory for batches of at most `rows`, and how many of the threads they are work for.
template <class T>
auto Engine<T>::training_space(const Data<T>& data, int64_t rows, int& threads) const -> Workspace {
  const int64_t nonzeros = most_nonzeros(data, rows), in = plan_.buffers[0];
  threads = useful_threads(data, rows, nonzeros + kUpdateCost * in, threads);
  Workspace space(plan_, k_, data, rows, data.order || !plan_.dense_first(), true, threads);
  if (data.is_sparse()) {
    space.columns = ByColumns<T>(nonzeros, in);
    space.sparse_units = make_units(nonzeros / in + kUpdateCost, rows + kUpdateCost);
  }
  return space;
}

template <class T>
void Engine<T>::make_slots(int count, T initial) {
  for (int s = 0; s < 2; ++s) {
    if (s >= count) slots_[s] = Memory<T>();
    else if (!slots_[s]) {
      slots_[s] = Memory<T>(size_);
      if (initial != 0) std::fill_n(slots_[s].get(), size_, initial);
    }
  }
}

template <class T>
int Engine<T>::useful_threads(const Data<T>& data, int64_t rows, int64_t nonzeros, int threads) const {
  double flops = double(step_flops_per_row_) * double(rows);
  if (data.is_sparse()) {
    const DenseLayer& first = plan_.layers[0];
    flops += 4.0 * double(first.out) * (double(nonzeros) - double(first.in) * double(rows));
  }
  return int(std::clamp(flops / kFlopsPerThread, 1.0, double(std::max(1, threads))));
}

template <class T>
Panels<T> Engine<T>::layer_weights(const DenseLayer& layer) const {
  return {weights_.get() + layer.offset, layer.in + 1, layer.out};
}

// The rows of every buffer in `range` from the input's. Dropouts pass everything on where there is no noise.
template <class T>
void Engine<T>::forward(const Plan& plan, const Workspace& space, const Input& x, Range range,
                        const Noise* noise) const {
  for (const Node& node : plan.nodes) {
    const Panels<T> from = space.buffers[node.from].value, to = space.buffers[node.to].value;
    if (node.kind == OpKind::dense && node.from == 0 && x.sparse.start)
      k_.sparse_dense(range, x.sparse, x.order, layer_weights(plan.layers[node.layer]), node.relu, to);
    else if (node.kind == OpKind::dense)
      k_.dense(range, node.from == 0 ? x.rows : k_.by_rows(from), layer_weights(plan.layers[node.layer]), node.relu,
               to);
    else if (node.kind == OpKind::dropout) drop(node, range, noise, from, to);
    else k_.activation(node.activation, T(node.alpha), range, from, to);
  }
}

// A dropout's way for values and gradients alike.
template <class T>
void Engine<T>::drop(const Node& node, Range range, const Noise* noise, Panels<T> from, Panels<T> to) const {
  if (noise && node.alpha > 0)
    k_.dropout({T(node.alpha), noise->seed, uint32_t(noise->step), uint32_t(node.op)}, range, from, to);
  else if (from.at != to.at) k_.activation(Activation::identity, T(0), range, from, to);
}

// The gradients of the buffers that the first `nodes` nodes read, from the last one's.
template <class T>
void Engine<T>::backward(const Plan& plan, int nodes, const Workspace& space, Range range, const Noise* noise,
                         T* scratch) const {
  for (int n = nodes - 1; n >= 0; --n) {
    const Node& node = plan.nodes[n];
    const auto &from = space.buffers[node.from], &to = space.buffers[node.to];
    if (node.kind == OpKind::dropout) {
      if (node.needs_dx) drop(node, range, noise, to.gradient, from.gradient);
      continue;
    }
    if (node.kind == OpKind::activation) {
      if (node.in_loss || !node.needs_dx) continue;
      const Panels<T> at = derivative_needs_input(node.activation) ? from.value : to.value;
      k_.activation_dx(node.activation, T(node.alpha), range, at, to.gradient, from.gradient);
      continue;
    }
    const DenseLayer& layer = plan.layers[node.layer];
    if (node.relu && !node.relu_masked && (node.needs_dx || layer.trainable))
      k_.activation_dx(Activation::relu, T(0), range, to.value, to.gradient, to.gradient);
    if (node.needs_dx)
      k_.dense_dx(range, to.gradient, layer_weights(layer), node.masks_dx ? from.value.at : nullptr, from.gradient,
                  scratch);
  }
}

// The input from row `start` of the pass on, as products read it: gathered, or the user's rows in place.
template <class T>
auto Engine<T>::input(const Data<T>& data, int64_t start, const Workspace& space) const -> Input {
  const int64_t in = plan_.buffers[0];
  if (data.is_sparse()) {
    const Sparse<T>& x = data.sparse;
    return {{}, {x.value, x.index, data.order ? x.start : x.start + start}, data.order ? data.order + start : nullptr};
  }
  return {space.buffers[0].value.at ? k_.by_rows(space.buffers[0].value) : k_.by_rows(data.x + start * in, in),
          {},
          nullptr};
}

template <class T>
LossSettings<T> Engine<T>::loss_settings() const {
  const LossOp& l = plan_.loss;
  return {.loss = l.loss,
          .paired = !plan_.nodes.empty() && plan_.nodes.back().in_loss,
          .clip = T(l.clip),
          .delta = T(l.delta),
          .gamma = T(l.gamma),
          .smoothing = T(l.smoothing),
          .alpha_1 = T(l.alpha_1),
          .alpha_0 = T(l.alpha_0),
          .quantiles = quantiles_.data(),
          .n_quantiles = std::max<int64_t>(1, int64_t(quantiles_.size()))};
}

// Everything of a step that concerns rows: this thread's rows are gathered, passed forward, and their gradient back.
template <class T>
void Engine<T>::row_phase(const Batch& batch, Workspace& space, const Noise* noise, int thread, int threads) const {
  const Data<T>& data = batch.data;
  const Input x = input(data, batch.start, space);
  if (data.is_sparse() && thread == 0) space.columns.fill(x.sparse, x.order, batch.rows);
  // Thread 0's share begins with the work of `fill`, counted in rows.
  const int64_t filling = data.is_sparse() ? batch.rows * 3 / 10 : 0;
  const Range work = share(filling + batch.rows, thread, threads);
  const int64_t first = std::max(work.first - filling, int64_t(0)), end = work.first + work.rows - filling;
  if (end <= first) return;
  const Range range{first, end - first};
  const int64_t begin = batch.start + range.first, width = plan_.target_width;
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
  const double per_row = plan_.loss.weight / batch.weight_sum;
  for (int64_t r = 0; r < range.rows; ++r) scale[r] = T(batch.weight(begin + r) * per_row);

  forward(plan_, space, x, range, noise);
  k_.loss(loss_settings(), range, space.buffers[plan_.loss_at].value, {y, labels}, scale, loss,
          space.buffers[plan_.gradient_at].gradient);
  if (data.weight)
    for (int64_t r = 0; r < range.rows; ++r) loss[r] *= batch.weight(begin + r);

  backward(plan_, int(plan_.nodes.size()), space, range, noise, space.scratch.get() + thread * space.scratch_size);
}

// f(unit, its number) for this thread's units.
template <class T>
template <class F>
void Engine<T>::each_unit(const Workspace& space, int thread, int threads, F f) const {
  const std::vector<Unit>& all = units(space);
  const Range costs = share(all.back().cost_before, thread, threads);
  const auto before = [&](int64_t cost) {  // units that begin before this much of the work
    return std::lower_bound(all.begin(), all.end(), cost, [](const Unit& u, int64_t c) { return u.cost_before < c; }) -
           all.begin();
  };
  for (auto u = before(costs.first); u < before(costs.first + costs.rows); ++u) f(all[u], size_t(u));
}

// Everything of a step that concerns weights: this thread's units take the step; with a `gradient` it is stored there
// instead, with the penalties. norms[unit]: of the old weights.
template <class T>
void Engine<T>::weight_phase(const Batch& batch, const Workspace& space, const Step<T>& step, Weights<T> at,
                             T* gradient, Norms* norms, int thread, int threads) const {
  const Input x = input(batch.data, batch.start, space);
  each_unit(space, thread, threads, [&](const Unit& unit, size_t u) {
    const DenseLayer& layer = plan_.layers[unit.layer];
    const Node& node = plan_.nodes[layer.node];
    const Weights<T> to = gradient ? Weights<T>{gradient, nullptr, nullptr} : at;
    const auto here = [&](T* p) { return p ? p + layer.offset : nullptr; };
    const Panels<T> dy = space.buffers[node.to].gradient;
    const Step<T>* applied = gradient ? nullptr : &step;
    const Weights<T> weights{here(to.w), here(to.slot0), here(to.slot1)};
    if (node.from == 0 && x.sparse.start)
      norms[u] = k_.sparse_dw(unit.panel, unit.unit, batch.rows, space.columns.get(), layer.in, dy, applied, weights);
    else
      norms[u] = k_.dense_dw(unit.panel, unit.unit, batch.rows,
                             node.from == 0 ? x.rows : k_.by_rows(space.buffers[node.from].value), layer.in, dy,
                             applied, weights);
    if (gradient) norms[u] = k_.penalise(step, unit.kernel, unit.size, at.w + unit.offset, gradient + unit.offset);
  });
}

namespace {

// In the order of the units, whatever threads made them.
Norms total(const Norms* norms, size_t units) {
  Norms sum{};
  for (size_t u = 0; u < units; ++u) {
    sum.squares += norms[u].squares;
    sum.magnitudes += norms[u].magnitudes;
    sum.gradient += norms[u].gradient;
  }
  return sum;
}

double penalty_value(const Norms& norms, double l1, double l2) {
  return l1 * norms.magnitudes + 0.5 * l2 * norms.squares;
}

}  // namespace

template <class T>
Sums Engine<T>::train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates,
                      int threads, bool (*interrupted)()) {
  const int64_t batch_rows = std::min(batch_size, data.rows);
  make_slots(update.slots(), T(update.initial_slot()));
  Workspace space = training_space(data, batch_rows, threads);
  const size_t units = units_.size() - 1;
  Memory<Norms> norms(int64_t(units) + 1);
  Memory<T> gradient(update.clip_norm > 0 ? size_ : 0);
  Sums sums;
  const Weights<T> at{weights_.get(), slots_[0].get(), slots_[1].get()};
  const int64_t first_step = step;

  run_team(threads, [&](int thread, int n, Barrier& barrier) {
    auto polled = std::chrono::steady_clock::now();
    int64_t t = first_step;
    for (int64_t start = 0, b = 0; start < data.rows; start += batch_size, ++b) {
      const Batch batch(data, start, std::min(batch_size, data.rows - start));
      if (batch.weight_sum == 0) continue;  // no mean to take
      const Noise noise{seed, ++t};
      const Step<T> s = update.step<T>(t, learning_rates ? learning_rates[b] : update.learning_rate, batch.weight_sum);

      row_phase(batch, space, &noise, thread, n);
      barrier.wait();
      if (thread == 0) {
        double loss = 0;
        for (int64_t r = 0; r < batch.rows; ++r) loss += space.loss.get()[r];
        sums.loss += plan_.loss.weight * loss / batch.weight_sum * double(batch.rows);
      }
      weight_phase(batch, space, s, at, gradient.get(), norms.get(), thread, n);
      if (gradient) {
        barrier.wait();
        const double norm = std::sqrt(total(norms.get(), units).gradient);
        const T scale = norm > update.clip_norm ? T(update.clip_norm / norm) : T(1);
        each_unit(space, thread, n, [&](const Unit& unit, size_t) {
          const auto here = [&](T* p) { return p ? p + unit.offset : nullptr; };
          k_.update(s, unit.kernel, scale, unit.size, gradient.get() + unit.offset,
                    {here(at.w), here(at.slot0), here(at.slot1)});
        });
      }
      if (thread == 0) {
        const auto now = std::chrono::steady_clock::now();
        if (std::chrono::duration<double>(now - polled).count() > kPollSeconds) {
          polled = now;
          sums.interrupted = interrupted();
        }
        step = t;
      }
      barrier.wait();
      if (thread == 0 && (update.l1 != 0 || update.l2 != 0))
        sums.penalty +=
            penalty_value(total(norms.get(), units), update.l1, update.l2) / batch.weight_sum * double(batch.rows);
      if (sums.interrupted) return;
    }
  });
  return sums;
}

template <class T>
Sums Engine<T>::gradient(const Data<T>& data, Penalty penalty, int threads, T* gradient) {
  const Batch batch(data, 0, data.rows);
  if (!full_batch_ || data.is_sparse() || !full_batch_->fits(data, data.rows, threads)) {
    full_batch_ = nullptr;
    const int asked = threads;
    full_batch_.reset(new Workspace(training_space(data, data.rows, threads)));
    full_batch_->asked_threads = asked;
    full_batch_->threads = threads;
  }
  Workspace& space = *full_batch_;
  threads = space.threads;
  const size_t units = units_.size() - 1;
  Memory<Norms> norms(int64_t(units) + 1);
  Update update;
  update.l1 = penalty.l1;
  update.l2 = penalty.l2;
  const Step<T> s = update.step<T>(1, 0, batch.weight_sum);
  run_team(threads, [&](int thread, int n, Barrier& barrier) {
    row_phase(batch, space, nullptr, thread, n);
    barrier.wait();
    weight_phase(batch, space, s, {weights_.get(), nullptr, nullptr}, gradient, norms.get(), thread, n);
  });
  Sums sums;
  for (int64_t r = 0; r < batch.rows; ++r) sums.loss += space.loss.get()[r];
  sums.loss *= plan_.loss.weight / batch.weight_sum;
  sums.penalty = penalty_value(total(norms.get(), units), penalty.l1, penalty.l2) / batch.weight_sum;
  return sums;
}

// f(space, thread, first row, range) for blocks of all rows, each passed forward without noise; the range is from the
// block's row 0.
template <class T>
template <class F>
void Engine<T>::each_block(const Plan& plan, bool gathers, bool gradients, const Data<T>& data, int threads,
                           F f) const {
  const int64_t rows = data.rows, in = plan.buffers[0];
  threads = useful_threads(data, rows, most_nonzeros(data, rows), threads);
  std::vector<Workspace> spaces;  // made before the team runs: memory that cannot be had is an error here
  const int64_t block = std::min(kPredictRows, (rows + threads - 1) / threads);
  for (int t = 0; t < threads; ++t) spaces.emplace_back(plan, k_, data, block, gathers, gradients, 1);
  run_team(threads, [&](int thread, int n, Barrier&) {
    Workspace& space = spaces[thread];
    const Range mine = share(rows, thread, n);
    for (int64_t r = mine.first; r < mine.first + mine.rows; r += block) {
      const Range range{0, std::min(block, mine.first + mine.rows - r)};
      if (gathers) k_.gather(data.x + r * in, nullptr, range, space.buffers[0].value);
      forward(plan, space, input(data, r, space), range, nullptr);
      f(space, thread, r, range);
    }
  });
}

template <class T>
double Engine<T>::evaluate(const Data<T>& data, int threads) const {
  Memory<double> loss(data.rows);
  each_block(
      plan_, !plan_.dense_first(), false, data, threads, [&](const Workspace& space, int, int64_t r, Range range) {
        const Targets<T> y{data.y ? data.y + r * plan_.target_width : nullptr, data.labels ? data.labels + r : nullptr};
        k_.loss(loss_settings(), range, space.buffers[plan_.loss_at].value, y, nullptr, loss.get() + r, {});
      });
  const Batch batch(data, 0, data.rows);
  double sum = 0;
  for (int64_t r = 0; r < data.rows; ++r) sum += batch.weight(r) * loss.get()[r];
  return plan_.loss.weight * sum / batch.weight_sum;
}

template <class T>
void Engine<T>::predict(const Data<T>& data, T* out, int threads) const {
  const int64_t width = plan_.buffers[plan_.output];
  each_block(plan_, !plan_.dense_first(), false, data, threads,
             [&](const Workspace& space, int, int64_t r, Range range) {
               k_.scatter(space.buffers[plan_.output].value, range, out + r * width);
             });
}

template <class T>
void Engine<T>::activations(const Data<T>& data, T* const* out, int threads) const {
  each_block(plain_, true, false, data, threads, [&](const Workspace& space, int, int64_t r, Range range) {
    for (size_t v = 0; v < plain_.buffers.size(); ++v)
      if (out[v]) k_.scatter(space.buffers[v].value, range, out[v] + r * plain_.buffers[v]);
  });
}

template <class T>
void Engine<T>::input_gradient(const Data<T>& data, const T* cotangent, T* dx, int threads) const {
  const int64_t in = plain_.buffers[0], width = plain_.buffers[plain_.output];
  threads = useful_threads(data, data.rows, most_nonzeros(data, data.rows), threads);
  const int64_t each = cotangent ? 0 : kPredictRows * (width + in);
  Memory<T> row_major(each * threads);
  const auto gradient = [&](const Workspace& space, int thread, int64_t r, Range range) {
    const Panels<T> dy = space.buffers[plain_.output].gradient;
    const auto back = [&](const T* cotangents) {
      k_.gather(cotangents, nullptr, range, dy);
      backward(plain_, plain_.output, space, range, nullptr, space.scratch.get());
    };
    if (cotangent) {
      back(cotangent + r * width);
      return k_.scatter(space.buffers[0].gradient, range, dx + r * in);
    }
    T *unit = row_major.get() + thread * each, *one = unit + range.rows * width;
    for (int64_t j = 0; j < width; ++j) {
      std::fill_n(unit, range.rows * width, T(0));
      for (int64_t i = 0; i < range.rows; ++i) unit[i * width + j] = 1;
      back(unit);
      k_.scatter(space.buffers[0].gradient, range, one);
      for (int64_t i = 0; i < range.rows; ++i) std::copy_n(one + i * in, in, dx + ((r + i) * width + j) * in);
    }
  };
  each_block(plain_, !plain_.dense_first(), true, data, threads, gradient);
}

template class Engine<float>;
template class Engine<double>;

}  // namespace mlpcore
