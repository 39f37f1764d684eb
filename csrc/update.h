// An optimizer's hyperparameters, and what they make of one step; the arithmetic is in kernels/update.inl.
#pragma once
#include "kernels.h"

namespace mlpcore {

struct Update {
  Rule rule = Rule::sgd;
  double learning_rate = 0.01, momentum = 0;
  bool nesterov = false;
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8, rho = 0.9, initial_accumulator = 0.1;
  double weight_decay = 0;
  bool decay_bias = false;
  double l1 = 0, l2 = 0, clip_norm = 0, clip_value = 0;

  int slots() const;
  double initial_slot() const { return rule == Rule::adagrad ? initial_accumulator : 0; }
  // Step number t = 1, 2, ... at this learning rate, for a batch whose weights sum to weight_sum.
  template <class T>
  Step<T> step(int64_t t, double rate, double weight_sum) const;
};

}  // namespace mlpcore
