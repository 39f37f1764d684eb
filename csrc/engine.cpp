// The mini-batch loop: rows are shared out among the threads for gather, forward, loss and backward, then
// units of weights for gradient and update. Two barriers a step, no sum across threads, hence the same bits
// for any number of threads. What works on a single row, or sums over the batch, is one thread's, between two more.
// Full-batch gradients, predictions and evaluations take blocks of rows instead, a thread each.
#include "engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace mlpcore {

namespace {

constexpr double kWhile = 0.05;  // seconds after which `train` may be asked to return
// The update of a weight takes as long as this many nonzeros; most weights of a sparse layer meet none in a batch.
constexpr int64_t kUpdateCost = 16;
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

template <class T>
Engine<T>::Engine(const Tape& tape, const Kernels<T>& kernels) : Engine(tape, nullptr, kernels) {}

template <class T>
Engine<T>::Engine(const Tape& tape, std::shared_ptr<Parameters<T>> shared, const Kernels<T>& kernels)
    : plan_(link(tape, Fusions::all, kernels)), k_(kernels),
      parameters_(shared ? std::move(shared) : std::make_shared<Parameters<T>>(tape.parameters, plan_)),
      passes_(plan_, k_, parameters_->weights.get()), rows_(plan_, k_, passes_), weights_(plan_, k_, passes_) {
  const std::vector<Declaration>& have = parameters_->declared;
  if (!std::equal(have.begin(), have.end(), tape.parameters.begin(), tape.parameters.end(),
                  [](const Declaration& a, const Declaration& b) { return a.same_memory(b); }))
    throw std::invalid_argument("the tape declares other parameters than the engine whose parameters it is to share");
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
    if (!plain_->chain) plain_ = nullptr;  // for ops that nothing needs
  }
  for (const Layer& layer : plan_.layers) all_fused_ = all_fused_ && (!layer.learns() || layer.is_fused());
  units_ = weights_.units_of(1, 1);
}

template <class T>
Engine<T>::~Engine() = default;

template <class T>
const Plan& Engine<T>::plain() const {
  if (!plain_) throw std::invalid_argument("only a chain of layers, from one input to one output, has this");
  return *plain_;
}

template <class T>
void Engine<T>::set_mixed(const WordKernels<T>* kernels) {
  if (kernels != mixed_) kept_.clear();
  mixed_ = kernels;
}

template <class T>
const std::vector<Unit>& Engine<T>::units(const Space<T>& space) const {
  return space.sparse_units.empty() ? units_ : space.sparse_units;
}

// Memory number `which` for batches of at most so many rows, with at most so many nonzeros.
template <class T>
Space<T>& Engine<T>::training_space(const Data<T>& data, int64_t rows, int64_t nonzeros, int threads, size_t which) {
  const WordKernels<T>* words = mixed_ ? mixed_ : tile_kernels<T>(k_);
  if (words && !WordProducts<T>::pays(plan_, *words, rows, data.is_sparse())) words = nullptr;
  const bool gathers = !plan_.dense_first || data.order;
  std::unique_ptr<Space<T>>& kept = kept_[which];
  const bool fits = kept && !data.is_sparse() && kept->sparse_units.empty() && kept->gathers == gathers &&
                    kept->ordered == (data.order != nullptr) && kept->threads == threads && rows <= kept->capacity &&
                    kept->capacity <= 2 * rows + 64;
  if (!fits) {
    kept = nullptr;  // first, so that there is never memory for both
    kept.reset(new Space<T>(plan_, k_, data, rows, gathers, true, threads));
    if (data.is_sparse()) {
      const int64_t in = plan_.input_width();
      kept->columns = ByColumns<T>(nonzeros, in);
      kept->sparse_units = weights_.units_of(nonzeros / in + kUpdateCost, rows + kUpdateCost);
    }
    if (words) kept->words = std::make_unique<WordProducts<T>>(plan_, k_, *words, rows, rows, true, data.is_sparse());
  }
  return *kept;
}

template <class T>
int Engine<T>::useful_threads(const Data<T>& data, int64_t rows, int64_t nonzeros, int threads) const {
  double flops = step_flops_per_row_ * double(rows);
  if (data.is_sparse()) {
    const Layer& first = plan_.layers[0];
    flops += 4.0 * double(first.out) * (double(nonzeros) - double(first.in) * double(rows));
  }
  return int(std::clamp(flops / kFlopsPerThread<T>, 1.0, double(std::max(1, threads))));
}

template <class T>
void Engine<T>::assign(const Space<T>& space) {
  for (const auto& [layer, buffer] : plan_.assignments)
    std::copy_n(space.buffers[buffer].value.at, plan_.layers[layer].in,
                parameters_->weights.get() + plan_.layers[layer].offset);
}

template <class T>
Sums Engine<T>::train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates,
                      int threads, Sums sums, int64_t* first) {
  const int64_t batch_rows = std::min(batch_size, data.rows), size = parameters_->size;
  Parameters<T>& p = *parameters_;
  const int averages = update.rule_slots();
  const bool new_average = update.average_momentum > 0 && !p.slots[averages];
  p.make_slots(update.slots(), update.has_accumulator() ? T(update.initial_accumulator) : T(0));
  if (new_average) std::copy_n(p.weights.get(), size, p.slots[averages].get());
  T* average = update.average_momentum > 0 ? p.slots[averages].get() : nullptr;
  const int64_t nonzeros = most_nonzeros(data, batch_rows);
  const int64_t updates = kUpdateCost * (plan_.inputs.empty() ? 1 : plan_.input_width());
  threads = useful_threads(data, batch_rows, nonzeros + updates, threads);
  kept_.resize(1);
  Space<T>& space = training_space(data, batch_rows, nonzeros, threads, 0);
  const size_t n_units = units(space).size() - 1;
  Memory<Norms> norms(int64_t(n_units) + 1);
  const bool clips = update.clip_norm > 0 || update.clip_norm_each > 0;
  Memory<T> gradient(clips || !all_fused_ ? size : 0), extra(all_fused_ ? 0 : size);
  const size_t n_arrays = clips ? 2 * plan_.layers.size() : 0;
  std::vector<double> array_squares(threads * n_arrays);
  bool penalised = update.l1 != 0 || update.l2 != 0;
  for (const Layer& layer : plan_.layers) penalised = penalised || layer.is_penalised();
  const Weights<T> all{p.weights.get(), averages > 0 ? p.slots[0].get() : nullptr,
                       averages > 1 ? p.slots[1].get() : nullptr, averages > 2 ? p.slots[2].get() : nullptr};
  const int64_t first_step = p.step;
  const auto follow = [&](const Unit& unit, int64_t t) {  // the moving average
    if (!average) return;
    T *a = average + unit.offset, *w = all.w + unit.offset;
    // It begins with the first weights that are averaged, as in Keras 3.
    const bool begins = t == 1 || (new_average && t == first_step + 1);
    const T keep = T(begins ? 0 : update.average_momentum), take = T(1) - keep;
    for (int64_t i = 0; i < unit.size; ++i) a[i] = keep * a[i] + take * w[i];
    if (update.average_every > 0 && t % update.average_every == 0) std::copy_n(a, unit.size, w);
  };
  const auto decays = [&](const Unit& unit) {  // whatever is no bias
    return unit.kernel || !plan_.layers[unit.layer].is_dense();
  };
  const auto began = std::chrono::steady_clock::now();
  const int64_t first_row = first ? *first : 0;
  int64_t next = data.rows;  // thread 0's to lower
  run_team(threads, [&](int thread, int n, Barrier& barrier) {
    int64_t t = first_step;
    for (int64_t start = first_row, b = start / batch_size; start < data.rows; start += batch_size, ++b) {
      const Batch<T> batch(plan_, data, start, std::min(batch_size, data.rows - start));
      if (batch.is_empty) continue;  // no mean to take
      const Noise noise{p.seed, ++t};
      const Step<T> step = update.step<T>(t, learning_rates ? learning_rates[b] : update.learning_rate,
                                          data.by_rows ? 1 : batch.weight_sum);

      const Input<T> x = rows_.input(data, start, batch.rows, space);
      rows_.run(batch, space, x, &noise, thread, n, barrier);
      barrier.wait();
      if (thread == 0) rows_.add_totals(batch, space, sums);
      weights_.each(batch, space, x, units(space), thread, n, barrier, [&](const Unit& unit, size_t u) {
        const Layer& layer = plan_.layers[unit.layer];
        const Step<T> s = weights_.step_of(step, unit);
        if (!clips && layer.is_fused()) {
          norms.get()[u] = weights_.product(batch, space, x, unit, layer.uses[0], &s, all);
          return follow(unit, t);
        }
        weights_.collect(batch, space, x, unit, gradient.get(), extra.get());
        T* g = gradient.get() + unit.offset;
        norms.get()[u] = k_.penalise(s, unit.kernel, unit.size, all.w + unit.offset, g);
        if (clips) return;
        k_.update(s, decays(unit), T(1), unit.size, g, all.from(unit.offset));
        follow(unit, t);
      });
      if (clips) {
        barrier.wait();
        const std::vector<Unit>& every = units(space);
        double* of_array = array_squares.data() + thread * n_arrays;  // of each layer's kernel and bias
        std::fill_n(of_array, n_arrays, 0.0);
        for (size_t u = 0; u < n_units; ++u) of_array[2 * every[u].layer + every[u].kernel] += norms.get()[u].gradient;
        const double squares = std::accumulate(of_array, of_array + n_arrays, 0.0);
        const auto scale_of = [](double clip, double norm) { return clip > 0 && norm > clip ? clip / norm : 1.0; };
        const double together = scale_of(update.clip_norm, std::sqrt(squares));
        each_unit(units(space), thread, n, [&](const Unit& unit, size_t) {
          double scale = together;
          if (update.clip_norm_each > 0)
            scale = scale_of(update.clip_norm_each, std::sqrt(of_array[2 * unit.layer + unit.kernel]));
          k_.update(weights_.step_of(step, unit), decays(unit), T(scale), unit.size, gradient.get() + unit.offset,
                    all.from(unit.offset));
          follow(unit, t);
        });
      }
      if (!plan_.assignments.empty()) barrier.wait();  // they replace what the update has made
      if (thread == 0) {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
        if (first && passed.count() > kWhile) next = std::min(start + batch_size, data.rows);
        assign(space);
        p.step = t;
      }
      barrier.wait();
      if (thread == 0 && penalised)
        sums.penalty +=
            weights_.penalty_of(norms.get(), units(space), update.l1, update.l2, data.by_rows ? 1 : batch.weight_sum) *
            double(batch.rows);
      if (next <= start + batch_size) break;
    }
  });
  if (first) *first = next;
  return sums;
}

// Each thread takes whole blocks of rows; their gradients are added in order, whoever made them.
template <class T>
Sums Engine<T>::gradient(const Data<T>& data, Penalty penalty, int threads, T* gradient) {
  const Batch<T> batch(plan_, data, 0, data.rows);
  const int64_t block = gradient_rows(data.rows), blocks = (data.rows + block - 1) / block, size = parameters_->size;
  threads = int(std::min<int64_t>(blocks, useful_threads(data, data.rows, most_nonzeros(data, data.rows), threads)));
  const int64_t nonzeros = most_nonzeros(data, block);
  kept_.resize(threads);
  std::vector<Memory<T>> parts, extras;
  for (int t = 0; t < threads; ++t) {
    training_space(data, block, nonzeros, 1, t);
    parts.emplace_back(size);
    extras.emplace_back(all_fused_ ? 0 : size);
  }
  const std::vector<Unit>& every = units(*kept_[0]);
  Memory<Norms> norms(int64_t(every.size()));
  Update update;
  update.l1 = penalty.l1;
  update.l2 = penalty.l2;
  const double divisor = data.by_rows || batch.weight_sum == 0 ? 1 : batch.weight_sum;
  const Step<T> step = update.step<T>(1, 0, divisor);
  std::fill_n(gradient, size, T(0));
  std::vector<Sums> of_blocks(blocks);
  run_team(threads, [&](int thread, int n, Barrier& barrier) {
    Barrier alone(1);
    Space<T>& space = *kept_[thread];
    for (int64_t first = 0; first < blocks; first += n) {
      if (const int64_t b = first + thread; b < blocks) {
        const Batch<T> rows(batch, b * block, std::min(block, data.rows - b * block));
        const Input<T> x = rows_.input(data, rows.start, rows.rows, space);
        rows_.run(rows, space, x, nullptr, 0, 1, alone);
        rows_.add_totals(rows, space, of_blocks[b]);
        weights_.each(rows, space, x, units(space), 0, 1, alone, [&](const Unit& unit, size_t) {
          weights_.collect(rows, space, x, unit, parts[thread].get(), extras[thread].get());
        });
      }
      barrier.wait();
      const Range mine = share(size, thread, n);
      for (int64_t i = 0; i < n && first + i < blocks; ++i)
        k_.axpy(T(1), parts[i].get() + mine.first, gradient + mine.first, mine.rows);
      barrier.wait();
    }
    each_unit(every, thread, n, [&](const Unit& unit, size_t u) {
      norms.get()[u] = k_.penalise(weights_.step_of(step, unit), unit.kernel, unit.size,
                                   parameters_->weights.get() + unit.offset, gradient + unit.offset);
    });
  });
  Sums sums;
  for (const Sums& of_block : of_blocks) sums.add(of_block);
  sums.loss /= double(batch.rows);
  sums.penalty = weights_.penalty_of(norms.get(), every, penalty.l1, penalty.l2, divisor);
  return sums;
}

// How many of the rows a full-batch gradient takes at once: about those whose activations fit the second cache.
template <class T>
int64_t Engine<T>::gradient_rows(int64_t rows) const {
  bool whole = plan_.batchwise;
  for (const PlannedLoss& loss : plan_.losses) whole = whole || loss.op.form == LossOp::Form::scalar;
  if (whole) return rows;
  int64_t elements = 0;
  for (const Buffer& b : plan_.buffers)
    if (b.batched) elements += b.groups * k_.padded(b.width) * (b.gradient ? 2 : 1);
  constexpr int64_t cache = int64_t(1) << 19, least = 256;
  int64_t blocks = rows / std::max(least, cache / (elements * int64_t(sizeof(T)))) + 1;
  if (blocks > 2) blocks = (blocks + 3) / 4 * 4;  // shared evenly by 2 or 4 threads
  return (rows + blocks - 1) / blocks;
}

// f(space, thread, first row, range, passes) for blocks of all rows; the range is from the block's row 0. `fixed`: the
// blocks do not depend on the number of threads.
template <class T>
template <class F>
void Engine<T>::each_block(const Plan& plan, bool gathers, bool gradients, bool fixed, const Data<T>& data,
                           int64_t batch_size, const Noise* noise, int threads, F f) const {
  const int64_t rows = data.rows;
  threads = useful_threads(data, rows, most_nonzeros(data, rows), threads);
  // Here products are judged by kLeastTileRows, so that all calls of so many rows and more give a row the same bits; and all
  // evaluations, whose blocks are `fixed`.
  const WordKernels<T>* words = fixed || rows >= kLeastTileRows ? tile_kernels(k_) : nullptr;
  if (words && !WordProducts<T>::pays(plan, *words, kLeastTileRows, data.is_sparse())) words = nullptr;
  if (words) threads = int(std::clamp<int64_t>(rows / kTileRowsOfThread, 1, threads));
  const bool batchwise = plan.batchwise || noise;  // noise depends on a row's place in its batch
  int64_t block = std::min(kBlockRows, (rows + threads - 1) / threads);
  if (fixed) block = kBlockRows;
  if (batchwise) block = batch_size > 0 ? std::min(batch_size, rows) : rows;
  block = std::max<int64_t>(block, 1);
  threads = int(std::clamp<int64_t>((rows + block - 1) / block, 1, threads));
  std::vector<Space<T>> spaces;  // made before the team runs: memory that cannot be had is an error here
  for (int t = 0; t < threads; ++t) {
    Space<T>& space = spaces.emplace_back(plan, k_, data, std::min(block, rows), gathers, gradients, 1);
    if (words)
      space.words =
          std::make_unique<WordProducts<T>>(plan, k_, *words, space.capacity, kLeastTileRows, false, data.is_sparse());
  }
  const Passes<T> passes(plan, k_, parameters_->weights.get());
  run_blocks(threads, rows, block,
             [&](int thread, int64_t r, int64_t n) { f(spaces[thread], thread, r, Range{0, n}, passes); });
}

template <class T>
Sums Engine<T>::evaluate(const Data<T>& data, int64_t batch_size, int threads) const {
  const int64_t block = plan_.batchwise ? (batch_size > 0 ? batch_size : data.rows) : kBlockRows;
  std::vector<Sums> parts(size_t((data.rows + block - 1) / std::max<int64_t>(1, block)));
  Data<T> each = data;  // of blocks the sums are taken first and divided at the end
  each.by_rows = data.by_rows || !plan_.batchwise;
  each_block(plan_, !plan_.dense_first, false, true, data, batch_size, nullptr, threads,
             [&](Space<T>& space, int, int64_t r, Range range, const Passes<T>& passes) {
               rows_.gather(data, r, range, space);
               rows_.read_targets(data, r, range, space);
               const Input<T> x = rows_.input(data, r, kLeastTileRows, space);
               for (const Node& node : plan_.nodes) passes.forward(node, space, x, range, nullptr);
               const Batch<T> batch(plan_, each, r, range.rows);
               rows_.losses(batch, space, range, false, true);
               rows_.add_totals(batch, space, parts[size_t(r / block)]);
             });
  Sums sums;
  const Batch<T> all(plan_, data, 0, data.rows);
  for (const Sums& part : parts) sums.add(part);
  sums.loss = 0;
  for (size_t l = 0; l < sums.losses.size(); ++l) {
    const LossOp& op = plan_.losses[l].op;
    if (!plan_.batchwise && op.form != LossOp::Form::scalar)
      sums.losses[l] *= all.mean(double(data.rows), op.sample_weight);
    sums.loss += sums.losses[l];
  }
  Memory<Norms> norms(int64_t(units_.size()));
  Step<T> nothing = Update().step<T>(1, 0, 1);
  Memory<T> scratch(kUnitRows * k_.panel);
  for (size_t u = 0; u + 1 < units_.size(); ++u)
    if (units_[u].kernel && plan_.layers[units_[u].layer].is_penalised())
      norms.get()[u] =
          k_.penalise(nothing, true, units_[u].size, parameters_->weights.get() + units_[u].offset, scratch.get());
  sums.penalty = weights_.penalty_of(norms.get(), units_, 0, 0, 1) * double(data.rows);
  return sums;
}

template <class T>
void Engine<T>::predict(const Data<T>& data, T* const* out, int64_t batch_size, bool training, int threads) const {
  const Noise coming{parameters_->seed, parameters_->step + 1};
  const Noise* noise = training ? &coming : nullptr;
  each_block(plan_, !plan_.dense_first, false, false, data, batch_size, noise, threads,
             [&](Space<T>& space, int, int64_t r, Range range, const Passes<T>& passes) {
               rows_.gather(data, r, range, space);
               const Input<T> x = rows_.input(data, r, kLeastTileRows, space);
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
void Engine<T>::input_gradient(const Data<T>& data, T* dx, int threads) const {
  const Plan& plan = plain();
  const RowWork<T> rows(plan, k_, passes_);
  const int64_t in = plan.input_width(), width = plan.output_width();
  threads = useful_threads(data, data.rows, most_nonzeros(data, data.rows), threads);
  const int64_t each = kBlockRows * (width + in);
  Memory<T> row_major(each * threads);
  const auto gradient = [&](Space<T>& space, int thread, int64_t r, Range range, const Passes<T>& passes) {
    const Input<T> x = rows.input(data, r, kLeastTileRows, space);
    rows.gather(data, r, range, space);
    for (const Node& node : plan.nodes) passes.forward(node, space, x, range, nullptr);
    const auto &dy = space.buffers[plan.outputs[0]].gradient, &dx_here = space.buffers[plan.inputs[0]].gradient;
    T *unit = row_major.get() + thread * each, *one = unit + range.rows * width;
    for (int64_t j = 0; j < width; ++j) {
      std::fill_n(unit, range.rows * width, T(0));
      for (int64_t i = 0; i < range.rows; ++i) unit[i * width + j] = 1;
      k_.gather(unit, nullptr, range, dy);
      for (size_t n = plan.nodes.size(); n-- > 0;)
        passes.backward(plan.nodes[n], space, x, range, nullptr, space.scratch.get());
      k_.scatter(dx_here, range, one);
      for (int64_t i = 0; i < range.rows; ++i) std::copy_n(one + i * in, in, dx + ((r + i) * width + j) * in);
    }
  };
  each_block(plan, !plan.dense_first, true, false, data, 0, nullptr, threads, gradient);
}

template class Engine<float>;
template class Engine<double>;

}  // namespace mlpcore
