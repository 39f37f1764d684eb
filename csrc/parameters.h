// The parameters of one model: packed values, the optimizer's slots and its place in time. Engines of one model share them.
#pragma once
#include "link.h"
#include "memory.h"

namespace mlpcore {

constexpr int kMaxSlots = 4;  // of a rule, and the moving average of the weights

template <class T>
struct Parameters {
  std::vector<Declaration> declared;
  int64_t size = 0;  // packed elements
  Memory<T> weights, slots[kMaxSlots];
  int64_t step = 0;   // optimizer steps done
  uint64_t seed = 0;  // of the random numbers of dropout and noise

  Parameters(std::vector<Declaration> of, const Plan& plan)
      : declared(std::move(of)), size(plan.layers.empty() ? 0 : plan.layers.back().offset + plan.layers.back().size),
        weights(size) {}

  // The first `count` slots exist, new ones 0, the first `initial`; the others are dropped.
  void make_slots(int count, T initial = 0) {
    for (int s = 0; s < kMaxSlots; ++s) {
      if (s >= count) slots[s] = Memory<T>();
      else if (!slots[s]) {
        slots[s] = Memory<T>(size);
        if (s == 0 && initial != 0) std::fill_n(slots[s].get(), size, initial);
      }
    }
  }
};

}  // namespace mlpcore
