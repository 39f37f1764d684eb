// Tape and Update for Python.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

#include "../update.h"
#include "names.h"

namespace py = pybind11;

namespace mlpcore {

namespace {

double default_alpha(Activation f) {
  return f == Activation::leaky_relu ? 0.01 : 1.0;  // the slope of leaky_relu; elu's limit is -alpha
}

}  // namespace

void bind_tape(py::module_& m) {
  py::class_<Tape>(m, "Tape")
      .def(py::init<>())
      .def("add_dense", &Tape::add_dense, py::arg("n_in"), py::arg("n_out"), py::arg("bias") = true,
           py::arg("trainable") = true)
      .def("add_parameter", &Tape::add_parameter, py::arg("size"), py::arg("trainable") = true)
      .def("input", &Tape::input, py::arg("width"))
      .def("target", &Tape::target, py::arg("index"), py::arg("width"))
      .def("constant", &Tape::constant, py::arg("values"))
      .def(
          "parameter",
          [](Tape& tape, int p, const std::string& part) {
            return tape.parameter(p, named<Part>(kPartNames, part, "part"));
          },
          py::arg("p"), py::arg("part") = "kernel")
      .def("n_rows", &Tape::n_rows)
      .def("apply", &Tape::apply, py::arg("x"), py::arg("p"))
      .def("dense", &Tape::dense, py::arg("x"), py::arg("units"), py::arg("trainable") = true)
      .def(
          "activation",
          [](Tape& tape, int x, const std::string& name, std::optional<double> alpha, int64_t last) {
            const auto f = named<Activation>(kActivationNames, name, "activation");
            return tape.activation(x, f, alpha.value_or(default_alpha(f)), last);
          },
          py::arg("x"), py::arg("name"), py::arg("alpha") = py::none(), py::arg("last") = 0)
      .def(
          "unary",
          [](Tape& tape, int x, const std::string& name) {
            return tape.unary(x, named<Unary>(kUnaryNames, name, "operation"));
          },
          py::arg("x"), py::arg("name"))
      .def(
          "binary",
          [](Tape& tape, int a, int b, const std::string& name) {
            return tape.binary(a, b, named<Binary>(kBinaryNames, name, "operation"));
          },
          py::arg("a"), py::arg("b"), py::arg("name"))
      .def("where", &Tape::where, py::arg("condition"), py::arg("a"), py::arg("b"))
      .def("view", &Tape::view, py::arg("x"), py::arg("dims"), py::arg("strides"), py::arg("offset") = 0)
      .def("concat", &Tape::concat, py::arg("xs"), py::arg("outer") = 1)
      .def(
          "reduce",
          [](Tape& tape, int x, const std::string& name, int64_t outer, int64_t n, int64_t inner) {
            return tape.reduce(x, named<Reduction>(kReductionNames, name, "reduction"), outer, n, inner);
          },
          py::arg("x"), py::arg("name"), py::arg("outer"), py::arg("n"), py::arg("inner"))
      .def(
          "over_rows",
          [](Tape& tape, int x, const std::string& name) {
            return tape.over_rows(x, named<Reduction>(kReductionNames, name, "reduction"));
          },
          py::arg("x"), py::arg("name"))
      .def("matmul", &Tape::matmul, py::arg("a"), py::arg("b"), py::arg("m"), py::arg("k"), py::arg("n"))
      .def("take", &Tape::take, py::arg("table"), py::arg("index"), py::arg("dim"))
      .def("one_hot", &Tape::one_hot, py::arg("x"), py::arg("n"))
      .def("dropout", &Tape::dropout, py::arg("x"), py::arg("rate"))
      .def("gaussian_noise", &Tape::gaussian_noise, py::arg("x"), py::arg("stddev"))
      .def("stop_gradient", &Tape::stop_gradient, py::arg("x"))
      .def("assign", &Tape::assign, py::arg("p"), py::arg("value"))
      .def("output", &Tape::set_output, py::arg("x"))
      .def(
          "loss",
          [](Tape& tape, int x, const std::string& name, double weight, double clip, int target, int sample_weight,
             double delta, const std::vector<double>& quantiles, double gamma, std::optional<double> alpha,
             double label_smoothing) {
            const auto loss = named<Loss>(kLossNames, name, "loss");
            const double other = loss == Loss::binary_cross_entropy ? 1 - alpha.value_or(0) : 1;
            tape.loss({.loss = loss,
                       .input = x,
                       .weight = weight,
                       .clip = clip,
                       .delta = delta,
                       .quantiles = quantiles,
                       .gamma = gamma,
                       .smoothing = label_smoothing,
                       .alpha_1 = alpha.value_or(1),
                       .alpha_0 = other,
                       .target = target,
                       .sample_weight = sample_weight});
          },
          py::arg("x"), py::arg("name"), py::arg("weight") = 1.0, py::arg("clip") = 0.0, py::kw_only(),
          py::arg("target") = 0, py::arg("sample_weight") = 0, py::arg("delta") = 1.0,
          py::arg("quantiles") = std::vector<double>(), py::arg("gamma") = 0.0, py::arg("alpha") = py::none(),
          py::arg("label_smoothing") = 0.0)
      .def(
          "row_loss",
          [](Tape& tape, int v, double weight, int sample_weight) {
            tape.loss({.input = v, .weight = weight, .sample_weight = sample_weight, .form = LossOp::Form::rows});
          },
          py::arg("v"), py::arg("weight") = 1.0, py::kw_only(), py::arg("sample_weight") = -1)
      .def(
          "scalar_loss",
          [](Tape& tape, int v, double weight) {
            tape.loss({.input = v, .weight = weight, .form = LossOp::Form::scalar});
          },
          py::arg("v"), py::arg("weight") = 1.0)
      .def("penalty", &Tape::penalty, py::arg("p"), py::arg("l1") = 0.0, py::arg("l2") = 0.0)
      .def("total", &Tape::total, py::arg("v"), py::kw_only(), py::arg("sample_weight") = -1)
      .def("copy", [](const Tape& tape) { return Tape(tape); })
      .def("__len__", [](const Tape& tape) { return tape.ops.size(); })
      .def("__hash__", &Tape::hash)
      .def("__eq__",
           [](const Tape& a, const py::object& b) { return py::isinstance<Tape>(b) && a == b.cast<const Tape&>(); });

  py::class_<Update>(m, "Update")
      .def(py::init([](const std::string& kind, double learning_rate, double momentum, bool nesterov, double beta_1,
                       double beta_2, double epsilon, double rho, double initial_accumulator, double weight_decay,
                       bool decay_bias, double l1, double l2, double clip_norm, double clip_value,
                       double clip_norm_each, bool amsgrad, bool rounds_powers, bool centered,
                       double learning_rate_power, double l1_regularization, double l2_regularization,
                       double l2_shrinkage, double beta, double average_momentum, int64_t average_every) {
             Update update;
             update.rule = named<Rule>(kRuleNames, kind, "optimizer");
             update.learning_rate = learning_rate;
             update.momentum = momentum;
             update.nesterov = nesterov;
             update.beta_1 = beta_1;
             update.beta_2 = beta_2;
             update.epsilon = epsilon;
             update.rho = rho;
             update.initial_accumulator = initial_accumulator;
             update.weight_decay = weight_decay;
             update.decay_bias = decay_bias;
             update.l1 = l1;
             update.l2 = l2;
             update.clip_norm = clip_norm;
             update.clip_value = clip_value;
             update.clip_norm_each = clip_norm_each;
             update.amsgrad = amsgrad;
             update.rounds_powers = rounds_powers;
             update.centered = centered;
             update.learning_rate_power = learning_rate_power;
             update.l1_regularization = l1_regularization;
             update.l2_regularization = l2_regularization;
             update.l2_shrinkage = l2_shrinkage;
             update.beta = beta;
             update.average_momentum = average_momentum;
             update.average_every = average_every;
             return update;
           }),
           py::arg("kind"), py::kw_only(), py::arg("learning_rate"), py::arg("momentum") = 0.0,
           py::arg("nesterov") = false, py::arg("beta_1") = 0.9, py::arg("beta_2") = 0.999, py::arg("epsilon") = 1e-8,
           py::arg("rho") = 0.9, py::arg("initial_accumulator") = 0.1, py::arg("weight_decay") = 0.0,
           py::arg("decay_bias") = false, py::arg("l1") = 0.0, py::arg("l2") = 0.0, py::arg("clip_norm") = 0.0,
           py::arg("clip_value") = 0.0, py::arg("clip_norm_each") = 0.0, py::arg("amsgrad") = false,
           py::arg("rounds_powers") = false, py::arg("centered") = false, py::arg("learning_rate_power") = -0.5,
           py::arg("l1_regularization") = 0.0, py::arg("l2_regularization") = 0.0, py::arg("l2_shrinkage") = 0.0,
           py::arg("beta") = 0.0, py::arg("average_momentum") = 0.0, py::arg("average_every") = 0)
      .def_property_readonly("kind", [](const Update& u) { return std::string(kRuleNames[size_t(u.rule)]); })
      .def_readwrite("learning_rate", &Update::learning_rate)
      .def_readwrite("momentum", &Update::momentum)
      .def_readwrite("nesterov", &Update::nesterov)
      .def_readwrite("beta_1", &Update::beta_1)
      .def_readwrite("beta_2", &Update::beta_2)
      .def_readwrite("epsilon", &Update::epsilon)
      .def_readwrite("rho", &Update::rho)
      .def_readwrite("initial_accumulator", &Update::initial_accumulator)
      .def_readwrite("weight_decay", &Update::weight_decay)
      .def_readwrite("decay_bias", &Update::decay_bias)
      .def_readwrite("l1", &Update::l1)
      .def_readwrite("l2", &Update::l2)
      .def_readwrite("clip_norm", &Update::clip_norm)
      .def_readwrite("clip_value", &Update::clip_value)
      .def_readwrite("clip_norm_each", &Update::clip_norm_each)
      .def_readwrite("amsgrad", &Update::amsgrad)
      .def_readwrite("rounds_powers", &Update::rounds_powers)
      .def_readwrite("centered", &Update::centered)
      .def_readwrite("learning_rate_power", &Update::learning_rate_power)
      .def_readwrite("l1_regularization", &Update::l1_regularization)
      .def_readwrite("l2_regularization", &Update::l2_regularization)
      .def_readwrite("l2_shrinkage", &Update::l2_shrinkage)
      .def_readwrite("beta", &Update::beta)
      .def_readwrite("average_momentum", &Update::average_momentum)
      .def_readwrite("average_every", &Update::average_every);
}

}  // namespace mlpcore
