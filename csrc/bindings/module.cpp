// The module mlpcore._core: what this processor runs, the engine, and the kernels as NumPy functions.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>

#include "../kernels.h"
#include "../row_kernels.h"
#include "../team.h"
#include "../words.h"

namespace py = pybind11;

namespace mlpcore {

void bind_engine(py::module_& m);
void bind_tape(py::module_& m);
void bind_kernels(py::module_& m);
void bind_predictor(py::module_& m);

namespace {

std::vector<std::string> available_bf16() {
  std::vector<std::string> names;
  for (const char* isa : {"avx512_bf16", "amx_bf16"})
    if (word_kernels<float>(isa)) names.push_back(isa);
  return names;
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const char* isa : {"baseline", "avx2", "avx512", "amx"})
    if (kernels<float>(isa)) names.push_back(isa);
  return names;
}

template <class T>
double flops_per_second(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double best = 0;
  do {
    const auto t = Clock::now();
    const double flops = kernels<T>().fma_peak(400000);
    best = std::max(best, flops / std::chrono::duration<double>(Clock::now() - t).count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  return best;
}

double fma_peak(const std::string& dtype, double seconds) {
  if (dtype != "float32" && dtype != "float64")
    throw py::value_error("dtype must be 'float32' or 'float64', got '" + dtype + "'");
  py::gil_scoped_release release;
  return dtype == "float32" ? flops_per_second<float>(seconds) : flops_per_second<double>(seconds);
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  if (const char* error = isa_error()) throw py::import_error(error);
  m.doc() = "The compiled core of mlpcore.";
  m.def("isa", [] { return kernels<float>().isa; });
  m.def("available_isas", available_isas);
  m.def("available_bf16", available_bf16);
  m.def("default_threads", max_threads);
  m.def("set_default_threads", set_max_threads, py::arg("n_threads"));
  m.def("processors", processors);
  m.def("fma_peak", fma_peak, py::arg("dtype") = "float32", py::arg("seconds") = 0.2);

  static const mlpcore_row_kernels rows = {kernels<float>().dot, kernels<double>().dot, kernels<float>().axpy,
                                           kernels<double>().axpy};
  m.attr("row_kernels") = py::capsule(&rows, MLPCORE_ROW_KERNELS);

  bind_tape(m);
  bind_engine(m);
  bind_predictor(m);
  py::module_ k = m.def_submodule("kernels", "Every kernel as a NumPy function, for tests, benchmarks and teaching.");
  bind_kernels(k);
}

}  // namespace mlpcore

// What threadpoolctl calls to read and set the number of threads.
extern "C" __attribute__((visibility("default"))) int mlpcore_get_num_threads() { return mlpcore::max_threads(); }
extern "C" __attribute__((visibility("default"))) void mlpcore_set_num_threads(int n) { mlpcore::set_max_threads(n); }
