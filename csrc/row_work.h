// RowWork<T>: everything of a step that concerns rows.
#pragma once
#include "passes.h"
#include "team.h"

namespace mlpcore {

template <class T>
class RowWork {
 public:
  RowWork(const Plan& plan, const Kernels<T>& k, const Passes<T>& passes);

  // The inputs of `rows` rows from row `start` of the pass on, as products read them: gathered, or the user's rows in place.
  Input<T> input(const Data<T>& data, int64_t start, int64_t rows, const Space<T>& space) const;
  // The inputs' rows into their buffers, where they have memory; `range` is within the batch that begins at `start`.
  void gather(const Data<T>& data, int64_t start, Range range, const Space<T>& space) const;
  // The targets that ops read, as numbers.
  void read_targets(const Data<T>& data, int64_t start, Range range, const Space<T>& space) const;
  // A loss's targets from row `first` of the batch on: gathered, or the user's in place.
  typename Data<T>::Target target(const Batch<T>& batch, const Space<T>& space, int64_t first, int index) const;
  // All losses of a range, with their gradients if wanted; the scalar ones are one thread's.
  void losses(const Batch<T>& batch, const Space<T>& space, Range range, bool gradients, bool scalars) const;

  // One thread's rows are gathered, passed forward, and their gradient back.
  void run(const Batch<T>& batch, Space<T>& space, const Input<T>& x, const Noise* noise, int thread, int threads,
           Barrier& barrier) const;

  // The losses' and totals' sums of a batch, in the order of its rows.
  void add_totals(const Batch<T>& batch, const Space<T>& space, Sums& sums) const;

 private:
  bool by_columns(const Node& node, int64_t rows, int threads) const;
  template <class Run>
  void run_nodes(bool back, int64_t rows, bool sparse, int threads, Barrier& barrier, Run run) const;
  void gather_targets(const Data<T>& data, int64_t start, Range range, const Space<T>& space) const;

  const Plan& plan_;
  const Kernels<T>& k_;
  const Passes<T>& passes_;
  std::vector<std::vector<T>> quantiles_;  // of each loss
};

}  // namespace mlpcore
