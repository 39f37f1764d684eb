// Engine for Python.
#include <pybind11/stl.h>

#include <mutex>
#include <optional>
#include <shared_mutex>

#include "../engine.h"
#include "pass_arrays.h"

namespace mlpcore {

namespace {

// Parameters with their lock: training excludes everything else, predictions run side by side.
template <class T>
struct SharedParameters {
  std::shared_ptr<Parameters<T>> parameters;
  mutable std::shared_mutex mutex;
};

// An engine on parameters that it may share with others.
template <class T>
class BoundEngine {
 public:
  explicit BoundEngine(const Tape& tape) : shared_(std::make_shared<SharedParameters<T>>()), engine_(tape) {
    shared_->parameters = engine_.parameters();
  }
  BoundEngine(const Tape& tape, const BoundEngine& other)
      : shared_(other.shared_), engine_(tape, other.shared_->parameters) {}

  std::vector<py::tuple> parameter_shapes() const {
    std::vector<py::tuple> shapes;
    for (const Layer& layer : engine_.plan().layers) {
      if (!layer.is_dense()) shapes.push_back(py::make_tuple(layer.in));
      else shapes.push_back(py::make_tuple(layer.in, layer.out));
      if (layer.declared.arrays() == 2) shapes.push_back(py::make_tuple(layer.out));
    }
    return shapes;
  }

  std::optional<std::string> mixed_precision() const {
    if (engine_.mixed()) return "bfloat16";
    return std::nullopt;
  }
  void set_mixed_precision(const std::optional<std::string>& name) {
    const WordKernels<T>* kernels = name ? mixed_kernels(*name) : nullptr;
    py::gil_scoped_release release;
    std::unique_lock lock(shared_->mutex);
    engine_.set_mixed(kernels);
  }

  void load(const py::sequence& parameters) {
    const auto arrays = parameter_arrays(parameters, false);
    py::gil_scoped_release release;
    std::unique_lock lock(shared_->mutex);
    pack(arrays, state().weights.get());
  }

  void store(const py::sequence& parameters) {
    auto arrays = parameter_arrays(parameters, true);
    py::gil_scoped_release release;
    std::shared_lock lock(shared_->mutex);
    unpack(state().weights.get(), arrays);
  }

  int64_t step() const {
    py::gil_scoped_release release;
    std::shared_lock lock(shared_->mutex);
    return state().step;
  }
  void set_step(int64_t step) {
    if (step < 0) throw py::value_error("step must be >= 0, got " + std::to_string(step));
    py::gil_scoped_release release;
    std::unique_lock lock(shared_->mutex);
    state().step = step;
  }
  uint64_t seed() const {
    py::gil_scoped_release release;
    std::shared_lock lock(shared_->mutex);
    return state().seed;
  }
  void set_seed(uint64_t seed) {
    py::gil_scoped_release release;
    std::unique_lock lock(shared_->mutex);
    state().seed = seed;
  }

  std::vector<std::vector<py::array_t<T>>> slots() {
    std::vector<std::vector<py::array_t<T>>> all;
    for (int s = 0; s < kMaxSlots; ++s) all.push_back(new_parameters());
    int count = 0;
    {
      py::gil_scoped_release release;
      std::shared_lock lock(shared_->mutex);
      for (; count < kMaxSlots && state().slots[count]; ++count) unpack(state().slots[count].get(), all[count]);
    }
    all.resize(count);
    return all;
  }

  void set_slots(const py::sequence& slots, int64_t step) {
    if (step < 0) throw py::value_error("step must be >= 0, got " + std::to_string(step));
    if (py::len(slots) > kMaxSlots)
      throw py::value_error("an optimizer has at most " + std::to_string(kMaxSlots) + " slots, got " +
                            std::to_string(py::len(slots)));
    std::vector<std::vector<py::array_t<T>>> all;
    for (const py::handle& slot : slots)
      all.push_back(parameter_arrays(py::reinterpret_borrow<py::sequence>(slot), false));
    py::gil_scoped_release release;  // before the lock: a training that holds it asks for the GIL to poll signals
    std::unique_lock lock(shared_->mutex);
    state().make_slots(0);
    state().make_slots(int(all.size()));
    for (size_t s = 0; s < all.size(); ++s) pack(all[s], state().slots[s].get());
    state().step = step;
  }

  Sums train(const py::object& x, const py::object& y, const py::object& order, int64_t batch_size,
             const Update& update, const py::object& sample_weight, const py::object& learning_rates, int threads,
             const std::string& divide_by, const Sums& onto) {
    const Plan& plan = engine_.plan();
    PassArrays<T> in(x, plan);
    if (plan.losses.empty()) throw py::value_error("this tape has no loss: record one with loss(x, name)");
    in.add(y, order, sample_weight, plan);
    in.data.by_rows = divides_by_rows(divide_by);
    if (batch_size < 1) throw py::value_error("batch_size must be at least 1, got " + std::to_string(batch_size));
    batch_size = std::min(batch_size, std::max<int64_t>(1, in.data.rows));
    py::array_t<double> rates;
    if (!learning_rates.is_none())
      rates = checked<double>(learning_rates, "learning_rates", {(in.data.rows + batch_size - 1) / batch_size});
    const double* given_rates = learning_rates.is_none() ? nullptr : rates.data();
    Sums sums = onto;
    for (int64_t first = 0;;) {
      {
        py::gil_scoped_release release;
        std::unique_lock lock(shared_->mutex);
        sums = engine_.train(in.data, batch_size, update, given_rates, threads, std::move(sums), &first);
      }
      if (first >= in.data.rows) return sums;
      // Handlers of signals run without the lock: they may well save the model.
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
  }

  py::tuple gradient(const py::object& x, const py::object& y, double l2, double l1, const py::object& sample_weight,
                     int threads, const std::string& divide_by, const std::optional<py::sequence>& out) {
    PassArrays<T> in(x, engine_.plan());
    in.add(y, py::none(), sample_weight, engine_.plan());
    if (in.data.rows == 0) throw py::value_error("a gradient needs at least one row");
    in.data.by_rows = divides_by_rows(divide_by);
    std::vector<py::array_t<T>> gradients = out ? parameter_arrays(*out, true) : new_parameters();
    Sums sums;
    {
      py::gil_scoped_release release;
      std::unique_lock lock(shared_->mutex);
      Memory<T> packed(state().size);
      sums = engine_.gradient(in.data, {.l1 = l1, .l2 = l2}, threads, packed.get());
      unpack(packed.get(), gradients);
    }
    return py::make_tuple(sums.loss, sums.penalty, gradients);
  }

  Sums evaluate(const py::object& x, const py::object& y, const py::object& sample_weight, int64_t batch_size,
                int threads, const std::string& divide_by) {
    PassArrays<T> in(x, engine_.plan());
    in.add(y, py::none(), sample_weight, engine_.plan());
    in.data.by_rows = divides_by_rows(divide_by);
    batch_size = std::min(batch_size, in.data.rows);
    py::gil_scoped_release release;
    std::shared_lock lock(shared_->mutex);
    return engine_.evaluate(in.data, batch_size, threads);
  }

  py::object predict(const py::object& x, int threads, int64_t batch_size, bool training) {
    const Plan& plan = engine_.plan();
    const PassArrays<T> in(x, plan);
    if (plan.outputs.empty()) throw py::value_error("this tape has no output: mark one with output(x)");
    std::vector<py::array_t<T>> out;
    std::vector<T*> to;
    for (size_t i = 0; i < plan.outputs.size(); ++i) {
      std::vector<py::ssize_t> shape;
      if (plan.buffers[plan.outputs[i]].batched) shape.push_back(py::ssize_t(in.data.rows));
      else if (in.data.rows == 0) throw py::value_error("an output that is not batched needs at least one row");
      shape.push_back(py::ssize_t(plan.output_width(int(i))));
      out.emplace_back(shape);
      to.push_back(out.back().mutable_data());
    }
    {
      py::gil_scoped_release release;
      std::shared_lock lock(shared_->mutex);
      engine_.predict(in.data, to.data(), batch_size, training, threads);
    }
    if (out.size() == 1) return out[0];
    return py::cast(out);
  }

  py::array_t<T> input_gradient(const py::object& x, int threads) {
    const Plan& plan = engine_.plain();
    const PassArrays<T> input(x, plan);
    py::array_t<T> out(std::vector<py::ssize_t>{py::ssize_t(input.data.rows), plan.output_width(), plan.input_width()});
    T* to = out.mutable_data();
    py::gil_scoped_release release;
    std::shared_lock lock(shared_->mutex);
    engine_.input_gradient(input.data, to, threads);
    return out;
  }

 private:
  Parameters<T>& state() const { return *shared_->parameters; }

  static const WordKernels<T>* mixed_kernels(const std::string& name) {
    if (name != "bfloat16") throw py::value_error("mixed_precision must be None or 'bfloat16', got '" + name + "'");
    if (sizeof(T) != sizeof(float))
      throw py::value_error("mixed_precision='bfloat16' needs dtype 'float32', got 'float64'");
    if (const WordKernels<T>* kernels = bf16_kernels<T>()) return kernels;
    throw py::value_error(
        "mixed_precision='bfloat16' needs a processor with AVX512_BF16 (from Sapphire Rapids or Zen 4 on) and the "
        "avx512 kernels; here are those of " +
        std::string(kernels<T>().isa));
  }

  static bool divides_by_rows(const std::string& divide_by) {
    if (divide_by != "rows" && divide_by != "weights")
      throw py::value_error("divide_by must be 'rows' or 'weights', got '" + divide_by + "'");
    return divide_by == "rows";
  }

  std::vector<py::array_t<T>> new_parameters() const {
    std::vector<py::array_t<T>> arrays;
    for (const Layer& layer : engine_.plan().layers) {
      arrays.emplace_back(layer.is_dense() ? std::vector<py::ssize_t>{layer.in, layer.out}
                                           : std::vector<py::ssize_t>{layer.in});
      if (layer.declared.arrays() == 2) arrays.emplace_back(std::vector<py::ssize_t>{layer.out});
    }
    return arrays;
  }

  std::vector<py::array_t<T>> parameter_arrays(const py::sequence& parameters, bool writable) const {
    const Plan& plan = engine_.plan();
    if (int(py::len(parameters)) != plan.arrays())
      throw py::value_error("expected " + std::to_string(plan.arrays()) +
                            " parameters (kernel and bias of each dense layer), got " +
                            std::to_string(py::len(parameters)));
    std::vector<py::array_t<T>> arrays;
    for (size_t l = 0; l < plan.layers.size(); ++l) {
      const Layer& layer = plan.layers[l];
      const std::string name = std::to_string(l);
      const py::object first = parameters[arrays.size()];
      if (!layer.is_dense()) {  // of any shape
        const auto flat =
            py::isinstance<py::array>(first) && (py::reinterpret_borrow<py::array>(first).flags() & py::array::c_style)
                ? py::object(first.attr("reshape")(-1))
                : first;
        arrays.push_back(checked<T>(flat, ("parameter " + name).c_str(), {layer.in}, writable));
        continue;
      }
      arrays.push_back(checked<T>(first, ("kernel " + name).c_str(), {layer.in, layer.out}, writable));
      if (layer.declared.bias)
        arrays.push_back(checked<T>(parameters[arrays.size()], ("bias " + name).c_str(), {layer.out}, writable));
    }
    return arrays;
  }

  void pack(const std::vector<py::array_t<T>>& arrays, T* packed) const {
    size_t a = 0;
    for (const Layer& layer : engine_.plan().layers) {
      const T* first = arrays[a++].data();
      T* to = packed + layer.offset;
      if (!layer.is_dense()) {
        std::copy_n(first, layer.in, to);
        continue;
      }
      const std::vector<T> none(layer.declared.bias ? 0 : layer.out);
      engine_.kernels().pack(first, layer.declared.bias ? arrays[a++].data() : none.data(),
                             {to, layer.in + 1, layer.out});
    }
  }

  void unpack(T* packed, std::vector<py::array_t<T>>& arrays) const {
    size_t a = 0;
    for (const Layer& layer : engine_.plan().layers) {
      T *first = arrays[a++].mutable_data(), *from = packed + layer.offset;
      if (!layer.is_dense()) {
        std::copy_n(from, layer.in, first);
        continue;
      }
      std::vector<T> none(layer.declared.bias ? 0 : layer.out);
      engine_.kernels().unpack({from, layer.in + 1, layer.out}, first,
                               layer.declared.bias ? arrays[a++].mutable_data() : none.data());
    }
  }

  std::shared_ptr<SharedParameters<T>> shared_;
  Engine<T> engine_;
};

template <class T>
void bind_engine_of(py::module_& m, const char* name) {
  using E = BoundEngine<T>;
  py::class_<E>(m, name)
      .def_property_readonly("parameter_shapes", &E::parameter_shapes)
      .def_property("step", &E::step, &E::set_step)
      .def_property("seed", &E::seed, &E::set_seed)
      .def_property("mixed_precision", &E::mixed_precision, &E::set_mixed_precision)
      .def("load", &E::load, py::arg("parameters"))
      .def("store", &E::store, py::arg("parameters"))
      .def("slots", &E::slots)
      .def("set_slots", &E::set_slots, py::arg("slots"), py::arg("step"))
      .def("train", &E::train, py::arg("x"), py::arg("y"), py::arg("order"), py::arg("batch_size"), py::arg("update"),
           py::kw_only(), py::arg("sample_weight") = py::none(), py::arg("learning_rates") = py::none(),
           py::arg("n_threads") = 1, py::arg("divide_by") = "weights", py::arg("onto") = Sums())
      .def("gradient", &E::gradient, py::arg("x"), py::arg("y"), py::arg("l2") = 0.0, py::kw_only(),
           py::arg("l1") = 0.0, py::arg("sample_weight") = py::none(), py::arg("n_threads") = 1,
           py::arg("divide_by") = "weights", py::arg("out") = py::none())
      .def("evaluate", &E::evaluate, py::arg("x"), py::arg("y"), py::kw_only(), py::arg("sample_weight") = py::none(),
           py::arg("batch_size") = 0, py::arg("n_threads") = 1, py::arg("divide_by") = "weights")
      .def("predict", &E::predict, py::arg("x"), py::arg("n_threads") = 1, py::kw_only(), py::arg("batch_size") = 0,
           py::arg("training") = false)
      .def("input_gradient", &E::input_gradient, py::arg("x"), py::arg("n_threads") = 1);
}

template <class T>
py::object new_engine(const Tape& tape, const py::object& share) {
  using E = BoundEngine<T>;
  if (!share.is_none() && !py::isinstance<E>(share)) throw py::type_error("share must be an engine of the same dtype");
  E* made = share.is_none() ? new E(tape) : new E(tape, share.cast<const E&>());
  return py::cast(made, py::return_value_policy::take_ownership);
}

}  // namespace

void bind_engine(py::module_& m) {
  py::class_<Sums>(m, "Sums")
      .def(py::init<>())
      .def_readonly("loss", &Sums::loss)
      .def_readonly("penalty", &Sums::penalty)
      .def_readonly("losses", &Sums::losses)
      .def_property_readonly("totals",
                             [](const Sums& s) {
                               py::list all;
                               for (const auto& t : s.totals)
                                 all.append(py::array_t<double>(py::ssize_t(t.size()), t.data()));
                               return all;
                             })
      .def_readonly("total_weights", &Sums::total_weights)
      .def_readonly("rows", &Sums::rows)
      .def_property_readonly("mean_loss", [](const Sums& s) { return s.loss / double(s.rows); })
      .def("add", &Sums::add, py::arg("other"))
      .def("__iter__", [](const Sums& s) { return py::iter(py::make_tuple(s.loss, s.penalty)); });

  bind_engine_of<float>(m, "Engine32");
  bind_engine_of<double>(m, "Engine64");
  m.def(
      "Engine",
      [](const Tape& tape, const std::string& dtype, const py::object& share) -> py::object {
        if (dtype == "float32") return new_engine<float>(tape, share);
        if (dtype == "float64") return new_engine<double>(tape, share);
        throw py::value_error("dtype must be 'float32' or 'float64', got '" + dtype + "'");
      },
      py::arg("tape"), py::arg("dtype"), py::arg("share") = py::none());
}

}  // namespace mlpcore
