// The names of activations, losses, rules and ops, as Python writes them.
#pragma once
#include <array>
#include <string>
#include <string_view>

#include "../tape.h"

namespace mlpcore {

constexpr std::array<std::string_view, 16> kActivationNames = {
    "identity", "logistic", "tanh", "relu", "softmax",  "exp",          "leaky_relu", "elu",
    "selu",     "gelu",     "silu", "mish", "softplus", "hard_sigmoid", "softsign",   "heaviside"};
constexpr std::array<std::string_view, 11> kLossNames = {"cross_entropy",
                                                         "binary_cross_entropy",
                                                         "squared_error",
                                                         "poisson",
                                                         "absolute_error",
                                                         "huber",
                                                         "log_cosh",
                                                         "quantile",
                                                         "hinge",
                                                         "squared_hinge",
                                                         "logits_cross_entropy"};
constexpr std::array<std::string_view, 10> kRuleNames = {"sgd",     "adam",   "adamw",    "rmsprop", "nadam",
                                                         "adagrad", "adamax", "adadelta", "lion",    "ftrl"};
constexpr std::array<std::string_view, 19> kUnaryNames = {
    "negative", "reciprocal", "square", "sqrt",  "rsqrt", "exp", "expm1", "log",         "log1p",   "abs",
    "sign",     "floor",      "ceil",   "round", "sin",   "cos", "erf",   "logical_not", "isfinite"};
constexpr std::array<std::string_view, 16> kBinaryNames = {
    "add",     "subtract",      "multiply", "divide",     "power", "maximum",   "minimum",     "mod",
    "greater", "greater_equal", "less",     "less_equal", "equal", "not_equal", "logical_and", "logical_or"};
constexpr std::array<std::string_view, 7> kReductionNames = {"sum", "mean", "max", "min", "prod", "argmax", "argmin"};

constexpr std::array<std::string_view, 2> kPartNames = {"kernel", "bias"};

// The enumerator whose name is `name`, in the order of the enum.
template <class Enum, size_t N>
Enum named(const std::array<std::string_view, N>& names, const std::string& name, const char* what) {
  std::string all;
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == name) return Enum(i);
    all += (i ? ", " : "") + std::string(names[i]);
  }
  throw std::invalid_argument(std::string("unknown ") + what + " '" + name + "'; one of: " + all);
}

}  // namespace mlpcore
