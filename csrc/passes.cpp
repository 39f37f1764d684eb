// Each op's kernel calls, forward and backward.
#include "passes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace mlpcore {

template <class T>
Range Passes<T>::rows_of(int buffer, Range range) const {
  const Buffer& b = plan_.buffers[buffer];
  return b.batched ? Range{range.first * b.groups, range.rows * b.groups} : Range{0, b.groups};
}

// A plain buffer, or its gradient, from the range's first row on.
template <class T>
T* Passes<T>::plain(const Space<T>& space, int buffer, Range range, bool gradient) const {
  const auto& at = space.buffers[buffer];
  return (gradient ? at.gradient.at : at.value.at) + rows_of(buffer, range).first * plan_.buffers[buffer].width;
}

template <class T>
Operand<const T> Passes<T>::operand(const Space<T>& space, int buffer, Range range, int64_t width) const {
  const Buffer& b = plan_.buffers[buffer];
  return {plain(space, buffer, range), b.batched ? b.width : 0, b.width == 1 && width > 1 ? 0 : 1};
}

template <class T>
Operand<T> Passes<T>::gradient(const Space<T>& space, const Node& node, size_t i, Range range, int64_t width) const {
  const int buffer = node.inputs[i];
  const Buffer& b = plan_.buffers[buffer];
  T* at = node.wants[i] ? plain(space, buffer, range, true) : nullptr;
  return {at, b.batched ? b.width : 0, b.width == 1 && width > 1 ? 0 : 1};
}

template <class T>
Rows<T> Passes<T>::product_rows(const Space<T>& space, const Input<T>& x, int buffer) const {
  for (size_t i = 0; i < plan_.inputs.size(); ++i)
    if (plan_.inputs[i] == buffer && i < x.x.size() && x.x[i]) return k_.by_rows(x.x[i], plan_.buffers[buffer].width);
  const Panels<T> value = space.buffers[buffer].value;
  return k_.by_rows(value);
}

// A buffer from the range's first row and the given column on, in that column's panel.
template <class T>
typename Passes<T>::Columns Passes<T>::columns(const Space<T>& space, int buffer, Range range, int64_t column,
                                               bool gradient) const {
  const Buffer& b = plan_.buffers[buffer];
  if (b.layout == Layout::plain) return {plain(space, buffer, range, gradient) + column, b.width, b.width - column};
  const auto& at = space.buffers[buffer];
  const Panels<T> m = gradient ? at.gradient : at.value;
  const int64_t p = column / k_.panel, width = k_.panel_width(m.width, p);
  const int64_t used = std::min(m.width - column, k_.panel - column % k_.panel);
  return {m.at + p * k_.panel * m.rows + range.first * width + column % k_.panel, width, used};
}

// Zeros past the last column of a buffer in panels.
template <class T>
void Passes<T>::clear_padding(const Space<T>& space, int buffer, Range range, bool gradient) const {
  if (plan_.buffers[buffer].layout == Layout::plain) return;
  const Panels<T> m = gradient ? space.buffers[buffer].gradient : space.buffers[buffer].value;
  const int64_t p = k_.panels(m.width) - 1, width = k_.panel_width(m.width, p), used = m.width - p * k_.panel;
  T* at = m.at + p * k_.panel * m.rows + range.first * width;
  for (int64_t r = 0; r < range.rows; ++r) std::fill(at + r * width + used, at + (r + 1) * width, T(0));
}

// Each input's columns to their place in the result, or the result's gradient back.
template <class T>
void Passes<T>::join(const Node& node, const Space<T>& space, Range range, bool back) const {
  int64_t first = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int input = node.inputs[i];
    const int64_t width = plan_.buffers[input].width, begin = std::exchange(first, first + width);
    if (back && !node.wants[i]) continue;
    for (int64_t c = 0; c < width;) {
      const Columns x = columns(space, input, range, c, back), y = columns(space, node.to, range, begin + c, back);
      const int64_t n = std::min(x.n, y.n);
      if (back) k_.copy_columns(range.rows, n, y.at, y.stride, x.at, x.stride, node.adds[i]);
      else k_.copy_columns(range.rows, n, x.at, x.stride, y.at, y.stride, false);
      c += n;
    }
    if (back && !node.adds[i]) clear_padding(space, input, range, true);
  }
  if (!back) clear_padding(space, node.to, range, false);
}

// to += from
template <class T>
void Passes<T>::add(Panels<T> from, Range range, Panels<T> to) const {
  for (int64_t p = 0; p < k_.panels(to.width); ++p) {
    const int64_t width = k_.panel_width(to.width, p), at = p * k_.panel * to.rows + range.first * width;
    k_.axpy(T(1), from.at + at, to.at + at, range.rows * width);
  }
}

template <class T>
void Passes<T>::read(const Space<T>& space, int buffer, Range range, T* out) const {
  const Buffer& b = plan_.buffers[buffer];
  const Range rows = rows_of(buffer, range);
  if (b.layout == Layout::panels) k_.scatter(space.buffers[buffer].value, rows, out);
  else std::copy_n(plain(space, buffer, range), rows.rows * b.width, out);
}

template <class T>
void Passes<T>::zero_gradients(const Space<T>& space, Range range, bool unbatched) const {
  for (size_t b = 0; b < plan_.buffers.size(); ++b) {
    const Buffer& of = plan_.buffers[b];
    if (of.gradient && of.layout == Layout::plain && (of.batched || unbatched))
      std::fill_n(plain(space, int(b), range, true), rows_of(int(b), range).rows * of.width, T(0));
  }
}

// Dropout's and noise's way for values, and for gradients on their way back.
template <class T>
void Passes<T>::noise(const Node& node, Range range, const Noise* noise, bool back, Panels<T> from,
                      Panels<T> to) const {
  const auto numbers = [&](T rate) { return Dropout<T>{rate, noise->seed, uint32_t(noise->step), uint32_t(node.op)}; };
  const bool active = noise && node.alpha > 0;
  if (active && node.kind == OpKind::dropout)  // of a rate that may round to 1
    k_.dropout(numbers(std::min(T(node.alpha), std::nextafter(T(1), T(0)))), range, from, to);
  else if (active && !back) k_.gaussian(numbers(T(node.alpha)), range, from, to);
  else if (from.at != to.at) k_.activation(Activation::identity, T(0), range, from, to);
}

template <class T>
void Passes<T>::forward(const Node& node, const Space<T>& space, const Input<T>& x, Range range,
                        const Noise* noise) const {
  if (range.rows == 0) return;
  const Panels<T> to = space.buffers[node.to].value;
  const Range rows = rows_of(node.to, range);
  if (node.move == Move::to_plain)
    return k_.scatter(space.buffers[node.from()].value, rows_of(node.from(), range), plain(space, node.to, range));
  if (node.move == Move::to_panels) {
    const T* from = space.buffers[node.from()].value.at + rows.first * to.width;
    return k_.gather(from, nullptr, rows, to);
  }
  if (plan_.joins_panels(node)) return join(node, space, range, false);
  switch (node.kind) {
    case OpKind::dense: {
      const Layer& layer = plan_.layers[node.layer];
      if (x.sparse.start && node.from() == plan_.inputs[0])
        return k_.sparse_dense(rows, x.sparse, x.order, layer_weights(layer), node.relu, to);
      if (on_words(node, space, x))
        return space.words->forward(node, rows, read_rows(node, space, x), layer_weights(layer), to);
      return k_.dense(rows, read_rows(node, space, x), layer_weights(layer), node.relu, to);
    }
    case OpKind::dropout:
    case OpKind::gaussian_noise: return this->noise(node, rows, noise, false, space.buffers[node.from()].value, to);
    case OpKind::activation:
      return k_.activation(node.activation, T(node.alpha), rows, space.buffers[node.from()].value, to);
    default: return forward_plain(node, space, range);
  }
}

template <class T>
Rows<T> Passes<T>::read_rows(const Node& node, const Space<T>& space, const Input<T>& x) const {
  if (plan_.buffers[node.from()].layout == Layout::panels) return product_rows(space, x, node.from());
  return k_.by_rows(space.buffers[node.from()].value.at, plan_.layers[node.layer].in);
}

template <class T>
void Passes<T>::read_for_columns(const Node& node, const Space<T>& space, const Input<T>& x, Range range) const {
  space.words->read(node, rows_of(node.to, range), read_rows(node, space, x));
}

template <class T>
void Passes<T>::forward_columns(const Node& node, const Space<T>& space, const Input<T>& x, int64_t rows, int thread,
                                int threads) const {
  const Layer& layer = plan_.layers[node.layer];
  // A last panel so narrow that it would be computed another way stays with the one before it.
  const int64_t last = layer.out - (k_.panels(layer.out) - 1) * k_.panel;
  const Range mine = share(k_.panels(layer.out) - (last <= kThinColumns), thread, threads);
  const int64_t first = mine.first * k_.panel;
  const int64_t end = thread + 1 == threads ? layer.out : first + mine.rows * k_.panel;
  if (end <= first) return;
  const Panels<T> w = layer_weights(layer), y = space.buffers[node.to].value;
  const Range all = rows_of(node.to, {0, rows});
  const Panels<T> my_w{w.at + first * w.rows, w.rows, end - first}, my_y{y.at + first * y.rows, y.rows, end - first};
  if (on_words(node, space, x)) space.words->forward_columns(node, all, my_w, my_y);
  else k_.dense(all, read_rows(node, space, x), my_w, node.relu, my_y);
}

namespace {

template <class S>
View view_of(const S& sizes) {
  View v{};
  v.n = int(sizes.size() / 2);
  for (int i = 0; i < v.n; ++i) {
    v.dims[i] = sizes[i];
    v.strides[i] = sizes[v.n + i];
  }
  v.offset = sizes.back();
  return v;
}

}  // namespace

template <class T>
void Passes<T>::forward_plain(const Node& node, const Space<T>& space, Range range) const {
  const Buffer& to = plan_.buffers[node.to];
  T* y = plain(space, node.to, range);
  const int64_t rows = rows_of(node.to, range).rows, width = to.width;
  const auto x = [&](size_t i) { return operand(space, node.inputs[i], range, width); };
  const auto width_of = [&](size_t i) { return plan_.buffers[node.inputs[i]].width; };
  const std::vector<int64_t>& sizes = node.sizes;
  switch (node.kind) {
    case OpKind::parameter: {
      const Layer& layer = plan_.layers[node.layer];
      if (!layer.is_dense()) std::copy_n(weights_ + layer.offset, layer.in, y);
      else if (node.part == Part::kernel) k_.scatter(layer_weights(layer), {0, layer.in}, y);
      else k_.scatter(layer_weights(layer), {layer.in, 1}, y);
      return;
    }
    case OpKind::n_rows: *y = T(range.rows); return;
    case OpKind::unary: return k_.unary(Unary(node.index), rows * width, x(0).at, y);
    case OpKind::binary: return k_.binary(Binary(node.index), rows, width, x(0), x(1), y);
    case OpKind::where: return k_.where(rows, width, x(0), x(1), x(2), y);
    case OpKind::view: return k_.view(rows, width_of(0), view_of(sizes), x(0).at, y);
    case OpKind::concat: {
      const int64_t outer = sizes[0];
      int64_t column = 0;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const int64_t each = width_of(i) / outer;
        const Operand<const T> from = x(i);
        if (from.row || rows == 1) k_.copy_columns(rows * outer, each, from.at, each, y + column, width / outer, false);
        else
          for (int64_t r = 0; r < rows; ++r)
            k_.copy_columns(outer, each, from.at, each, y + r * width + column, width / outer, false);
        column += each;
      }
      return;
    }
    case OpKind::reduce: return k_.reduce(Reduction(node.index), rows, sizes[0], sizes[1], sizes[2], x(0).at, y);
    case OpKind::over_rows: return k_.reduce(Reduction(node.index), 1, 1, range.rows, width, x(0).at, y);
    case OpKind::matmul: return k_.matmul(rows, sizes[0], sizes[1], sizes[2], x(0), x(1), y);
    case OpKind::take: return k_.take(rows * width_of(1), sizes[0], width_of(0) / sizes[0], x(0).at, x(1).at, y);
    case OpKind::one_hot: return k_.one_hot(rows * width_of(0), sizes[0], x(0).at, y);
    case OpKind::stop_gradient: std::copy_n(x(0).at, rows * width, y); return;
    default: return;
  }
}

template <class T>
void Passes<T>::backward(const Node& node, const Space<T>& space, const Input<T>& x, Range range, const Noise* noise,
                         T* scratch) const {
  if (range.rows == 0 || !node.has_gradient || node.in_loss) return;
  if (node.kind == OpKind::dense && node.move == Move::none) return backward_dense(node, space, x, range, scratch);
  if (!node.needs_dx()) return;
  if (plan_.joins_panels(node)) return join(node, space, range, true);
  const int from = node.from();
  const auto &in = space.buffers[from], &out = space.buffers[node.to];
  const Range rows = rows_of(from, range);
  const Panels<T> dx = node.spare >= 0 ? space.buffers[node.spare].value : in.gradient;
  if (node.move == Move::to_panels) {  // the spare is plain
    T* moved = plain(space, node.spare, range);
    k_.scatter(out.gradient, rows_of(node.to, range), moved);
    const int64_t width = plan_.width(from), n = rows_of(from, range).rows;
    return k_.copy_columns(n, width, moved, width, plain(space, from, range, true), width, true);
  }
  if (node.move == Move::to_plain) {
    k_.gather(plain(space, node.to, range, true), nullptr, rows, dx);
  } else if (node.kind == OpKind::dropout || node.kind == OpKind::gaussian_noise) {
    this->noise(node, rows, noise, true, out.gradient, dx);
  } else if (node.kind == OpKind::activation) {
    const Panels<T> at = derivative_needs_input(node.activation) ? in.value : out.value;
    k_.activation_dx(node.activation, T(node.alpha), rows, at, out.gradient, dx);
  } else {
    return backward_plain(node, space, range);
  }
  if (node.spare >= 0) add(dx, rows, in.gradient);
}

template <class T>
void Passes<T>::backward_dense(const Node& node, const Space<T>& space, const Input<T>& x, Range range,
                               T* scratch) const {
  const Layer& layer = plan_.layers[node.layer];
  const auto &in = space.buffers[node.from()], &out = space.buffers[node.to];
  const Range rows = rows_of(node.to, range);
  if (node.relu && !node.relu_masked)
    k_.activation_dx(Activation::relu, T(0), rows, out.value, out.gradient, out.gradient);
  if (!node.wants[0]) return;
  const Panels<T> dx = node.spare >= 0 ? space.buffers[node.spare].value : in.gradient;
  const T* relu_output = node.masks_dx ? in.value.at : nullptr;
  if (on_words(node, space, x)) space.words->backward(node, rows, out.gradient, layer_weights(layer), relu_output, dx);
  else k_.dense_dx(rows, out.gradient, layer_weights(layer), relu_output, dx, scratch);
  if (node.spare < 0) return;
  if (plan_.buffers[node.from()].layout == Layout::panels) return add(dx, rows, in.gradient);
  T* moved = plain(space, node.spare + 1, range);
  k_.scatter(dx, rows, moved);
  k_.copy_columns(rows.rows, layer.in, moved, layer.in, plain(space, node.from(), range, true), layer.in, true);
}

template <class T>
void Passes<T>::backward_plain(const Node& node, const Space<T>& space, Range range) const {
  const Buffer& to = plan_.buffers[node.to];
  const T *y = plain(space, node.to, range), *dy = plain(space, node.to, range, true);
  const int64_t rows = rows_of(node.to, range).rows, width = to.width;
  const auto x = [&](size_t i) { return operand(space, node.inputs[i], range, width); };
  const auto dx = [&](size_t i) { return gradient(space, node, i, range, width); };
  const auto width_of = [&](size_t i) { return plan_.buffers[node.inputs[i]].width; };
  const std::vector<int64_t>& sizes = node.sizes;
  switch (node.kind) {
    case OpKind::unary: return k_.unary_dx(Unary(node.index), rows * width, x(0).at, y, dy, dx(0).at);
    case OpKind::binary: return k_.binary_dx(Binary(node.index), rows, width, x(0), x(1), y, dy, dx(0), dx(1));
    case OpKind::where: return k_.where_dx(rows, width, x(0), dy, dx(1), dx(2));
    case OpKind::view: return k_.view_dx(rows, width_of(0), view_of(sizes), dy, dx(0).at);
    case OpKind::concat: {
      const int64_t outer = sizes[0];
      int64_t column = 0;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const int64_t each = width_of(i) / outer;
        const Operand<T> d = dx(i);
        if (!d.at) {
        } else if (d.row || rows == 1)
          k_.copy_columns(rows * outer, each, dy + column, width / outer, d.at, each, true);
        else
          for (int64_t r = 0; r < rows; ++r)
            k_.copy_columns(outer, each, dy + r * width + column, width / outer, d.at, each, true);
        column += each;
      }
      return;
    }
    case OpKind::reduce:
      return k_.reduce_dx(Reduction(node.index), rows, sizes[0], sizes[1], sizes[2], x(0).at, y, dy, dx(0).at);
    case OpKind::over_rows:
      return k_.reduce_dx(Reduction(node.index), 1, 1, range.rows, width, x(0).at, y, dy, dx(0).at);
    case OpKind::matmul: return k_.matmul_dx(rows, sizes[0], sizes[1], sizes[2], x(0), x(1), dy, dx(0), dx(1));
    case OpKind::take: return k_.take_dx(rows * width_of(1), sizes[0], width_of(0) / sizes[0], x(1).at, dy, dx(0).at);
    default: return;
  }
}

template <class T>
void Passes<T>::loss(const PlannedLoss& loss, const Space<T>& space, Range range, const LossRows<T>& of,
                     const T* quantiles) const {
  if (range.rows == 0) return;
  const bool wanted = of.scale && loss.gradient_at >= 0;
  if (loss.op.form != LossOp::Form::kernel) {  // the value is the loss
    const T* v = plain(space, loss.at, range);
    T* dv = wanted ? plain(space, loss.gradient_at, range, true) : nullptr;
    const int64_t n = rows_of(loss.at, range).rows;
    for (int64_t r = 0; r < n; ++r) {
      of.loss[r] = double(v[r]);
      if (dv) dv[r] += of.scale[r];
    }
    return;
  }
  const LossOp& l = loss.op;
  const LossSettings<T> settings{.loss = l.loss,
                                 .paired = loss.paired,
                                 .clip = T(l.clip),
                                 .delta = T(l.delta),
                                 .gamma = T(l.gamma),
                                 .smoothing = T(l.smoothing),
                                 .alpha_1 = T(l.alpha_1),
                                 .alpha_0 = T(l.alpha_0),
                                 .quantiles = quantiles,
                                 .n_quantiles = std::max<int64_t>(1, int64_t(l.quantiles.size()))};
  Panels<T> dz{};
  if (wanted) dz = loss.spare >= 0 ? space.buffers[loss.spare].value : space.buffers[loss.gradient_at].gradient;
  k_.loss(settings, range, space.buffers[loss.at].value, {of.y, of.classes}, of.scale, of.loss, dz);
  if (wanted && loss.spare >= 0) add(dz, range, space.buffers[loss.gradient_at].gradient);
}

template class Passes<float>;
template class Passes<double>;

}  // namespace mlpcore
