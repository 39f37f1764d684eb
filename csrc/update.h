// An optimizer's hyperparameters, and what they make of one step; the arithmetic is in kernels/update.inl.
#pragma once
#include "kernels.h"

namespace mlpcore {

struct Update {
  Rule rule = Rule::sgd;
  double learning_rate = 0.01, momentum = 0;
  bool nesterov = false, amsgrad = false, centered = false;
  bool rounds_powers =
      false;  // beta^t in the type of the weights, as Keras 3 has it; else in double, as scikit-learn 1.9
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8, rho = 0.9, initial_accumulator = 0.1;
  double learning_rate_power = -0.5, l1_regularization = 0, l2_regularization = 0, l2_shrinkage = 0, beta = 0;  // ftrl
  double weight_decay = 0;
  bool decay_bias = false;
  double l1 = 0, l2 = 0;
  double clip_norm = 0, clip_norm_each = 0,
         clip_value = 0;  // of all gradients together, of each array's, of each number
  // The moving average of the weights, a = momentum a + (1 - momentum) w after each step, which replaces w every
  // `average_every` steps; 0: none, never.
  double average_momentum = 0;
  int64_t average_every = 0;

  int rule_slots() const;  // of the rule; the average, if any, is the slot behind them
  int slots() const { return rule_slots() + (average_momentum > 0); }
  bool has_accumulator() const {
    return rule == Rule::adagrad || rule == Rule::ftrl;
  }  // slot 0 begins at initial_accumulator
  // Step number t = 1, 2, ... at this learning rate, for a batch whose weights sum to weight_sum.
  template <class T>
  Step<T> step(int64_t t, double rate, double weight_sum) const;
};

}  // namespace mlpcore
