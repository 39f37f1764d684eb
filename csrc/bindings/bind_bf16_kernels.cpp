// The kernels that multiply bfloat16, as NumPy functions: plain float matrices in, rounded on their way, plain ones out.
#include <pybind11/stl.h>

#include <algorithm>
#include <vector>

#include "../bf16.h"
#include "../memory.h"
#include "kernel_table.h"

namespace mlpcore {

namespace {

const Bf16Kernels<float>& bf16_table(const Isa& isa) {
  if (const Bf16Kernels<float>* b = isa ? bf16_kernels<float>(isa->c_str()) : bf16_kernels<float>()) return *b;
  throw py::value_error("this processor or build has no instruction set '" + isa.value_or("avx512_bf16") + "'");
}

// The float kernels whose panels those in bfloat16 share.
const Kernels<float>& floats() { return *kernels<float>("avx512"); }

struct Matrix {
  Memory<float> memory;
  Panels<float> panels;

  Matrix(int64_t rows, int64_t width) : memory(floats().size(rows, width)), panels{memory.get(), rows, width} {}
  explicit Matrix(A<float> a) : Matrix(a.shape(0), a.shape(1)) { floats().gather(a.data(), nullptr, all(), panels); }
  Range all() const { return {0, panels.rows}; }
  py::array_t<float> numpy() const {
    py::array_t<float> a({panels.rows, panels.width});
    floats().scatter(panels, all(), a.mutable_data());
    return a;
  }
};

struct WordMatrix {
  Memory<uint32_t> memory;
  Words words;

  WordMatrix(int64_t rows, int64_t size) : memory(size), words{memory.get(), rows} {}
  static WordMatrix left(int64_t rows, int64_t depth) { return {rows, Words::left_size(rows, depth)}; }
  static WordMatrix right(int64_t depth, int64_t columns) {
    return {Words::panels(depth) * kWords, Words::right_size(depth, columns)};
  }
};

// The weights of a layer, and their words both ways.
struct Kernel {
  Matrix weights;
  WordMatrix forward, back;

  Kernel(const Bf16Kernels<float>& b, A<float> kernel, const float* bias)
      : weights(kernel.shape(0) + 1, kernel.shape(1)), forward(WordMatrix::right(kernel.shape(0), kernel.shape(1))),
        back(WordMatrix::right(kernel.shape(1), kernel.shape(0))) {
    floats().pack(kernel.data(), bias, weights.panels);
    for (int64_t p = 0; p < floats().panels(kernel.shape(1)); ++p)
      for (int64_t u = 0; u < floats().panels(kernel.shape(0)); ++u)
        b.weights(p, u, weights.panels, forward.words, back.words);
  }
};

void check_matrix(const py::array& a, const char* name, int64_t rows, int64_t width) {
  checked<float>(a, name, {rows, width});
}

py::array_t<float> dense(A<float> x, A<float> kernel, A<float> bias, bool relu, const Isa& isa) {
  const Bf16Kernels<float>& b = bf16_table(isa);
  check_matrix(x, "x", kAny, kAny);
  check_matrix(kernel, "kernel", x.shape(1), kAny);
  const int64_t rows = x.shape(0), in = x.shape(1), out = kernel.shape(1);
  checked<float>(bias, "bias", {out});
  const Kernel words(b, kernel, bias.data());
  const WordMatrix left = WordMatrix::left(rows, in);
  const Matrix y(rows, out);
  b.rows(y.all(), floats().by_rows(x.data(), in), nullptr, in, left.words);
  b.dense(y.all(), left.words, words.forward.words, words.weights.panels, relu, y.panels);
  return y.numpy();
}

py::array_t<float> dense_dx(A<float> dy, A<float> kernel, const std::optional<py::array_t<float>>& relu_output,
                            const Isa& isa) {
  const Bf16Kernels<float>& b = bf16_table(isa);
  check_matrix(kernel, "kernel", kAny, kAny);
  check_matrix(dy, "dy", kAny, kernel.shape(1));
  const int64_t rows = dy.shape(0), in = kernel.shape(0), out = kernel.shape(1);
  if (relu_output) check_matrix(*relu_output, "relu_output", rows, in);
  const std::vector<float> bias(size_t(out), 0.0f);
  const Kernel words(b, kernel, bias.data());
  const WordMatrix left = WordMatrix::left(rows, out);
  const Matrix from(dy), dx(rows, in), mask = relu_output ? Matrix(*relu_output) : Matrix(0, 0);
  b.rows(dx.all(), floats().by_rows(from.panels), nullptr, out, left.words);
  b.dense_dx(dx.all(), left.words, out, words.back.words, relu_output ? mask.memory.get() : nullptr, dx.panels);
  return dx.numpy();
}

py::array_t<float> dense_dw(A<float> x, A<float> dy, const Isa& isa) {
  const Bf16Kernels<float>& b = bf16_table(isa);
  check_matrix(x, "x", kAny, kAny);
  check_matrix(dy, "dy", x.shape(0), kAny);
  const int64_t rows = x.shape(0), in = x.shape(1), out = dy.shape(1);
  const Matrix gradient(dy), dw(in + 1, out);
  const WordMatrix by_rows = WordMatrix::left(rows, in), right = WordMatrix::right(rows, out);
  const WordMatrix left = WordMatrix::left(Words::panels(in) * 2 * kWords, rows);
  b.rows(gradient.all(), floats().by_rows(x.data(), in), nullptr, in, by_rows.words);
  for (int64_t u = 0; u < floats().panels(in); ++u) b.turned(u, rows, by_rows.words, in, left.words);
  for (int64_t p = 0; p < floats().panels(out); ++p) {
    b.pairs(p, rows, gradient.panels, right.words);
    const int64_t panel = floats().panel, width = std::min(panel, floats().padded(out) - p * panel);
    for (int64_t u = 0; u < floats().panels(in); ++u)
      b.dense_dw(p, u, rows, left.words, in, right.words, out,
                 dw.memory.get() + p * panel * (in + 1) + u * panel * width);
  }
  py::array_t<float> kernel({in, out}), bias(out);
  floats().unpack(dw.panels, kernel.mutable_data(), bias.mutable_data());
  return kernel;
}

}  // namespace

void bind_bf16_kernels(py::module_& m) {
  m.def("bf16_dense", dense, py::arg("x"), py::arg("kernel"), py::arg("bias"), py::arg("relu") = false, py::kw_only(),
        py::arg("isa") = py::none());
  m.def("bf16_dense_dx", dense_dx, py::arg("dy"), py::arg("kernel"), py::arg("relu_output") = py::none(), py::kw_only(),
        py::arg("isa") = py::none());
  m.def("bf16_dense_dw", dense_dw, py::arg("x"), py::arg("dy"), py::kw_only(), py::arg("isa") = py::none());
}

}  // namespace mlpcore
