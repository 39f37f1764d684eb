// Engine<T>: a linked tape with memory for one model: packed parameters, optimizer slots, and the mini-batch loop.
#pragma once
#include <memory>

#include "link.h"
#include "memory.h"
#include "team.h"
#include "update.h"

namespace mlpcore {

// The rows of one pass over the data. Exactly one of `x` and `sparse` is set, and of `labels` and `y`, as the loss
// reads it.
template <class T>
struct Data {
  const T* x;             // (n, in)
  Sparse<T> sparse;       // (n, in) by rows; only for a plan whose dense_first() is true
  const T* y;             // (n, k)
  const int32_t* labels;  // (n,)
  const T* weight;        // (n,) or null: 1
  const int64_t* order;   // (rows,) rows of x, or null: 0, 1, ...
  int64_t rows;

  bool is_sparse() const { return sparse.start; }
  int64_t row(int64_t r) const { return order ? order[r] : r; }
};

struct Penalty {
  double l1 = 0, l2 = 0;
};

struct Sums {
  double loss = 0, penalty = 0;
  bool interrupted = false;
};

// One unit of the work of the weights' phase, the span of its weights, and the cost of all units before it.
struct Unit {
  int layer;
  int64_t panel, unit, offset, size, cost_before;
  bool kernel;
};

template <class T>
class Engine {
 public:
  explicit Engine(const Tape& tape, const Kernels<T>& kernels = mlpcore::kernels<T>());
  ~Engine();

  const Plan& plan() const { return plan_; }
  const Plan& plain() const { return plain_; }  // each of the tape's values in its own buffer
  const Kernels<T>& kernels() const { return k_; }
  int64_t parameters_size() const { return size_; }  // packed elements

  T* weights() { return weights_.get(); }
  // The optimizer's slot s (packed as the weights), null before the first step that needs it.
  T* slot(int s) { return slots_[s].get(); }
  void make_slots(int count, T initial = 0);  // the first `count` exist, `initial` where new; the others are dropped
  int64_t step = 0;                           // optimizer steps done
  uint64_t seed = 0;                          // of dropout's random numbers

  // One step per batch of consecutive rows; learning_rates (batches) or null. `interrupted` is asked about every 50 ms.
  Sums train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates, int threads,
             bool (*interrupted)());

  // Mean loss, penalty and packed gradient (packed as the weights) of all rows as one batch.
  Sums gradient(const Data<T>& data, Penalty penalty, int threads, T* gradient);

  // Mean loss of all rows.
  double evaluate(const Data<T>& data, int threads) const;

  // out (rows, output width) for all rows of x; neither order nor targets are read here and below
  void predict(const Data<T>& data, T* out, int threads) const;

  // out[v] (rows, width of v) = the tape's value v, where not null; not for sparse rows
  void activations(const Data<T>& data, T* const* out, int threads) const;

  // dx (rows, in) = sum_j cotangent[:, j] d output_j / d x for cotangent (rows, output width); null: dx (rows, output width,
  // in), the gradient of each output
  void input_gradient(const Data<T>& data, const T* cotangent, T* dx, int threads) const;

 private:
  struct Workspace;
  struct Batch;
  struct Noise;
  struct Input;

  std::vector<Unit> make_units(int64_t first_cost, int64_t other_cost) const;
  const std::vector<Unit>& units(const Workspace& space) const;
  Workspace training_space(const Data<T>& data, int64_t rows, int& threads) const;
  Panels<T> layer_weights(const DenseLayer& layer) const;
  Input input(const Data<T>& data, int64_t start, const Workspace& space) const;
  LossSettings<T> loss_settings() const;
  void forward(const Plan& plan, const Workspace& space, const Input& x, Range range, const Noise* noise) const;
  void backward(const Plan& plan, int nodes, const Workspace& space, Range range, const Noise* noise, T* scratch) const;
  void drop(const Node& node, Range range, const Noise* noise, Panels<T> from, Panels<T> to) const;
  void row_phase(const Batch& batch, Workspace& space, const Noise* noise, int thread, int threads) const;
  template <class F>
  void each_unit(const Workspace& space, int thread, int threads, F f) const;
  void weight_phase(const Batch& batch, const Workspace& space, const Step<T>& step, Weights<T> at, T* gradient,
                    Norms* norms, int thread, int threads) const;
  template <class F>
  void each_block(const Plan& plan, bool gathers, bool gradients, const Data<T>& data, int threads, F f) const;
  int useful_threads(const Data<T>& data, int64_t rows, int64_t nonzeros, int threads) const;

  Plan plan_, plain_;  // with all fusions and with none
  const Kernels<T>& k_;
  int64_t size_ = 0;
  Memory<T> weights_, slots_[2];
  std::vector<Unit> units_;  // the work on weights for dense rows, in order
  std::vector<T> quantiles_;
  int64_t step_flops_per_row_ = 0;
  // Of the last full-batch gradient, kept for the next: a solver asks again with the same rows.
  std::unique_ptr<Workspace> full_batch_;
};

}  // namespace mlpcore
