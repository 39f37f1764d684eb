// The products of words, as NumPy functions: plain float matrices in, split into words on their way, plain ones out.
#include <pybind11/stl.h>

#include <algorithm>
#include <vector>

#include "../memory.h"
#include "../words.h"
#include "kernel_table.h"

namespace mlpcore {

namespace {

const WordKernels<float>& word_table(const Isa& isa) {
  if (const WordKernels<float>* w = isa ? word_kernels<float>(isa->c_str()) : bf16_kernels<float>()) return *w;
  throw py::value_error("this processor or build has no instruction set '" + isa.value_or("avx512_bf16") + "'");
}

// The float kernels whose panels those of words share.
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

  // Of `tiles` times 16 rows or columns.
  WordMatrix(const WordKernels<float>& w, int64_t tiles, int64_t depth)
      : memory(tiles * Words::stride_of(depth, w.parts)), words{memory.get(), Words::stride_of(depth, w.parts)} {}
};

Matrix packed(A<float> kernel, const float* bias) {
  Matrix weights(kernel.shape(0) + 1, kernel.shape(1));
  floats().pack(kernel.data(), bias, weights.panels);
  return weights;
}

void check_matrix(const py::array& a, const char* name, int64_t rows, int64_t width) {
  checked<float>(a, name, {rows, width});
}

// f(range) for the rows in blocks of so many, 0: all at once
template <class F>
void each_block(int64_t rows, int64_t block, F f) {
  if (block < 0) throw py::value_error("block must not be negative");
  if (block == 0) block = std::max<int64_t>(rows, 1);
  for (int64_t r = 0; r < rows; r += block) f(Range{r, std::min(block, rows - r)});
}

py::array_t<float> dense(A<float> x, A<float> kernel, A<float> bias, bool relu, const Isa& isa, int64_t block) {
  const WordKernels<float>& w = word_table(isa);
  check_matrix(x, "x", kAny, kAny);
  check_matrix(kernel, "kernel", x.shape(1), kAny);
  const int64_t rows = x.shape(0), in = x.shape(1), out = kernel.shape(1);
  checked<float>(bias, "bias", {out});
  const Matrix weights = packed(kernel, bias.data()), y(rows, out);
  const WordMatrix left(w, Words::tiles(rows), in);
  each_block(rows, block, [&](Range range) {
    w.rows(range, floats().by_rows(x.data(), in), in, left.words);
    w.dense(range, left.words, weights.panels, relu, y.panels);
  });
  return y.numpy();
}

py::array_t<float> dense_dx(A<float> dy, A<float> kernel, const std::optional<py::array_t<float>>& relu_output,
                            const Isa& isa, int64_t block) {
  const WordKernels<float>& w = word_table(isa);
  check_matrix(kernel, "kernel", kAny, kAny);
  check_matrix(dy, "dy", kAny, kernel.shape(1));
  const int64_t rows = dy.shape(0), in = kernel.shape(0), out = kernel.shape(1);
  if (relu_output) check_matrix(*relu_output, "relu_output", rows, in);
  const std::vector<float> bias(size_t(out), 0.0f);
  const Matrix weights = packed(kernel, bias.data()), from(dy), dx(rows, in);
  const Matrix mask = relu_output ? Matrix(*relu_output) : Matrix(0, 0);
  const WordMatrix left(w, Words::tiles(rows), out);
  each_block(rows, block, [&](Range range) {
    w.rows(range, floats().by_rows(from.panels), out, left.words);
    w.dense_dx(range, left.words, weights.panels, relu_output ? mask.memory.get() : nullptr, dx.panels);
  });
  return dx.numpy();
}

py::array_t<float> dense_dw(A<float> x, A<float> dy, const Isa& isa) {
  const WordKernels<float>& w = word_table(isa);
  check_matrix(x, "x", kAny, kAny);
  check_matrix(dy, "dy", x.shape(0), kAny);
  const int64_t rows = x.shape(0), in = x.shape(1), out = dy.shape(1), panel = floats().panel;
  const Matrix gradient(dy), dw(in + 1, out);
  const WordMatrix left(w, Words::tiles(in), rows), right(w, Words::tiles(out), rows);
  for (int64_t u = 0; u < floats().panels(in); ++u) w.turned(u, rows, floats().by_rows(x.data(), in), in, left.words);
  w.begin();
  for (int64_t p = 0; p < floats().panels(out); ++p) {
    w.pairs(p, rows, gradient.panels, right.words);
    const int64_t width = floats().panel_width(out, p);
    for (int64_t u = 0; u < floats().panels(in); ++u)
      w.dense_dw(p, u, rows, left.words, in, right.words, out, nullptr,
                 {dw.memory.get() + p * panel * (in + 1) + u * panel * width});
  }
  w.end();
  py::array_t<float> kernel({in, out}), bias(out);
  floats().unpack(dw.panels, kernel.mutable_data(), bias.mutable_data());
  return kernel;
}

}  // namespace

void bind_word_kernels(py::module_& m) {
  m.def("word_dense", dense, py::arg("x"), py::arg("kernel"), py::arg("bias"), py::arg("relu") = false, py::kw_only(),
        py::arg("isa") = py::none(), py::arg("block") = 0);
  m.def("word_dense_dx", dense_dx, py::arg("dy"), py::arg("kernel"), py::arg("relu_output") = py::none(), py::kw_only(),
        py::arg("isa") = py::none(), py::arg("block") = 0);
  m.def("word_dense_dw", dense_dw, py::arg("x"), py::arg("dy"), py::kw_only(), py::arg("isa") = py::none());
}

}  // namespace mlpcore
