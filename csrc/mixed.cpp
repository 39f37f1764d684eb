// Words of activations, gradients and weights, made when they are needed and kept beside the numbers themselves.
#include "mixed.h"

#include <algorithm>
#include <utility>

#include "space.h"

namespace mlpcore {

template <class T>
bool Mixed<T>::takes(const Plan& plan, const Node& node, bool is_sparse) {
  return node.kind == OpKind::dense && node.move == Move::none && plan.layers[node.layer].out > kThinColumns &&
         !(is_sparse && node.from() == plan.inputs[0]);
}

template <class T>
bool Mixed<T>::reads_inputs(const Plan& plan) {
  for (const Node& node : plan.nodes)
    for (const int from : node.inputs)
      if (std::count(plan.inputs.begin(), plan.inputs.end(), from) &&
          (!takes(plan, node, false) || plan.buffers[from].groups != 1))
        return false;
  return true;
}

template <class T>
Mixed<T>::Mixed(const Plan& plan, const Kernels<T>& k, const Bf16Kernels<T>& b, int64_t rows, bool is_sparse)
    : plan_(plan), k_(k), b_(b), nodes_(plan.nodes.size()), layers_(plan.layers.size()) {
  const auto each = [&](auto take) {  // take(words, their rows, their number) for all that the plan needs
    for (const Node& node : plan.nodes) {
      if (!takes(plan, node, is_sparse)) continue;
      const Layer& layer = plan.layers[node.layer];
      Operands& of = nodes_[index(node)];
      Kernel& kernel = layers_[node.layer];
      const int64_t n = plan.buffers[node.to].rows(rows);
      of.used = kernel.used = true;
      of.learns = layer.learns() && std::count(layer.uses.begin(), layer.uses.end(), int(index(node)));
      take(of.x, n, Words::left_size(n, layer.in));
      const int64_t turned = Words::panels(layer.in) * 2 * kWords;
      if (of.learns) take(of.turned_x, turned, Words::left_size(turned, n));
      if (of.learns) take(of.paired_dy, Words::panels(n) * kWords, Words::right_size(n, layer.out));
      if (node.wants[0]) take(of.dy, n, Words::left_size(n, layer.out));
      const auto once = [&](Words& words, int64_t depth, int64_t columns) {
        if (words.rows == 0) take(words, Words::panels(depth) * kWords, Words::right_size(depth, columns));
      };
      once(kernel.forward, layer.in, layer.out);
      if (node.wants[0]) once(kernel.back, layer.out, layer.in);
    }
  };
  int64_t total = 0;
  each([&](Words& words, int64_t its_rows, int64_t size) {
    words = {nullptr, its_rows};
    total += size;
  });
  for (Kernel& kernel : layers_) kernel.forward.rows = kernel.back.rows = 0;
  memory_ = Memory<uint32_t>(total);
  uint32_t* p = memory_.get();
  each([&](Words& words, int64_t its_rows, int64_t size) { words = {std::exchange(p, p + size), its_rows}; });
}

template <class T>
Panels<T> Mixed<T>::panels(const Layer& layer, const T* weights) const {
  return {const_cast<T*>(weights) + layer.offset, layer.in + 1, layer.out};
}

template <class T>
void Mixed<T>::read_weights(const T* weights) const {
  for (size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = plan_.layers[l];
    if (!layers_[l].used) continue;
    for (int64_t p = 0; p < k_.panels(layer.out); ++p)
      for (int64_t u = 0; u < k_.panels(layer.in); ++u)
        b_.weights(p, u, panels(layer, weights), layers_[l].forward, layers_[l].back);
  }
}

template <class T>
void Mixed<T>::read_weights(const Unit& unit, const T* weights) const {
  const Kernel& kernel = layers_[unit.layer];
  if (unit.kernel && kernel.used)
    b_.weights(unit.panel, unit.unit, panels(plan_.layers[unit.layer], weights), kernel.forward, kernel.back);
}

// f(range) for parts of a range whose operands stay in the second cache.
template <class F>
void each_part(Range range, F f) {
  constexpr int64_t rows = 128;
  for (int64_t r = range.first, end = r + range.rows; r < end; r += rows) f(Range{r, std::min(rows, end - r)});
}

template <class T>
void Mixed<T>::forward(const Node& node, Range range, Rows<T> x, const int64_t* order, Panels<T> weights,
                       Panels<T> y) const {
  const Operands& of = nodes_[index(node)];
  each_part(range, [&](Range part) {
    b_.rows(part, x, order, plan_.layers[node.layer].in, of.x);
    b_.dense(part, of.x, layers_[node.layer].forward, weights, node.relu, y);
  });
}

template <class T>
void Mixed<T>::backward(const Node& node, Range range, Panels<T> dy, const T* relu_output, Panels<T> dx) const {
  const Operands& of = nodes_[index(node)];
  each_part(range, [&](Range part) {
    b_.rows(part, k_.by_rows(dy), nullptr, dy.width, of.dy);
    b_.dense_dx(part, of.dy, dy.width, layers_[node.layer].back, relu_output, dx);
  });
}

template <class T>
void Mixed<T>::turn(const Node& node, int64_t rows, Panels<T> dy, int thread, int threads) const {
  const Operands& of = nodes_[index(node)];
  if (!of.learns) return;
  const int64_t in = plan_.layers[node.layer].in, panels_of_x = k_.panels(in);
  const Range mine = share(panels_of_x + k_.panels(dy.width), thread, threads);
  for (int64_t i = mine.first; i < mine.first + mine.rows; ++i)
    if (i < panels_of_x) b_.turned(i, rows, of.x, in, of.turned_x);
    else b_.pairs(i - panels_of_x, rows, dy, of.paired_dy);
}

template <class T>
Norms Mixed<T>::product(const Node& node, const Unit& unit, int64_t rows, const Step<T>* step, Weights<T> at) const {
  const Operands& of = nodes_[index(node)];
  const Layer& layer = plan_.layers[unit.layer];
  const auto gradient = [&](T* g) {
    b_.dense_dw(unit.panel, unit.unit, rows, of.turned_x, layer.in, of.paired_dy, layer.out, g);
  };
  if (!step) {
    gradient(at.w);
    return {};
  }
  alignas(64) T g[kBf16Unit];
  gradient(g);
  Norms norms{};
  if (step->l1 != 0 || step->l2 != 0 || step->clip_value != 0) norms = k_.penalise(*step, true, unit.size, at.w, g);
  k_.update(*step, true, T(1), unit.size, g, at);
  return norms;
}

template class Mixed<float>;
template class Mixed<double>;

}  // namespace mlpcore
