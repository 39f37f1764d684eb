// The mini-batch loop: rows are shared out among the threads for gather, forward, loss and backward, then
// units of weights for gradient and update. Two barriers a step, no sum across threads, hence the same bits
// for any number of threads. What works on a single row, or sums over the batch, is one thread's, between two more.
#include "engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

namespace mlpcore {

namespace {

constexpr double kPollSeconds = 0.05;
// A step of fewer flops runs on one thread: two barriers and the transfer of the activations cost more than they win.
constexpr double kFlopsPerThread = 2e6;
constexpr int64_t kBlockRows = 192;  // rows whose activations are in the cache at once
// The update of a weight takes as long as this many nonzeros; most weights of a sparse layer meet none in a batch.
constexpr int64_t kUpdateCost = 16;
constexpr int64_t kPlainUnit = 2048;  // elements of a parameter that is not of a dense layer

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

// The rows of one step.
template <class T>
struct Engine<T>::Batch {
  const Data<T>& data;
  int64_t start, rows;
  std::vector<double> sums;  // S of each array of sample weights
  double weight_sum;         // S of the first loss

  Batch(const Plan& plan, const Data<T>& data, int64_t start, int64_t rows) : data(data), start(start), rows(rows) {
    for (int j = 0; j < plan.sample_weights; ++j) {
      sums.push_back(0);
      for (int64_t r = start; r < start + rows; ++r) sums[j] += weight(j, r);
    }
    weight_sum = plan.losses.empty() ? double(rows) : divisor(plan.losses[0].op.sample_weight);
  }
  // Of row r of the pass.
  double weight(int j, int64_t r) const {
    const T* array = data.weight_array(j);
    return array ? double(array[data.row(r)]) : 1;
  }
  double divisor(int j) const { return data.by_rows || j < 0 ? double(rows) : sums[j]; }
};

template <class T>
Engine<T>::Engine(const Tape& tape, const Kernels<T>& kernels) : Engine(tape, nullptr, kernels) {}

template <class T>
Engine<T>::Engine(const Tape& tape, std::shared_ptr<Parameters<T>> shared, const Kernels<T>& kernels)
    : tape_(tape), plan_(link(tape, Fusions::all, kernels)), k_(kernels),
      parameters_(shared ? std::move(shared) : std::make_shared<Parameters<T>>(tape.parameters, plan_)),
      passes_(plan_, k_, parameters_->weights.get()) {
  const std::vector<Declaration>& have = parameters_->declared;
  if (!std::equal(have.begin(), have.end(), tape.parameters.begin(), tape.parameters.end(),
                  [](const Declaration& a, const Declaration& b) { return a.same_memory(b); }))
    throw std::invalid_argument("the tape declares other parameters than the engine whose parameters it is to share");
  for (const PlannedLoss& loss : plan_.losses) {
    const std::vector<double>& q = loss.op.quantiles;
    quantiles_.emplace_back(q.begin(), q.end());
  }
  for (const Node& node : plan_.nodes) {
    if (node.kind != OpKind::dense || node.move != Move::none) continue;
    const Layer& layer = plan_.layers[node.layer];
    const double flops = 2.0 * double(layer.in) * double(layer.out) * double(plan_.buffers[node.to].groups);
    step_flops_per_row_ += flops * (node.wants[0] ? 3 : 2);
  }
  if (plan_.chain) {
    Tape alone = tape;
    alone.losses.clear();
    plain_ = std::make_unique<Plan>(link(alone, Fusions::none, kernels));
  }
  for (const Layer& layer : plan_.layers) all_fused_ = all_fused_ && (!layer.learns() || layer.is_fused());
  units_ = units_of(1, 1);
}

template <class T>
Engine<T>::~Engine() = default;

template <class T>
const Plan& Engine<T>::plain() const {
  if (!plan_.chain) throw std::invalid_argument("only a chain of layers, from one input to one output, has this");
  return *plain_;
}

// The units of all layers, given what each weight of the first and of the others costs.
template <class T>
std::vector<Unit> Engine<T>::units_of(int64_t first_cost, int64_t other_cost) const {
  std::vector<Unit> units;
  int64_t cost = 0;
  for (const Layer& layer : plan_.layers) {
    if (!layer.learns()) continue;
    const int l = int(&layer - plan_.layers.data());
    if (!layer.is_dense()) {
      for (int64_t first = 0; first < layer.size; first += kPlainUnit) {
        const int64_t size = std::min(kPlainUnit, layer.size - first);
        units.push_back({l, 0, 0, layer.offset + first, size, cost, false});
        cost += size * other_cost;
      }
      continue;
    }
    for (int64_t p = 0; p < k_.panels(layer.out); ++p)
      for (int64_t u = 0; u < k_.units(layer.in); ++u) {
        const bool kernel = u + 1 < k_.units(layer.in);
        if (!kernel && !layer.declared.bias) continue;
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
const std::vector<Unit>& Engine<T>::units(const Space<T>& space) const {
  return space.sparse_units.empty() ? units_ : space.sparse_units;
}

// Memory for batches of at most `rows`, and how many of the threads they are work for.
template <class T>
Space<T>& Engine<T>::training_space(const Data<T>& data, int64_t rows, int& threads) {
  const int64_t nonzeros = most_nonzeros(data, rows), in = plan_.inputs.empty() ? 1 : plan_.input_width();
  threads = useful_threads(data, rows, nonzeros + kUpdateCost * in, threads);
  const bool gathers = data.order || !plan_.dense_first();
  if (kept_ && !data.is_sparse() && kept_->sparse_units.empty() && kept_->gathers == gathers &&
      kept_->ordered == (data.order != nullptr) && kept_->threads == threads && rows <= kept_->capacity &&
      kept_->capacity <= 2 * rows + 64)
    return *kept_;
  kept_ = nullptr;
  kept_.reset(new Space<T>(plan_, k_, data, rows, gathers, true, threads));
  if (data.is_sparse()) {
    kept_->columns = ByColumns<T>(nonzeros, in);
    kept_->sparse_units = units_of(nonzeros / in + kUpdateCost, rows + kUpdateCost);
  }
  return *kept_;
}

template <class T>
int Engine<T>::useful_threads(const Data<T>& data, int64_t rows, int64_t nonzeros, int threads) const {
  double flops = step_flops_per_row_ * double(rows);
  if (data.is_sparse()) {
    const Layer& first = plan_.layers[0];
    flops += 4.0 * double(first.out) * (double(nonzeros) - double(first.in) * double(rows));
  }
  return int(std::clamp(flops / kFlopsPerThread, 1.0, double(std::max(1, threads))));
}

// The inputs from row `start` of the pass on, as products read them: gathered, or the user's rows in place.
template <class T>
Input<T> Engine<T>::input(const Plan& plan, const Data<T>& data, int64_t start, const Space<T>& space) const {
  if (data.is_sparse()) {
    const Sparse<T>& x = data.sparse;
    return {{}, {x.value, x.index, data.order ? x.start : x.start + start}, data.order ? data.order + start : nullptr};
  }
  Input<T> input;
  for (size_t i = 0; i < plan.inputs.size(); ++i)
    input.x.push_back(space.buffers[plan.inputs[i]].value.at ? nullptr : data.x[i] + start * plan.input_width(int(i)));
  return input;
}

// The inputs' rows into their buffers, where they have memory.
template <class T>
void Engine<T>::gather(const Plan& plan, const Data<T>& data, int64_t start, Range range, const Space<T>& space) const {
  const int64_t begin = start + range.first;
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    const Panels<T> to = space.buffers[plan.inputs[i]].value;
    const int64_t width = plan.input_width(int(i));
    if (!to.at) continue;
    if (plan.buffers[plan.inputs[i]].layout == Layout::panels) {
      k_.gather(data.order ? data.x[i] : data.x[i] + begin * width, data.order ? data.order + begin : nullptr, range, to);
      continue;
    }
    for (int64_t r = 0; r < range.rows; ++r)
      std::memcpy(to.at + (range.first + r) * width, data.x[i] + data.row(begin + r) * width, size_t(width) * sizeof(T));
  }
}

// The targets that ops read, as numbers.
template <class T>
void Engine<T>::read_targets(const Data<T>& data, int64_t start, Range range, const Space<T>& space) const {
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
typename Data<T>::Target Engine<T>::target(const Batch& batch, const Space<T>& space, int64_t first, int index) const {
  const auto& from = batch.data.targets[index];
  const int64_t width = std::max<int64_t>(1, plan_.target_widths[index]), begin = batch.start + first;
  if (!batch.data.order) return {from.y ? from.y + begin * width : nullptr, from.classes ? from.classes + begin : nullptr};
  const auto& to = space.targets[index];
  return {from.y ? to.y.get() + first * width : nullptr, from.classes ? to.classes.get() + first : nullptr};
}

// run(node, its rows) for all nodes, forward or back. Threads meet where nodes on the batch and whole ones, which are
// thread 0's, follow each other; without a barrier one thread does all.
template <class T>
template <class Run>
void Engine<T>::run_nodes(bool back, const Plan& plan, Range range, int64_t rows, int thread, int threads,
                          Barrier* barrier, Run run) const {
  const auto n = int(plan.nodes.size());
  bool was_whole = false;
  for (int i = 0; i < n; ++i) {
    const Node& node = plan.nodes[back ? n - 1 - i : i];
    const bool whole = back ? node.whole_back : node.whole;
    if (whole != was_whole && threads > 1) barrier->wait();
    was_whole = whole;
    if (!whole) run(node, range);
    else if (thread == 0) run(node, Range{0, rows});
  }
  if (was_whole && threads > 1) barrier->wait();
}

// Everything of a step that concerns rows: this thread's rows are gathered, passed forward, and their gradient back.
template <class T>
void Engine<T>::row_phase(const Batch& batch, Space<T>& space, const Input<T>& x, const Noise* noise, int thread,
                          int threads, Barrier& barrier) const {
  const Data<T>& data = batch.data;
  if (data.is_sparse() && thread == 0) space.columns.fill(x.sparse, x.order, batch.rows);
  // Thread 0's share begins with the work of `fill`, counted in rows.
  const int64_t filling = data.is_sparse() ? batch.rows * 3 / 10 : 0;
  const Range work = share(filling + batch.rows, thread, threads);
  const int64_t first = std::max(work.first - filling, int64_t(0)), end = work.first + work.rows - filling;
  const Range range{first, std::max<int64_t>(0, end - first)};
  const int64_t begin = batch.start + range.first;
  gather(plan_, data, batch.start, range, space);
  read_targets(data, batch.start, range, space);
  if (data.order) {
    const int64_t* order = data.order + begin;
    for (const PlannedLoss& loss : plan_.losses) {
      if (loss.op.form != LossOp::Form::kernel) continue;
      const auto& from = data.targets[loss.op.target];
      const auto& to = space.targets[loss.op.target];
      const int64_t width = loss.target_width;
      if (from.y && !from.classes)
        for (int64_t r = 0; r < range.rows; ++r) std::copy_n(from.y + order[r] * width, width, to.y.get() + (range.first + r) * width);
      else
        for (int64_t r = 0; r < range.rows; ++r) to.classes.get()[range.first + r] = from.classes[order[r]];
    }
  }
  passes_.zero_gradients(space, range, thread == 0);
  run_nodes(false, plan_, range, batch.rows, thread, threads, &barrier,
            [&](const Node& node, Range rows) { passes_.forward(node, space, x, rows, noise); });
  for (size_t l = 0; l < plan_.losses.size(); ++l) {
    const PlannedLoss& loss = plan_.losses[l];
    const bool scalar = loss.op.form == LossOp::Form::scalar;
    if (scalar && thread > 0) continue;
    const int j = loss.op.sample_weight;
    const int64_t at = scalar ? 0 : range.first, n = scalar ? 1 : range.rows;
    T* scale = space.losses[l].scale.get() + at;
    double* value = space.losses[l].loss.get() + at;
    const double per_row = scalar ? loss.op.weight : loss.op.weight / batch.divisor(j);
    const bool weighted = !scalar && data.weight_array(j);
    for (int64_t r = 0; r < n; ++r) scale[r] = T((weighted ? batch.weight(j, begin + r) : 1) * per_row);
    const auto y = loss.op.form == LossOp::Form::kernel ? target(batch, space, range.first, loss.op.target) : typename Data<T>::Target{};
    passes_.loss(loss, space, scalar ? Range{0, 1} : range, {y.y, y.classes, scale, value}, quantiles_[l].data());
    if (weighted)
      for (int64_t r = 0; r < n; ++r) value[r] *= batch.weight(j, begin + r);
  }
  T* scratch = space.scratch.get() + thread * space.scratch_size;
  run_nodes(true, plan_, range, batch.rows, thread, threads, &barrier,
            [&](const Node& node, Range rows) { passes_.backward(node, space, rows, noise, scratch); });
}

// f(unit, its number) for this thread's units.
template <class T>
template <class F>
void Engine<T>::each_unit(const Space<T>& space, int thread, int threads, F f) const {
  const std::vector<Unit>& all = units(space);
  const Range costs = share(all.back().cost_before, thread, threads);
  const auto before = [&](int64_t cost) {  // units that begin before this much of the work
    return std::lower_bound(all.begin(), all.end(), cost, [](const Unit& u, int64_t c) { return u.cost_before < c; }) -
           all.begin();
  };
  for (auto u = before(costs.first); u < before(costs.first + costs.rows); ++u) f(all[u], size_t(u));
}

// One product's part in the gradient of a unit: with a step applied at once, else stored in to.w.
template <class T>
Norms Engine<T>::product(const Batch& batch, const Space<T>& space, const Input<T>& x, const Unit& unit, int use,
                         const Step<T>* step, Weights<T> to) const {
  const Layer& layer = plan_.layers[unit.layer];
  const Node& node = plan_.nodes[use];
  const auto here = [&](T* p) { return p ? p + layer.offset : nullptr; };
  const Weights<T> at{here(to.w), here(to.slot0), here(to.slot1), here(to.slot2)};
  const Panels<T> dy = space.buffers[node.to].gradient;
  if (x.sparse.start && node.from() == plan_.inputs[0])
    return k_.sparse_dw(unit.panel, unit.unit, batch.rows, space.columns.get(), layer.in, dy, step, at);
  const bool is_plain = plan_.buffers[node.from()].layout == Layout::plain;
  const Rows<T> rows = is_plain ? k_.by_rows(space.buffers[node.from()].value.at, layer.in) : passes_.product_rows(space, x, node.from());
  return k_.dense_dw(unit.panel, unit.unit, plan_.buffers[node.to].rows(batch.rows), rows, layer.in, dy, step, at);
}

// The whole gradient of a unit's weights, stored in `gradient`, packed as the weights; `extra` is as large.
template <class T>
void Engine<T>::collect(const Batch& batch, const Space<T>& space, const Input<T>& x, const Unit& unit, T* gradient,
                        T* extra) const {
  const Layer& layer = plan_.layers[unit.layer];
  T* to = gradient + unit.offset;
  if (!layer.is_dense()) {
    const int64_t first = unit.offset - layer.offset, n = std::min(unit.size, layer.in - first);
    std::copy_n(space.buffers[layer.read[0]].gradient.at + first, n, to);
    std::fill(to + n, to + unit.size, T(0));
    return;
  }
  if (layer.uses.empty()) std::fill_n(to, unit.size, T(0));
  for (size_t i = 0; i < layer.uses.size(); ++i) {
    product(batch, space, x, unit, layer.uses[i], nullptr, {i == 0 ? gradient : extra, nullptr, nullptr});
    if (i > 0) k_.axpy(T(1), extra + unit.offset, to, unit.size);
  }
  const int b = layer.read[unit.kernel ? 0 : 1];
  if (b < 0) return;
  // Row r of the unit is columns p * panel ... of row r of the plain gradient.
  const int64_t column = unit.panel * k_.panel, width = std::min(k_.panel, k_.padded(layer.out - column));
  const int64_t n = std::min(width, layer.out - column), first = unit.kernel ? unit.unit * k_.panel : 0;
  const T* from = space.buffers[b].gradient.at + first * layer.out + column;
  k_.copy_columns(unit.size / width, n, from, layer.out, to, width, true);
}

// The step for a unit, with the penalties of its layer.
template <class T>
Step<T> Engine<T>::step_of(const Step<T>& step, const Unit& unit) const {
  const Layer& layer = plan_.layers[unit.layer];
  Step<T> own = step;
  own.l1 += T(layer.l1);
  own.l2 += T(2 * layer.l2);
  return own;
}

// The penalties' value: l1 and l2 (as 0.5 l2 w^2) over `divisor`, and those of the layers.
template <class T>
double Engine<T>::penalty_of(const Norms* norms, const std::vector<Unit>& units, double l1, double l2,
                             double divisor) const {
  double squares = 0, magnitudes = 0, own = 0;
  for (size_t u = 0; u + 1 < units.size(); ++u) {
    const Layer& layer = plan_.layers[units[u].layer];
    squares += norms[u].squares;
    magnitudes += norms[u].magnitudes;
    own += layer.l1 * norms[u].magnitudes + layer.l2 * norms[u].squares;
  }
  return (l1 * magnitudes + 0.5 * l2 * squares) / divisor + own;
}

// The losses' and totals' sums of a batch, in the order of its rows.
template <class T>
void Engine<T>::add_totals(const Batch& batch, const Space<T>& space, Sums& sums) const {
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
      loss = loss / batch.divisor(op.sample_weight) * double(batch.rows);
    }
    sums.losses[l] += op.weight * loss;
    sums.loss += op.weight * loss;
  }
  for (size_t t = 0; t < totals; ++t) {
    const int64_t width = plan_.buffers[plan_.totals[t]].width;
    const T* value = space.buffers[plan_.totals[t]].value.at;
    sums.totals[t].resize(width);
    const int j = tape_.totals[t].sample_weight;
    for (int64_t r = 0; r < batch.rows; ++r) {
      const double w = j >= 0 ? batch.weight(j, batch.start + r) : 1;
      for (int64_t c = 0; c < width; ++c) sums.totals[t][c] += w * double(value[r * width + c]);
    }
    sums.total_weights[t] += j >= 0 ? batch.sums[j] : double(batch.rows);
  }
}

template <class T>
void Engine<T>::assign(const Space<T>& space) {
  for (const auto& [layer, buffer] : plan_.assignments)
    std::copy_n(space.buffers[buffer].value.at, plan_.layers[layer].in, parameters_->weights.get() + plan_.layers[layer].offset);
}

template <class T>
Sums Engine<T>::train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates,
                      int threads, bool (*interrupted)()) {
  const int64_t batch_rows = std::min(batch_size, data.rows), size = parameters_->size;
  Parameters<T>& p = *parameters_;
  const int averages = update.rule_slots();
  const bool new_average = update.average_momentum > 0 && !p.slots[averages];
  p.make_slots(update.slots(), update.has_accumulator() ? T(update.initial_accumulator) : T(0));
  if (new_average) std::copy_n(p.weights.get(), size, p.slots[averages].get());
  T* average = update.average_momentum > 0 ? p.slots[averages].get() : nullptr;
  Space<T>& space = training_space(data, batch_rows, threads);
  const size_t n_units = units(space).size() - 1;
  Memory<Norms> norms(int64_t(n_units) + 1);
  const bool clips = update.clip_norm > 0 || update.clip_norm_each > 0;
  Memory<T> gradient(clips || !all_fused_ ? size : 0), extra(all_fused_ ? 0 : size);
  bool penalised = update.l1 != 0 || update.l2 != 0;
  for (const Layer& layer : plan_.layers) penalised = penalised || layer.l1 != 0 || layer.l2 != 0;
  Sums sums;
  const Weights<T> all{p.weights.get(), averages > 0 ? p.slots[0].get() : nullptr,
                       averages > 1 ? p.slots[1].get() : nullptr, averages > 2 ? p.slots[2].get() : nullptr};
  const int64_t first_step = p.step;
  const auto own = [&](const Unit& unit) {
    const auto here = [&](T* at) { return at ? at + unit.offset : nullptr; };
    return Weights<T>{here(all.w), here(all.slot0), here(all.slot1), here(all.slot2)};
  };
  const auto follow = [&](const Unit& unit, int64_t t) {  // the moving average
    if (!average) return;
    T *a = average + unit.offset, *w = all.w + unit.offset;
    const T keep = T(update.average_momentum), take = T(1 - update.average_momentum);
    for (int64_t i = 0; i < unit.size; ++i) a[i] = keep * a[i] + take * w[i];
    if (update.average_every > 0 && t % update.average_every == 0) std::copy_n(a, unit.size, w);
  };

  run_team(threads, [&](int thread, int n, Barrier& barrier) {
    auto polled = std::chrono::steady_clock::now();
    int64_t t = first_step;
    for (int64_t start = 0, b = 0; start < data.rows; start += batch_size, ++b) {
      const Batch batch(plan_, data, start, std::min(batch_size, data.rows - start));
      if (batch.weight_sum == 0) continue;  // no mean to take
      const Noise noise{p.seed, ++t};
      const Step<T> step =
          update.step<T>(t, learning_rates ? learning_rates[b] : update.learning_rate, data.by_rows ? 1 : batch.weight_sum);

      const Input<T> x = input(plan_, data, start, space);
      row_phase(batch, space, x, &noise, thread, n, barrier);
      barrier.wait();
      if (thread == 0) add_totals(batch, space, sums);
      each_unit(space, thread, n, [&](const Unit& unit, size_t u) {
        const Layer& layer = plan_.layers[unit.layer];
        const Step<T> s = step_of(step, unit);
        if (!clips && layer.is_fused()) {
          norms.get()[u] = product(batch, space, x, unit, layer.uses[0], &s, all);
          return follow(unit, t);
        }
        collect(batch, space, x, unit, gradient.get(), extra.get());
        T* g = gradient.get() + unit.offset;
        norms.get()[u] = k_.penalise(s, unit.kernel, unit.size, all.w + unit.offset, g);
        if (clips) return;
        k_.update(s, unit.kernel, T(1), unit.size, g, own(unit));
        follow(unit, t);
      });
      if (clips) {
        barrier.wait();
        const std::vector<Unit>& every = units(space);
        double squares = 0;
        for (size_t u = 0; u < n_units; ++u) squares += norms.get()[u].gradient;
        const auto scale_of = [](double clip, double norm) { return clip > 0 && norm > clip ? clip / norm : 1.0; };
        const double together = scale_of(update.clip_norm, std::sqrt(squares));
        each_unit(space, thread, n, [&](const Unit& unit, size_t) {
          double scale = together;
          if (update.clip_norm_each > 0) {  // over the units of the same array
            double its = 0;
            for (size_t u = 0; u < n_units; ++u)
              if (every[u].layer == unit.layer && every[u].kernel == unit.kernel) its += norms.get()[u].gradient;
            scale = scale_of(update.clip_norm_each, std::sqrt(its));
          }
          k_.update(step_of(step, unit), unit.kernel, T(scale), unit.size, gradient.get() + unit.offset, own(unit));
          follow(unit, t);
        });
      }
      if (thread == 0) {
        const auto now = std::chrono::steady_clock::now();
        if (std::chrono::duration<double>(now - polled).count() > kPollSeconds) {
          polled = now;
          sums.interrupted = interrupted();
        }
        assign(space);
        p.step = t;
      }
      barrier.wait();
      if (thread == 0 && penalised)
        sums.penalty += penalty_of(norms.get(), units(space), update.l1, update.l2, data.by_rows ? 1 : batch.weight_sum) * double(batch.rows);
      if (sums.interrupted) return;
    }
  });
  return sums;
}

template <class T>
Sums Engine<T>::gradient(const Data<T>& data, Penalty penalty, int threads, T* gradient) {
  const Batch batch(plan_, data, 0, data.rows);
  Space<T>& space = training_space(data, data.rows, threads);
  const size_t n_units = units(space).size() - 1;
  Memory<Norms> norms(int64_t(n_units) + 1);
  Memory<T> extra(all_fused_ ? 0 : parameters_->size);
  Update update;
  update.l1 = penalty.l1;
  update.l2 = penalty.l2;
  const double divisor = data.by_rows ? 1 : batch.weight_sum;
  const Step<T> step = update.step<T>(1, 0, divisor);
  std::fill_n(gradient, parameters_->size, T(0));
  run_team(threads, [&](int thread, int n, Barrier& barrier) {
    const Input<T> x = input(plan_, data, 0, space);
    row_phase(batch, space, x, nullptr, thread, n, barrier);
    barrier.wait();
    each_unit(space, thread, n, [&](const Unit& unit, size_t u) {
      collect(batch, space, x, unit, gradient, extra.get());
      norms.get()[u] = k_.penalise(step_of(step, unit), unit.kernel, unit.size, parameters_->weights.get() + unit.offset, gradient + unit.offset);
    });
  });
  Sums sums;
  add_totals(batch, space, sums);
  sums.loss /= double(batch.rows);
  sums.penalty = penalty_of(norms.get(), units(space), penalty.l1, penalty.l2, divisor);
  return sums;
}

// f(space, thread, block, first row, range) for blocks of all rows, each passed forward; the range is from the block's
// row 0. `fixed`: the blocks do not depend on the number of threads.
template <class T>
template <class F>
void Engine<T>::each_block(const Plan& plan, bool gathers, bool gradients, bool fixed, const Data<T>& data,
                           int64_t batch_size, const Noise* noise, int threads, F f) const {
  const int64_t rows = data.rows;
  threads = useful_threads(data, rows, most_nonzeros(data, rows), threads);
  const bool batchwise = plan.batchwise || (noise && batch_size > 0);
  int64_t block = std::min(kBlockRows, (rows + threads - 1) / threads);
  if (fixed) block = kBlockRows;
  if (batchwise) block = batch_size > 0 ? std::min(batch_size, rows) : rows;
  fixed = fixed || batchwise;
  block = std::max<int64_t>(block, 1);
  const int64_t blocks = (rows + block - 1) / block;
  if (fixed) threads = int(std::clamp<int64_t>(blocks, 1, threads));
  std::vector<Space<T>> spaces;  // made before the team runs: memory that cannot be had is an error here
  for (int t = 0; t < threads; ++t) spaces.emplace_back(plan, k_, data, std::min(block, rows), gathers, gradients, 1);
  const Passes<T> passes(plan, k_, parameters_->weights.get());
  run_team(threads, [&](int thread, int n, Barrier&) {
    Space<T>& space = spaces[thread];
    Range mine = share(fixed ? blocks : rows, thread, n);
    if (fixed) mine = {mine.first * block, std::min(mine.rows * block, rows - mine.first * block)};
    for (int64_t r = mine.first; r < mine.first + mine.rows; r += block) {
      const Range range{0, std::min(block, mine.first + mine.rows - r)};
      f(space, thread, r, range, passes);
    }
  });
}

template <class T>
Sums Engine<T>::evaluate(const Data<T>& data, int64_t batch_size, int threads) const {
  const int64_t block = plan_.batchwise ? (batch_size > 0 ? batch_size : data.rows) : kBlockRows;
  std::vector<Sums> parts(size_t((data.rows + block - 1) / std::max<int64_t>(1, block)));
  // Divided by their own rows only: the weights' sum is over all batches where it is asked for.
  each_block(plan_, !plan_.dense_first(), false, true, data, batch_size, nullptr, threads,
             [&](Space<T>& space, int, int64_t r, Range range, const Passes<T>& passes) {
               gather(plan_, data, r, range, space);
               read_targets(data, r, range, space);
               const Input<T> x = input(plan_, data, r, space);
               for (const Node& node : plan_.nodes) passes.forward(node, space, x, range, nullptr);
               Data<T> all = data;
               all.by_rows = data.by_rows || !plan_.batchwise;
               const Batch batch(plan_, all, r, range.rows);
               for (size_t l = 0; l < plan_.losses.size(); ++l) {
                 const PlannedLoss& loss = plan_.losses[l];
                 double* value = space.losses[l].loss.get();
                 const bool scalar = loss.op.form == LossOp::Form::scalar;
                 const auto y = loss.op.form == LossOp::Form::kernel ? target(batch, space, 0, loss.op.target) : typename Data<T>::Target{};
                 passes.loss(loss, space, range, {y.y, y.classes, nullptr, value}, quantiles_[l].data());
                 const int j = loss.op.sample_weight;
                 if (!scalar && all.weight_array(j))
                   for (int64_t i = 0; i < range.rows; ++i) value[i] *= batch.weight(j, r + i);
               }
               add_totals(batch, space, parts[size_t(r / block)]);
             });
  Sums sums;
  const Batch all(plan_, data, 0, data.rows);
  for (const Sums& part : parts) {
    sums.losses.resize(part.losses.size());
    sums.totals.resize(part.totals.size());
    sums.total_weights.resize(part.total_weights.size());
    sums.rows += part.rows;
    for (size_t l = 0; l < part.losses.size(); ++l) sums.losses[l] += part.losses[l];
    for (size_t t = 0; t < part.totals.size(); ++t) {
      sums.totals[t].resize(part.totals[t].size());
      for (size_t c = 0; c < part.totals[t].size(); ++c) sums.totals[t][c] += part.totals[t][c];
      sums.total_weights[t] += part.total_weights[t];
    }
  }
  for (size_t l = 0; l < sums.losses.size(); ++l) {
    const LossOp& op = plan_.losses[l].op;
    if (!plan_.batchwise && op.form != LossOp::Form::scalar) sums.losses[l] *= double(data.rows) / all.divisor(op.sample_weight);
    sums.loss += sums.losses[l];
  }
  Memory<Norms> norms(int64_t(units_.size()));
  Step<T> nothing = Update().step<T>(1, 0, 1);
  Memory<T> scratch(k_.panel * k_.panel);
  for (size_t u = 0; u + 1 < units_.size(); ++u)
    if (units_[u].kernel && (plan_.layers[units_[u].layer].l1 != 0 || plan_.layers[units_[u].layer].l2 != 0))
      norms.get()[u] = k_.penalise(nothing, true, units_[u].size, parameters_->weights.get() + units_[u].offset, scratch.get());
  sums.penalty = penalty_of(norms.get(), units_, 0, 0, 1) * double(data.rows);
  return sums;
}

template <class T>
void Engine<T>::predict(const Data<T>& data, T* const* out, int64_t batch_size, bool training, int threads) const {
  const Noise coming{parameters_->seed, parameters_->step + 1};
  const Noise* noise = training ? &coming : nullptr;
  each_block(plan_, !plan_.dense_first(), false, false, data, batch_size, noise, threads,
             [&](Space<T>& space, int, int64_t r, Range range, const Passes<T>& passes) {
               gather(plan_, data, r, range, space);
               const Input<T> x = input(plan_, data, r, space);
               for (const Node& node : plan_.nodes)
                 if (node.predicts) passes.forward(node, space, x, range, noise);
               for (size_t i = 0; i < plan_.outputs.size(); ++i) {
                 const bool batched = plan_.buffers[plan_.outputs[i]].batched;
                 if (batched || r + range.rows == data.rows)
                   passes.read(space, plan_.outputs[i], range, out[i] + (batched ? r * plan_.output_width(int(i)) : 0));
               }
             });
}

template <class T>
void Engine<T>::activations(const Data<T>& data, T* const* out, int threads) const {
  const Plan& plan = plain();
  each_block(plan, true, false, false, data, 0, nullptr, threads,
             [&](Space<T>& space, int, int64_t r, Range range, const Passes<T>& passes) {
               gather(plan, data, r, range, space);
               for (const Node& node : plan.nodes) passes.forward(node, space, {}, range, nullptr);
               for (size_t v = 0; v < plan.buffer_of_op.size(); ++v) {
                 const int b = plan.buffer_of_op[v];
                 if (out[v]) passes.read(space, b, range, out[v] + r * plan.width(b));
               }
             });
}

template <class T>
void Engine<T>::input_gradient(const Data<T>& data, const T* cotangent, T* dx, int threads) const {
  const Plan& plan = plain();
  const int64_t in = plan.input_width(), width = plan.output_width();
  threads = useful_threads(data, data.rows, most_nonzeros(data, data.rows), threads);
  const int64_t each = cotangent ? 0 : kBlockRows * (width + in);
  Memory<T> row_major(each * threads);
  const auto gradient = [&](Space<T>& space, int thread, int64_t r, Range range, const Passes<T>& passes) {
    const Input<T> x = input(plan, data, r, space);
    gather(plan, data, r, range, space);
    for (const Node& node : plan.nodes) passes.forward(node, space, x, range, nullptr);
    const auto &dy = space.buffers[plan.outputs[0]].gradient, &dx_here = space.buffers[plan.inputs[0]].gradient;
    const auto back = [&](const T* cotangents) {
      k_.gather(cotangents, nullptr, range, dy);
      for (size_t n = plan.nodes.size(); n-- > 0;) passes.backward(plan.nodes[n], space, range, nullptr, space.scratch.get());
    };
    if (cotangent) {
      back(cotangent + r * width);
      return k_.scatter(dx_here, range, dx + r * in);
    }
    T *unit = row_major.get() + thread * each, *one = unit + range.rows * width;
    for (int64_t j = 0; j < width; ++j) {
      std::fill_n(unit, range.rows * width, T(0));
      for (int64_t i = 0; i < range.rows; ++i) unit[i * width + j] = 1;
      back(unit);
      k_.scatter(dx_here, range, one);
      for (int64_t i = 0; i < range.rows; ++i) std::copy_n(one + i * in, in, dx + ((r + i) * width + j) * in);
    }
  };
  each_block(plan, !plan.dense_first(), true, false, data, 0, nullptr, threads, gradient);
}

template class Engine<float>;
template class Engine<double>;

}  // namespace mlpcore
