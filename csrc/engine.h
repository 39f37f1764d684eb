// Engine<T>: a linked tape with memory for one model: packed parameters, optimizer slots, and the mini-batch loop.
#pragma once
#include <memory>

#include "link.h"
#include "memory.h"
#include "team.h"

namespace mlpcore {

// An optimizer's hyperparameters; the step's arithmetic is in kernels.h.
struct Update {
  Rule rule = Rule::sgd;
  double learning_rate = 0.01, momentum = 0;
  bool nesterov = false;
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8, l2 = 0;

  int slots() const { return rule == Rule::adam ? 2 : momentum != 0 ? 1 : 0; }
};

// The rows of one pass over the data. Exactly one of `labels` and `y` is set, as the loss reads it.
template <class T>
struct Data {
  const T* x;             // (n, in)
  const T* y;             // (n, k)
  const int32_t* labels;  // (n,)
  const T* weight;        // (n,) or null: 1
  const int64_t* order;   // (rows,) rows of x, or null: 0, 1, ...
  int64_t rows;
};

struct Sums {
  double loss = 0, penalty = 0;
  bool interrupted = false;
};

// One unit of the work of the weights' phase, and the cost of all units before it.
struct Unit {
  int layer;
  int64_t panel, unit, cost_before;
};

template <class T>
class Engine {
 public:
  explicit Engine(const Tape& tape, const Kernels<T>& kernels = mlpcore::kernels<T>());

  const Plan& plan() const { return plan_; }
  const Kernels<T>& kernels() const { return k_; }
  int64_t parameters_size() const { return size_; }  // packed elements

  T* weights() { return weights_.get(); }
  // The optimizer's slot s (packed as the weights), null before the first step that needs it.
  T* slot(int s) { return slots_[s].get(); }
  void make_slots(int count);  // the first `count` exist, zero where new; the others are dropped
  int64_t step = 0;            // optimizer steps done

  // One step per batch of consecutive rows; learning_rates (batches) or null. `interrupted` is asked about every 50 ms.
  Sums train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates, int threads,
             bool (*interrupted)());

  // Mean loss, penalty and packed gradient (packed as the weights) of all rows as one batch.
  Sums gradient(const Data<T>& data, double l2, int threads, T* gradient);

  // out (rows, output width) for x (rows, in)
  void predict(const T* x, int64_t rows, T* out, int threads) const;

 private:
  struct Workspace;
  struct Batch;

  Panels<T> layer_weights(const DenseLayer& layer) const;
  Rows<T> input(const Batch& batch, const Workspace& space) const;
  void forward(const Workspace& space, Rows<T> x, Range range) const;
  void backward(const Workspace& space, Range range, T* scratch) const;
  void row_phase(const Batch& batch, Workspace& space, int thread, int threads) const;
  void weight_phase(const Batch& batch, const Workspace& space, const Step<T>* step, Weights<T> at, double* squares,
                    int thread, int threads) const;
  int useful_threads(int64_t rows, int threads) const;

  Plan plan_;
  const Kernels<T>& k_;
  int64_t size_ = 0;
  Memory<T> weights_, slots_[2];
  std::vector<Unit> units_;  // the work of weight_phase, in order
  int64_t step_flops_per_row_ = 0;
};

}  // namespace mlpcore
