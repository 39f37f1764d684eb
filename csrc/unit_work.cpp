// The weights' phase of a step, unit by unit: gradients from products and from values, and the penalties.
#include "unit_work.h"

#include <algorithm>
#include <utility>

namespace mlpcore {

namespace {

constexpr int64_t kPlainUnit = 2048;  // elements of a parameter that is not of a dense layer

}  // namespace

// The units of all layers, given what each weight of the first and of the others costs.
template <class T>
std::vector<Unit> UnitWork<T>::units_of(int64_t first_cost, int64_t other_cost) const {
  std::vector<Unit> units;
  int64_t cost = 0;
  for (const Layer& layer : plan_.layers) {
    if (!layer.learns()) continue;
    const int l = int(&layer - plan_.layers.data());
    if (!layer.is_dense()) {
      for (int64_t first = 0; first < layer.size; first += kPlainUnit) {
        const int64_t size = std::min(kPlainUnit, layer.size - first);
        units.push_back({l, 0, 0, layer.offset + first, size, cost, false});
        cost += size * other_cost;
      }
      continue;
    }
    for (int64_t p = 0; p < k_.panels(layer.out); ++p)
      for (int64_t u = 0; u < k_.units(layer.in); ++u) {
        const bool kernel = u + 1 < k_.units(layer.in);
        if (!kernel && !layer.declared.bias) continue;
        const int64_t first = kernel ? u * kUnitRows : layer.in;
        const int64_t rows = kernel ? std::min(kUnitRows, layer.in - first) : 1;
        const int64_t width = k_.panel_width(layer.out, p);
        const int64_t offset = layer.offset + p * k_.panel * (layer.in + 1) + first * width;
        units.push_back({l, p, u, offset, rows * width, cost, kernel});
        cost += rows * width * (l == 0 ? first_cost : other_cost);
      }
  }
  units.push_back({-1, 0, 0, 0, 0, cost, false});  // the end
  return units;
}

// One product's part in the gradient of a unit: with a step applied at once, else stored in to.w.
template <class T>
Norms UnitWork<T>::product(const Batch<T>& batch, const Space<T>& space, const Input<T>& x, const Unit& unit, int use,
                           const Step<T>* step, Weights<T> to) const {
  const Layer& layer = plan_.layers[unit.layer];
  const Node& node = plan_.nodes[use];
  const Panels<T> dy = space.buffers[node.to].gradient;
  if (unit.kernel && layer.is_fused() && passes_.on_words(node, space, x)) {
    const int64_t rows = plan_.buffers[node.to].rows(batch.rows);
    return space.words->gradient(layer, unit.panel, unit.unit, rows, step, to.from(unit.offset));
  }
  const Weights<T> at = to.from(layer.offset);
  if (x.sparse.start && node.from() == plan_.inputs[0])
    return k_.sparse_dw(unit.panel, unit.unit, batch.rows, space.columns.get(), layer.in, dy, step, at);
  return k_.dense_dw(unit.panel, unit.unit, plan_.buffers[node.to].rows(batch.rows), passes_.read_rows(node, space, x),
                     layer.in, dy, step, at);
}

// This thread's part of what the gradients of a layer's units read, where that is to be made first; it begins the work on
// words that each() ends.
template <class T>
void UnitWork<T>::prepare(const Batch<T>& batch, const Space<T>& space, const Input<T>& x, const Layer& layer,
                          bool& follows, int thread, int threads, Barrier& barrier) const {
  if (!layer.is_fused()) return;
  const Node& node = plan_.nodes[layer.uses[0]];
  if (!passes_.on_words(node, space, x)) return;
  if (std::exchange(follows, true)) barrier.wait();  // all have read what the layer before it needed
  space.words->turn(layer, plan_.buffers[node.to].rows(batch.rows), passes_.read_rows(node, space, x),
                    space.buffers[node.to].gradient, thread, threads);
  barrier.wait();
  space.words->begin();
}

// The whole gradient of a unit's weights, stored in `gradient`, packed as the weights; `extra` is as large.
template <class T>
void UnitWork<T>::collect(const Batch<T>& batch, const Space<T>& space, const Input<T>& x, const Unit& unit,
                          T* gradient, T* extra) const {
  const Layer& layer = plan_.layers[unit.layer];
  T* to = gradient + unit.offset;
  if (!layer.is_dense()) {
    const int64_t first = unit.offset - layer.offset, n = std::min(unit.size, layer.in - first);
    std::copy_n(space.buffers[layer.read[0]].gradient.at + first, n, to);
    std::fill(to + n, to + unit.size, T(0));
    return;
  }
  if (layer.uses.empty()) std::fill_n(to, unit.size, T(0));
  for (size_t i = 0; i < layer.uses.size(); ++i) {
    product(batch, space, x, unit, layer.uses[i], nullptr, {i == 0 ? gradient : extra, nullptr, nullptr});
    if (i > 0) k_.axpy(T(1), extra + unit.offset, to, unit.size);
  }
  const int b = layer.read[unit.kernel ? 0 : 1];
  if (b < 0) return;
  // Row r of the unit is columns p * panel ... of row r of the plain gradient.
  const int64_t column = unit.panel * k_.panel, width = std::min(k_.panel, k_.padded(layer.out - column));
  const int64_t n = std::min(width, layer.out - column), first = unit.kernel ? unit.unit * kUnitRows : 0;
  const T* from = space.buffers[b].gradient.at + first * layer.out + column;
  k_.copy_columns(unit.size / width, n, from, layer.out, to, width, true);
}

// The step for a unit, with the penalties of its layer.
template <class T>
Step<T> UnitWork<T>::step_of(const Step<T>& step, const Unit& unit) const {
  const Layer& layer = plan_.layers[unit.layer];
  Step<T> own = step;
  own.l1 += T(layer.l1);
  own.l2 += T(2 * layer.l2);
  return own;
}

// The penalties' value: l1 and l2 (as 0.5 l2 w^2) over `divisor`, and those of the layers.
template <class T>
double UnitWork<T>::penalty_of(const Norms* norms, const std::vector<Unit>& units, double l1, double l2,
                               double divisor) const {
  double squares = 0, magnitudes = 0, own = 0;
  for (size_t u = 0; u + 1 < units.size(); ++u) {
    const Layer& layer = plan_.layers[units[u].layer];
    squares += norms[u].squares;
    magnitudes += norms[u].magnitudes;
    own += layer.l1 * norms[u].magnitudes + layer.l2 * norms[u].squares;
  }
  return (l1 * magnitudes + 0.5 * l2 * squares) / divisor + own;
}

template class UnitWork<float>;
template class UnitWork<double>;

}  // namespace mlpcore
