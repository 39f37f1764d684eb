// Words of activations and gradients, made where a product is about to read them.
#include "word_products.h"

#include <algorithm>
#include <utility>

#include "space.h"

namespace mlpcore {

template <class T>
bool WordProducts<T>::takes(const Plan& plan, const Node& node, const WordKernels<T>& w, int64_t rows, bool is_sparse) {
  if (node.kind != OpKind::dense || node.move != Move::none || (is_sparse && node.from() == plan.inputs[0]))
    return false;
  const Layer& layer = plan.layers[node.layer];
  return w.pays(plan.buffers[node.to].rows(rows), layer.in, layer.out);
}

template <class T>
bool WordProducts<T>::pays(const Plan& plan, const WordKernels<T>& w, int64_t rows, bool is_sparse) {
  return std::any_of(plan.nodes.begin(), plan.nodes.end(),
                     [&](const Node& node) { return takes(plan, node, w, rows, is_sparse); });
}

template <class T>
WordProducts<T>::WordProducts(const Plan& plan, const Kernels<T>& k, const WordKernels<T>& w, int64_t rows,
                              int64_t judged_by, bool training, bool is_sparse)
    : plan_(plan), k_(k), w_(w), is_sparse_(is_sparse) {
  std::map<int64_t, int64_t> tiles;  // of the rows, by groups
  int64_t turned = 0, paired = 0;
  for (const Node& node : plan.nodes) {
    if (!takes(plan, node, w, judged_by, is_sparse)) continue;
    const Layer& layer = plan.layers[node.layer];
    const int64_t n = plan.buffers[node.to].rows(rows), depth = Words::stride_of(n, w.parts);
    int64_t& stride = left_[plan.buffers[node.to].groups].stride;
    stride = std::max(stride, Words::stride_of(node.wants[0] ? std::max(layer.in, layer.out) : layer.in, w.parts));
    int64_t& most = tiles[plan.buffers[node.to].groups];
    most = std::max(most, Words::tiles(n));
    if (!training || !layer.learns() || !layer.is_fused()) continue;
    turned = std::max(turned, Words::tiles(layer.in) * depth);
    paired = std::max(paired, Words::tiles(layer.out) * depth);
  }
  int64_t left = 0;
  for (const auto& [groups, words] : left_) left += tiles[groups] * words.stride;
  left_memory_ = Memory<uint32_t>(left);
  turned_ = Memory<uint32_t>(turned);
  paired_ = Memory<uint32_t>(paired);
  uint32_t* at = left_memory_.get();
  for (auto& [groups, words] : left_) words.at = std::exchange(at, at + tiles[groups] * words.stride);
}

// f(range) for parts of a range whose words stay in the second cache.
template <class F>
void each_part(Range range, F f) {
  constexpr int64_t rows = 256;
  for (int64_t r = range.first, end = r + range.rows; r < end; r += rows) f(Range{r, std::min(rows, end - r)});
}

template <class T>
void WordProducts<T>::read(const Node& node, Range range, Rows<T> x) const {
  w_.rows(range, x, plan_.layers[node.layer].in, left(node));
}

template <class T>
void WordProducts<T>::forward(const Node& node, Range range, Rows<T> x, Panels<T> weights, Panels<T> y) const {
  each_part(range, [&](Range part) {
    read(node, part, x);
    forward_columns(node, part, weights, y);
  });
}

template <class T>
void WordProducts<T>::forward_columns(const Node& node, Range range, Panels<T> weights, Panels<T> y) const {
  w_.dense(range, left(node), weights, node.relu, y);
}

template <class T>
void WordProducts<T>::backward(const Node& node, Range range, Panels<T> dy, Panels<T> weights, const T* relu_output,
                               Panels<T> dx) const {
  each_part(range, [&](Range part) {
    w_.rows(part, k_.by_rows(dy), dy.width, left(node));
    w_.dense_dx(part, left(node), weights, relu_output, dx);
  });
}

template <class T>
void WordProducts<T>::turn(const Layer& layer, int64_t rows, Rows<T> x, Panels<T> dy, int thread, int threads) const {
  const int64_t panels_of_x = k_.panels(layer.in);
  const Range mine = share(panels_of_x + k_.panels(layer.out), thread, threads);
  for (int64_t i = mine.first; i < mine.first + mine.rows; ++i)
    if (i < panels_of_x) w_.turned(i, rows, x, layer.in, turned(rows));
    else w_.pairs(i - panels_of_x, rows, dy, paired(rows));
}

template <class T>
Norms WordProducts<T>::gradient(const Layer& layer, int64_t p, int64_t u, int64_t rows, const Step<T>* step,
                                Weights<T> at) const {
  return w_.dense_dw(p, u, rows, turned(rows), layer.in, paired(rows), layer.out, step, at);
}

template class WordProducts<float>;
template class WordProducts<double>;

}  // namespace mlpcore
