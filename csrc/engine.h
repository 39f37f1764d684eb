// Engine<T>: a linked tape with memory, on the parameters of a model: the mini-batch loop, and passes without steps.
#pragma once
#include <memory>

#include "parameters.h"
#include "passes.h"
#include "team.h"
#include "update.h"

namespace mlpcore {

struct Penalty {
  double l1 = 0, l2 = 0;
};

// Over the batches of a pass: rows times a batch's mean. `losses` and `totals` are those of the tape, one by one.
struct Sums {
  double loss = 0, penalty = 0;
  std::vector<double> losses;               // each times its LossOp::weight
  std::vector<std::vector<double>> totals;  // weighted sums over rows
  std::vector<double> total_weights;
  int64_t rows = 0;
  bool interrupted = false;
};

template <class T>
class Engine {
 public:
  // With parameters of its own, or with those of another engine, whose tape declares the same.
  explicit Engine(const Tape& tape, const Kernels<T>& kernels = mlpcore::kernels<T>());
  Engine(const Tape& tape, std::shared_ptr<Parameters<T>> shared, const Kernels<T>& kernels = mlpcore::kernels<T>());
  ~Engine();

  const Plan& plan() const { return plan_; }
  const Plan& plain() const;  // of a chain: each of the tape's values in its own buffer
  const Kernels<T>& kernels() const { return k_; }
  const std::shared_ptr<Parameters<T>>& parameters() const { return parameters_; }

  // One step per batch of consecutive rows; learning_rates (batches) or null. `interrupted` is asked about every 50 ms.
  Sums train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates, int threads,
             bool (*interrupted)());

  // Mean loss, penalty and packed gradient (packed as the weights) of all rows as one batch.
  Sums gradient(const Data<T>& data, Penalty penalty, int threads, T* gradient);

  // The sums of a pass without steps, in batches where rows depend on them.
  Sums evaluate(const Data<T>& data, int64_t batch_size, int threads) const;

  // out[i] (rows, width of output i) for all rows of x; an unbatched output is that of the last batch. Targets are not
  // read here and below, nor is the order. With `training`, noise is that of the coming step.
  void predict(const Data<T>& data, T* const* out, int64_t batch_size, bool training, int threads) const;

  // out[v] (rows, width of v) = the tape's value v, where not null; not for sparse rows
  void activations(const Data<T>& data, T* const* out, int threads) const;

  // dx (rows, in) = sum_j cotangent[:, j] d output_j / d x for cotangent (rows, output width); null: dx (rows, output width,
  // in), the gradient of each output
  void input_gradient(const Data<T>& data, const T* cotangent, T* dx, int threads) const;

 private:
  struct Batch;

  std::vector<Unit> units_of(int64_t first_cost, int64_t other_cost) const;
  const std::vector<Unit>& units(const Space<T>& space) const;
  Space<T>& training_space(const Data<T>& data, int64_t rows, int& threads);
  Input<T> input(const Plan& plan, const Data<T>& data, int64_t start, const Space<T>& space) const;
  void gather(const Plan& plan, const Data<T>& data, int64_t start, Range range, const Space<T>& space) const;
  void read_targets(const Data<T>& data, int64_t start, Range range, const Space<T>& space) const;
  typename Data<T>::Target target(const Batch& batch, const Space<T>& space, int64_t first, int index) const;
  template <class Run>
  void run_nodes(bool back, const Plan& plan, Range range, int64_t rows, int thread, int threads, Barrier* barrier, Run run) const;
  void row_phase(const Batch& batch, Space<T>& space, const Input<T>& x, const Noise* noise, int thread, int threads, Barrier& barrier) const;
  template <class F>
  void each_unit(const Space<T>& space, int thread, int threads, F f) const;
  void collect(const Batch& batch, const Space<T>& space, const Input<T>& x, const Unit& unit, T* gradient, T* extra) const;
  Norms product(const Batch& batch, const Space<T>& space, const Input<T>& x, const Unit& unit, int use, const Step<T>* step, Weights<T> to) const;
  Step<T> step_of(const Step<T>& step, const Unit& unit) const;
  double penalty_of(const Norms* norms, const std::vector<Unit>& units, double l1, double l2, double divisor) const;
  void add_totals(const Batch& batch, const Space<T>& space, Sums& sums) const;
  void assign(const Space<T>& space);
  template <class F>
  void each_block(const Plan& plan, bool gathers, bool gradients, bool fixed, const Data<T>& data, int64_t batch_size, const Noise* noise, int threads, F f) const;
  int useful_threads(const Data<T>& data, int64_t rows, int64_t nonzeros, int threads) const;

  Tape tape_;
  Plan plan_;
  std::unique_ptr<Plan> plain_;
  const Kernels<T>& k_;
  std::shared_ptr<Parameters<T>> parameters_;
  Passes<T> passes_;
  std::vector<Unit> units_;  // the work on weights for dense rows, in order
  std::vector<std::vector<T>> quantiles_;  // of each loss
  double step_flops_per_row_ = 0;
  bool all_fused_ = true;  // no layer's gradient needs to be collected before its step
  std::unique_ptr<Space<T>> kept_;  // of the last training: the next one often is like it
};

}  // namespace mlpcore
