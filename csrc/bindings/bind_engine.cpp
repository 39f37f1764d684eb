// Tape, Update and Engine for Python.
#include <pybind11/stl.h>

#include <mutex>
#include <shared_mutex>

#include "../engine.h"
#include "array.h"
#include "names.h"
#include "sparse_array.h"

namespace mlpcore {

namespace {

// PyErr_CheckSignals from the batch loop, which runs without the GIL.
bool signal_raised() {
  py::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

// An engine with its lock: training excludes everything else, predictions run side by side.
template <class T>
class BoundEngine {
 public:
  explicit BoundEngine(const Tape& tape) : engine_(tape) {}

  std::vector<py::tuple> parameter_shapes() const {
    std::vector<py::tuple> shapes;
    for (const DenseLayer& layer : engine_.plan().layers) {
      shapes.push_back(py::make_tuple(layer.in, layer.out));
      shapes.push_back(py::make_tuple(layer.out));
    }
    return shapes;
  }

  void load(const py::sequence& parameters) {
    const auto arrays = parameter_arrays(parameters, false);
    py::gil_scoped_release release;
    std::unique_lock lock(mutex_);
    pack(arrays, engine_.weights());
  }

  void store(const py::sequence& parameters) {
    auto arrays = parameter_arrays(parameters, true);
    py::gil_scoped_release release;
    std::shared_lock lock(mutex_);
    unpack(engine_.weights(), arrays);
  }

  int64_t step() const {
    py::gil_scoped_release release;
    std::shared_lock lock(mutex_);
    return engine_.step;
  }
  uint64_t seed() const { return engine_.seed; }
  void set_seed(uint64_t seed) {
    py::gil_scoped_release release;
    std::unique_lock lock(mutex_);
    engine_.seed = seed;
  }

  std::vector<std::vector<py::array_t<T>>> slots() {
    std::vector<std::vector<py::array_t<T>>> all;
    for (int s = 0; s < 2; ++s) all.push_back(new_parameters());
    int count = 0;
    {
      py::gil_scoped_release release;
      std::shared_lock lock(mutex_);
      for (; count < 2 && engine_.slot(count); ++count) unpack(engine_.slot(count), all[count]);
    }
    all.resize(count);
    return all;
  }

  void set_slots(const py::sequence& slots, int64_t step) {
    if (step < 0) throw py::value_error("step must be >= 0, got " + std::to_string(step));
    if (py::len(slots) > 2)
      throw py::value_error("an optimizer has at most 2 slots, got " + std::to_string(py::len(slots)));
    std::vector<std::vector<py::array_t<T>>> all;
    for (const py::handle& slot : slots)
      all.push_back(parameter_arrays(py::reinterpret_borrow<py::sequence>(slot), false));
    py::gil_scoped_release release;  // before the lock: a training that holds it asks for the GIL to poll signals
    std::unique_lock lock(mutex_);
    engine_.make_slots(0);
    engine_.make_slots(int(all.size()));
    for (size_t s = 0; s < all.size(); ++s) pack(all[s], engine_.slot(int(s)));
    engine_.step = step;
  }

  py::tuple train(const py::object& x, const py::array& y, const py::object& order, int64_t batch_size,
                  const Update& update, const py::object& sample_weight, const py::object& learning_rates,
                  int threads) {
    const Inputs in(*this, x, y, order, sample_weight);
    if (batch_size < 1) throw py::value_error("batch_size must be at least 1, got " + std::to_string(batch_size));
    py::array_t<double> rates;
    if (!learning_rates.is_none())
      rates = checked<double>(learning_rates, "learning_rates", {(in.data.rows + batch_size - 1) / batch_size});
    Sums sums;
    {
      py::gil_scoped_release release;
      std::unique_lock lock(mutex_);
      sums = engine_.train(in.data, batch_size, update, learning_rates.is_none() ? nullptr : rates.data(), threads,
                           signal_raised);
    }
    if (sums.interrupted) throw py::error_already_set();
    return py::make_tuple(sums.loss, sums.penalty);
  }

  py::tuple gradient(const py::object& x, const py::array& y, double l2, double l1, const py::object& sample_weight,
                     int threads) {
    const Inputs in(*this, x, y, py::none(), sample_weight);
    std::vector<py::array_t<T>> gradients = new_parameters();
    Sums sums;
    {
      py::gil_scoped_release release;
      std::unique_lock lock(mutex_);
      Memory<T> packed(engine_.parameters_size());
      sums = engine_.gradient(in.data, {.l1 = l1, .l2 = l2}, threads, packed.get());
      unpack(packed.get(), gradients);
    }
    return py::make_tuple(sums.loss, sums.penalty, gradients);
  }

  double evaluate(const py::object& x, const py::array& y, const py::object& sample_weight, int threads) {
    const Inputs in(*this, x, y, py::none(), sample_weight);
    py::gil_scoped_release release;
    std::shared_lock lock(mutex_);
    return engine_.evaluate(in.data, threads);
  }

  py::array_t<T> predict(const py::object& x, int threads) {
    const Plan& plan = engine_.plan();
    const InputRows in(x, plan);
    py::array_t<T> out({py::ssize_t(in.data.rows), py::ssize_t(plan.buffers[plan.output])});
    T* to = out.mutable_data();
    py::gil_scoped_release release;
    std::shared_lock lock(mutex_);
    engine_.predict(in.data, to, threads);
    return out;
  }

  std::vector<py::array_t<T>> activations(const py::array& x, int threads) {
    const std::vector<int64_t>& widths = engine_.plain().buffers;
    const auto view = checked<T>(x, "x", {kAny, widths[0]});
    Data<T> data{};
    data.x = view.data();
    data.rows = view.shape(0);
    std::vector<py::array_t<T>> out;
    std::vector<T*> to;
    for (int64_t width : widths) {
      out.emplace_back(std::vector<py::ssize_t>{view.shape(0), py::ssize_t(width)});
      to.push_back(out.back().mutable_data());
    }
    py::gil_scoped_release release;
    std::shared_lock lock(mutex_);
    engine_.activations(data, to.data(), threads);
    return out;
  }

  py::array_t<T> input_gradient(const py::object& x, const py::object& cotangent, int threads) {
    const Plan& plan = engine_.plain();
    const int64_t in = plan.buffers[0], width = plan.buffers[plan.output];
    const InputRows input(x, plan);
    const py::ssize_t rows = input.data.rows;
    py::array_t<T> given;
    if (!cotangent.is_none()) given = checked<T>(cotangent, "cotangent", {rows, width});
    const std::vector<py::ssize_t> shape =
        cotangent.is_none() ? std::vector<py::ssize_t>{rows, width, in} : std::vector<py::ssize_t>{rows, in};
    py::array_t<T> out(shape);
    const T* from = cotangent.is_none() ? nullptr : given.data();
    T* to = out.mutable_data();
    py::gil_scoped_release release;
    std::shared_lock lock(mutex_);
    engine_.input_gradient(input.data, from, to, threads);
    return out;
  }

 private:
  // Rows of numbers or sparse ones, checked and kept alive.
  struct InputRows {
    py::array_t<T> dense;
    std::optional<SparseArray<T>> sparse;
    Data<T> data{};

    InputRows(const py::object& x, const Plan& plan) {
      if (SparseArray<T>::looks_sparse(x)) {
        if (!plan.dense_first()) throw py::value_error("sparse x needs a tape whose first operation is dense");
        sparse.emplace(x, "x", plan.buffers[0]);
        data.sparse = sparse->view;
        data.rows = sparse->rows;
      } else {
        dense = checked<T>(x, "x", {kAny, plan.buffers[0]});
        data.x = dense.data();
        data.rows = dense.shape(0);
      }
    }
  };

  // The arrays of one pass, checked and kept alive.
  struct Inputs {
    InputRows x;
    py::array_t<T> y, weight;
    py::array_t<int32_t> labels;
    py::array_t<int64_t> order;
    Data<T> data;

    Inputs(const BoundEngine& self, const py::object& x_, const py::array& y_, const py::object& order_,
           const py::object& weight_)
        : x(x_, self.engine_.plan()), data(x.data) {
      const Plan& plan = self.engine_.plan();
      if (!plan.has_loss) throw py::value_error("this tape has no loss: record one with loss(x, name)");
      const int64_t n = data.rows;
      if (reads_classes(plan.loss.loss)) {
        labels = checked<int32_t>(y_, "y", {n});
        for (int64_t r = 0; r < n; ++r)
          if (labels.data()[r] < 0 || labels.data()[r] >= plan.loss_width)
            throw py::value_error("y must hold class indices in [0, " + std::to_string(plan.loss_width) + "), got " +
                                  std::to_string(labels.data()[r]) + " in row " + std::to_string(r));
        data.labels = labels.data();
      } else {
        y = checked<T>(y_, "y", {n, plan.target_width});
        data.y = y.data();
      }
      if (!order_.is_none()) {
        order = checked<int64_t>(order_, "order", {kAny});
        for (int64_t r = 0; r < order.shape(0); ++r)
          if (order.data()[r] < 0 || order.data()[r] >= n)
            throw py::value_error("order must hold rows in [0, " + std::to_string(n) + "), got " +
                                  std::to_string(order.data()[r]));
        data.order = order.data();
        data.rows = order.shape(0);
      }
      if (!weight_.is_none()) {
        weight = checked<T>(weight_, "sample_weight", {n});
        data.weight = weight.data();
      }
    }
  };

  std::vector<py::array_t<T>> new_parameters() const {
    std::vector<py::array_t<T>> arrays;
    for (const DenseLayer& layer : engine_.plan().layers) {
      arrays.emplace_back(std::vector<py::ssize_t>{layer.in, layer.out});
      arrays.emplace_back(std::vector<py::ssize_t>{layer.out});
    }
    return arrays;
  }

  std::vector<py::array_t<T>> parameter_arrays(const py::sequence& parameters, bool writable) const {
    const auto& layers = engine_.plan().layers;
    if (py::len(parameters) != 2 * layers.size())
      throw py::value_error("expected " + std::to_string(2 * layers.size()) +
                            " parameters (kernel and bias of each dense layer), got " +
                            std::to_string(py::len(parameters)));
    std::vector<py::array_t<T>> arrays;
    for (size_t l = 0; l < layers.size(); ++l) {
      const std::string name = std::to_string(l);
      arrays.push_back(
          checked<T>(parameters[2 * l], ("kernel " + name).c_str(), {layers[l].in, layers[l].out}, writable));
      arrays.push_back(checked<T>(parameters[2 * l + 1], ("bias " + name).c_str(), {layers[l].out}, writable));
    }
    return arrays;
  }

  void pack(const std::vector<py::array_t<T>>& arrays, T* packed) const {
    const auto& layers = engine_.plan().layers;
    for (size_t l = 0; l < layers.size(); ++l)
      engine_.kernels().pack(arrays[2 * l].data(), arrays[2 * l + 1].data(),
                             {packed + layers[l].offset, layers[l].in + 1, layers[l].out});
  }

  void unpack(T* packed, std::vector<py::array_t<T>>& arrays) const {
    const auto& layers = engine_.plan().layers;
    for (size_t l = 0; l < layers.size(); ++l)
      engine_.kernels().unpack({packed + layers[l].offset, layers[l].in + 1, layers[l].out},
                               arrays[2 * l].mutable_data(), arrays[2 * l + 1].mutable_data());
  }

  Engine<T> engine_;
  mutable std::shared_mutex mutex_;
};

template <class T>
void bind_engine_of(py::module_& m, const char* name) {
  using E = BoundEngine<T>;
  py::class_<E>(m, name)
      .def_property_readonly("parameter_shapes", &E::parameter_shapes)
      .def_property_readonly("step", &E::step)
      .def_property("seed", &E::seed, &E::set_seed)
      .def("load", &E::load, py::arg("parameters"))
      .def("store", &E::store, py::arg("parameters"))
      .def("slots", &E::slots)
      .def("set_slots", &E::set_slots, py::arg("slots"), py::arg("step"))
      .def("train", &E::train, py::arg("x"), py::arg("y"), py::arg("order"), py::arg("batch_size"), py::arg("update"),
           py::kw_only(), py::arg("sample_weight") = py::none(), py::arg("learning_rates") = py::none(),
           py::arg("n_threads") = 1)
      .def("gradient", &E::gradient, py::arg("x"), py::arg("y"), py::arg("l2") = 0.0, py::kw_only(),
           py::arg("l1") = 0.0, py::arg("sample_weight") = py::none(), py::arg("n_threads") = 1)
      .def("evaluate", &E::evaluate, py::arg("x"), py::arg("y"), py::kw_only(), py::arg("sample_weight") = py::none(),
           py::arg("n_threads") = 1)
      .def("predict", &E::predict, py::arg("x"), py::arg("n_threads") = 1)
      .def("activations", &E::activations, py::arg("x"), py::arg("n_threads") = 1)
      .def("input_gradient", &E::input_gradient, py::arg("x"), py::arg("cotangent") = py::none(),
           py::arg("n_threads") = 1);
}

double default_alpha(Activation f) {
  return f == Activation::leaky_relu ? 0.01 : 1.0;  // the slope of leaky_relu; elu's limit is -alpha
}

}  // namespace

void bind_engine(py::module_& m) {
  py::class_<Tape>(m, "Tape")
      .def(py::init<>())
      .def("input", &Tape::input, py::arg("width"))
      .def("dense", &Tape::dense, py::arg("x"), py::arg("units"), py::arg("trainable") = true)
      .def(
          "activation",
          [](Tape& tape, int x, const std::string& name, std::optional<double> alpha) {
            const auto f = named<Activation>(kActivationNames, name, "activation");
            return tape.activation(x, f, alpha.value_or(default_alpha(f)));
          },
          py::arg("x"), py::arg("name"), py::arg("alpha") = py::none())
      .def("dropout", &Tape::dropout, py::arg("x"), py::arg("rate"))
      .def("output", &Tape::set_output, py::arg("x"))
      .def(
          "loss",
          [](Tape& tape, int x, const std::string& name, double weight, double clip, double delta,
             const std::vector<double>& quantiles, double gamma, std::optional<double> alpha, double label_smoothing) {
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
                       .alpha_0 = other});
          },
          py::arg("x"), py::arg("name"), py::arg("weight") = 1.0, py::arg("clip") = 0.0, py::kw_only(),
          py::arg("delta") = 1.0, py::arg("quantiles") = std::vector<double>(), py::arg("gamma") = 0.0,
          py::arg("alpha") = py::none(), py::arg("label_smoothing") = 0.0);

  py::class_<Update>(m, "Update")
      .def(py::init([](const std::string& kind, double learning_rate, double momentum, bool nesterov, double beta_1,
                       double beta_2, double epsilon, double rho, double initial_accumulator, double weight_decay,
                       bool decay_bias, double l1, double l2, double clip_norm, double clip_value) {
             return Update{.rule = named<Rule>(kRuleNames, kind, "optimizer"),
                           .learning_rate = learning_rate,
                           .momentum = momentum,
                           .nesterov = nesterov,
                           .beta_1 = beta_1,
                           .beta_2 = beta_2,
                           .epsilon = epsilon,
                           .rho = rho,
                           .initial_accumulator = initial_accumulator,
                           .weight_decay = weight_decay,
                           .decay_bias = decay_bias,
                           .l1 = l1,
                           .l2 = l2,
                           .clip_norm = clip_norm,
                           .clip_value = clip_value};
           }),
           py::arg("kind"), py::kw_only(), py::arg("learning_rate"), py::arg("momentum") = 0.0,
           py::arg("nesterov") = false, py::arg("beta_1") = 0.9, py::arg("beta_2") = 0.999, py::arg("epsilon") = 1e-8,
           py::arg("rho") = 0.9, py::arg("initial_accumulator") = 0.1, py::arg("weight_decay") = 0.0,
           py::arg("decay_bias") = false, py::arg("l1") = 0.0, py::arg("l2") = 0.0, py::arg("clip_norm") = 0.0,
           py::arg("clip_value") = 0.0)
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
      .def_readwrite("clip_value", &Update::clip_value);

  bind_engine_of<float>(m, "Engine32");
  bind_engine_of<double>(m, "Engine64");
  m.def(
      "Engine",
      [](const Tape& tape, const std::string& dtype) -> py::object {
        if (dtype == "float32") return py::cast(new BoundEngine<float>(tape), py::return_value_policy::take_ownership);
        if (dtype == "float64") return py::cast(new BoundEngine<double>(tape), py::return_value_policy::take_ownership);
        throw py::value_error("dtype must be 'float32' or 'float64', got '" + dtype + "'");
      },
      py::arg("tape"), py::arg("dtype"));
}

}  // namespace mlpcore
