// UnitWork<T>: everything of a step that concerns weights, in units that threads share out.
#pragma once
#include <algorithm>

#include "passes.h"
#include "team.h"

namespace mlpcore {

// f(unit, its number) for a thread's units: its share of each layer, in order of the columns, as forward products share;
// before_layer(layer) comes before a layer's.
template <class Before, class F>
void each_unit(const std::vector<Unit>& all, int thread, int threads, Before before_layer, F f) {
  const auto n = int64_t(all.size()) - 1;  // the last is the end
  for (int64_t first = 0, end; first < n; first = end) {
    for (end = first + 1; end < n && all[end].layer == all[first].layer;) ++end;
    before_layer(all[first].layer);
    const int64_t begin = all[first].cost_before;
    const Range costs = share(all[end].cost_before - begin, thread, threads);
    const auto before = [&](int64_t cost) {  // units that begin before this much of the layer's work
      return std::lower_bound(all.begin() + first, all.begin() + end, cost + begin,
                              [](const Unit& u, int64_t c) { return u.cost_before < c; }) -
             all.begin();
    };
    for (auto u = before(costs.first); u < before(costs.first + costs.rows); ++u) f(all[u], size_t(u));
  }
}
template <class F>
void each_unit(const std::vector<Unit>& all, int thread, int threads, F f) {
  each_unit(all, thread, threads, [](int) {}, f);
}

template <class T>
class UnitWork {
 public:
  UnitWork(const Plan& plan, const Kernels<T>& k, const Passes<T>& passes) : plan_(plan), k_(k), passes_(passes) {}

  // The units of all layers, given what each weight of the first and of the others costs.
  std::vector<Unit> units_of(int64_t first_cost, int64_t other_cost) const;
  // each_unit() when all threads have passed back: what the gradients of a layer's units read is made before these.
  template <class F>
  void each(const Batch<T>& batch, const Space<T>& space, const Input<T>& x, const std::vector<Unit>& units, int thread,
            int threads, Barrier& barrier, F f) const {
    bool follows = false;
    const auto before = [&](int layer) {
      prepare(batch, space, x, plan_.layers[layer], follows, thread, threads, barrier);
    };
    each_unit(units, thread, threads, before, f);
    if (follows) space.words->end();
  }
  // One product's part in the gradient of a unit: with a step applied at once, else stored in to.w.
  Norms product(const Batch<T>& batch, const Space<T>& space, const Input<T>& x, const Unit& unit, int use,
                const Step<T>* step, Weights<T> to) const;
  // The whole gradient of a unit's weights, stored in `gradient`, packed as the weights; `extra` is as large.
  void collect(const Batch<T>& batch, const Space<T>& space, const Input<T>& x, const Unit& unit, T* gradient,
               T* extra) const;
  // The step for a unit, with the penalties of its layer.
  Step<T> step_of(const Step<T>& step, const Unit& unit) const;
  // The penalties' value: l1 and l2 (as 0.5 l2 w^2) over `divisor`, and those of the layers.
  double penalty_of(const Norms* norms, const std::vector<Unit>& units, double l1, double l2, double divisor) const;

 private:
  // A thread's part, with all threads; `follows`: another layer's have been made since the threads met.
  void prepare(const Batch<T>& batch, const Space<T>& space, const Input<T>& x, const Layer& layer, bool& follows,
               int thread, int threads, Barrier& barrier) const;

  const Plan& plan_;
  const Kernels<T>& k_;
  const Passes<T>& passes_;
};

}  // namespace mlpcore
