// The bias corrections and the schedule of Nadam, computed once a step in double.
#include "update.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mlpcore {

namespace {

// Nadam's momentum of step t: beta_1 (1 - 0.5 * 0.96^t), as Keras 3 and Dozat 2016 have it.
double nadam_momentum(double beta_1, int64_t t) { return beta_1 * (1 - 0.5 * std::pow(0.96, double(t))); }

// The product of the momenta of steps 1 ... t: after a thousand of them they are beta_1 to the last bit.
double nadam_product(double beta_1, int64_t t) {
  constexpr int64_t settled = 1000;
  double product = 1;
  for (int64_t i = 1; i <= std::min(t, settled); ++i) product *= nadam_momentum(beta_1, i);
  return t > settled ? product * std::pow(beta_1, double(t - settled)) : product;
}

}  // namespace

int Update::rule_slots() const {
  switch (rule) {
    case Rule::sgd: return momentum != 0 ? 1 : 0;
    case Rule::rmsprop: return centered ? 3 : momentum != 0 ? 2 : 1;
    case Rule::adagrad:
    case Rule::lion: return 1;
    case Rule::adam:
    case Rule::adamw: return amsgrad ? 3 : 2;
    default: return 2;
  }
}

template <class T>
Step<T> Update::step(int64_t t, double rate, double weight_sum) const {
  const auto left = [&](double beta) {  // 1 - beta^t
    return rounds_powers ? double(T(1) - T(std::pow(double(T(beta)), double(t)))) : 1 - std::pow(beta, double(t));
  };
  const double left_1 = left(beta_1), left_2 = std::sqrt(left(beta_2));
  const bool averages_by_rho = rule == Rule::rmsprop || rule == Rule::adadelta;
  double main = rate, ahead = 0, small = epsilon;
  const double average = averages_by_rho ? rho : beta_2;
  if (rule == Rule::adam || rule == Rule::adamw) main = rate * left_2 / left_1;
  if (rule == Rule::adamax) main = rate / left_1;
  if (rule == Rule::nadam) {  // numerator and denominator times left_2
    const double next = nadam_momentum(beta_1, t + 1), product = nadam_product(beta_1, t);
    main = rate * left_2 * next / (1 - product * next);
    ahead = rate * left_2 * (1 - nadam_momentum(beta_1, t)) / (1 - product);
    small = epsilon * left_2;
  }
  return {.rule = rule,
          .nesterov = nesterov,
          .decay_bias = decay_bias,
          .learning_rate = T(main),
          .gradient_rate = T(ahead),
          .momentum = T(momentum),
          .beta_1 = T(beta_1),
          .one_minus_beta_1 = T(1 - beta_1),
          .beta_2 = T(average),
          .one_minus_beta_2 = T(1 - average),
          .epsilon = std::max(T(small), std::numeric_limits<T>::min()),
          .l1 = T(l1 / weight_sum),
          .l2 = T(l2 / weight_sum),
          .clip_value = T(clip_value),
          .weight_decay = T(weight_decay),
          .keep = T(1 - rate * weight_decay),
          .power = T(-learning_rate_power),
          .ftrl_l1 = T(l1_regularization),
          .ftrl_l2 = T(2 * (l2_regularization + beta / (2 * rate))),
          .shrinkage = T(2 * l2_shrinkage)};
}

template Step<float> Update::step<float>(int64_t, double, double) const;
template Step<double> Update::step<double>(int64_t, double, double) const;

}  // namespace mlpcore
