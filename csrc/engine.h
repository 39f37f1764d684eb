// Engine<T>: a linked tape with memory, on the parameters of a model: the mini-batch loop, and passes without steps.
#pragma once
#include <memory>

#include "parameters.h"
#include "row_work.h"
#include "unit_work.h"
#include "update.h"

namespace mlpcore {

struct Penalty {
  double l1 = 0, l2 = 0;
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

  // With a table, `train` and `gradient` take their products from operands in bfloat16; null: as usual.
  const WordKernels<T>* mixed() const { return mixed_; }
  void set_mixed(const WordKernels<T>* kernels);

  // One step per batch of consecutive rows; learning_rates (batches) or null. What is added up goes on from `sums`: a pass
  // in several calls has the sums of one. With `first`, the pass begins at that row and ends after a batch once it has
  // taken a while; `first` is then the row to go on from.
  Sums train(const Data<T>& data, int64_t batch_size, const Update& update, const double* learning_rates, int threads,
             Sums sums = {}, int64_t* first = nullptr);

  // Mean loss, penalty and packed gradient (packed as the weights) of all rows as one batch.
  Sums gradient(const Data<T>& data, Penalty penalty, int threads, T* gradient);

  // The sums of a pass without steps, in batches where rows depend on them.
  Sums evaluate(const Data<T>& data, int64_t batch_size, int threads) const;

  // out[i] (rows, width of output i) for all rows of x; an unbatched output is that of the last batch. Targets are not
  // read here and below, nor is the order. With `training`, noise is that of the coming step.
  void predict(const Data<T>& data, T* const* out, int64_t batch_size, bool training, int threads) const;

  // dx (rows, output width, in): the gradient of each output
  void input_gradient(const Data<T>& data, T* dx, int threads) const;

 private:
  const std::vector<Unit>& units(const Space<T>& space) const;
  Space<T>& training_space(const Data<T>& data, int64_t rows, int64_t nonzeros, int threads, size_t which);
  int64_t gradient_rows(int64_t rows) const;
  void assign(const Space<T>& space);
  template <class F>
  void each_block(const Plan& plan, bool gathers, bool gradients, bool fixed, const Data<T>& data, int64_t batch_size,
                  const Noise* noise, int threads, F f) const;
  int useful_threads(const Data<T>& data, int64_t rows, int64_t nonzeros, int threads) const;

  Plan plan_;
  std::unique_ptr<Plan> plain_;
  const Kernels<T>& k_;
  const WordKernels<T>* mixed_ = nullptr;
  std::shared_ptr<Parameters<T>> parameters_;
  Passes<T> passes_;
  RowWork<T> rows_;
  UnitWork<T> weights_;
  std::vector<Unit> units_;  // the work on weights for dense rows, in order
  double step_flops_per_row_ = 0;
  bool all_fused_ = true;                        // no layer's gradient needs to be collected before its step
  std::vector<std::unique_ptr<Space<T>>> kept_;  // of the last training or gradient: the next one often is like it
};

}  // namespace mlpcore
