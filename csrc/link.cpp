// The plan of a tape: which values are needed, where each lies, the fusions, and in which order gradients meet.
#include "link.h"

#include "needs.h"

#include <algorithm>
#include <set>
#include <utility>

namespace mlpcore {

namespace {

bool works_in_panels(OpKind kind) {
  return kind == OpKind::dense || kind == OpKind::activation || kind == OpKind::dropout ||
         kind == OpKind::gaussian_noise;
}

class Linker {
 public:
  Linker(const Tape& tape, Fusions fusions)
      : tape_(tape), ops_(tape.ops), fuses_(fusions == Fusions::all), of_(tape, fuses_) {
    check();
  }

  Plan link() {
    declare();
    for (size_t v = 0; v < ops_.size(); ++v)
      if (of_.needed[v]) plan_op(int(v));
    end();
    plan_losses();
    schedule();
    meet_gradients();
    for (size_t n = 0; n < plan_.nodes.size(); ++n) {
      const Node& node = plan_.nodes[n];
      if (node.kind != OpKind::dense || node.move != Move::none || !node.has_gradient) continue;
      Layer& layer = plan_.layers[node.layer];
      if (layer.declared.trainable) layer.uses.push_back(int(n));
    }
    return std::move(plan_);
  }

 private:
  // A value's places: its own and, where another layout is asked for, copies.
  struct Place {
    int home = -1, plain = -1, panels = -1;
  };
  enum class Read { no, sign, value };

  void check() const {
    if (tape_.inputs == 0 && ops_.empty()) throw std::invalid_argument("the tape is empty: record an input first");
    if (tape_.outputs.empty() && tape_.losses.empty() && tape_.totals.empty())
      throw std::invalid_argument("the tape has no output: mark one with output(x)");
  }

  void declare() {
    for (const Declaration& d : tape_.parameters) plan_.layers.push_back({d, d.in, d.out, 0, 0, {}});
    for (const KernelPenalty& p : tape_.penalties) {
      plan_.layers[p.parameter].l1 += p.l1;
      plan_.layers[p.parameter].l2 += p.l2;
    }
    place_.resize(ops_.size());
    maker_.assign(ops_.size(), -1);
    // Inputs lie as all ops that read them work, and so do columns side by side of batched values.
    in_panels_.assign(ops_.size(), true);
    for (size_t u = ops_.size(); u-- > 0;) {
      const Op& op = ops_[u];
      if (!of_.needed[u] || of_.is_alias(int(u))) continue;
      if (op.kind == OpKind::concat) {
        in_panels_[u] = in_panels_[u] && op.sizes[0] == 1 && op.batched;
        for (const int x : op.inputs) in_panels_[u] = in_panels_[u] && ops_[x].batched;
      }
      for (const int x : op.inputs) {
        const bool all = reads_width(op, ops_[x].width);
        const bool works = op.kind == OpKind::concat ? in_panels_[u] : works_in_panels(op.kind) && all;
        in_panels_[of_.root[x]] = in_panels_[of_.root[x]] && works;
      }
    }
  }

  int new_buffer(int64_t width, int64_t groups, bool batched, Layout layout, bool gradient) {
    plan_.buffers.push_back({width, groups, batched, layout, gradient});
    read_.push_back(Read::no);
    return int(plan_.buffers.size()) - 1;
  }

  Node& new_node(int v, std::vector<int> inputs, int to) {
    const Op& op = ops_[v];
    Node node{.kind = op.kind, .inputs = std::move(inputs), .to = to, .op = v};
    node.alpha = op.alpha;
    node.index = op.index;
    node.part = op.part;
    node.sizes = op.sizes;
    node.predicts = of_.predicts[v];
    node.has_gradient = of_.gradient(v);
    for (size_t i = 0; i < op.inputs.size(); ++i)
      node.wants.push_back(of_.gradient(v) && of_.learns[op.inputs[i]] && passes_gradient(op, i));
    plan_.nodes.push_back(std::move(node));
    return plan_.nodes.back();
  }

  // Value v in another layout, by a node that moves it.
  int moved(int v, Layout layout, int64_t groups) {
    const int home = place_[v].home;
    const Buffer of = plan_.buffers[home];
    const int64_t width = layout == Layout::plain ? of.width * of.groups : of.width * of.groups / groups;
    const int to = new_buffer(width, layout == Layout::plain ? 1 : groups, of.batched, layout, of.gradient);
    plan_.nodes.push_back({.kind = ops_[v].kind,
                           .inputs = {home},
                           .to = to,
                           .op = v,
                           .move = layout == Layout::plain ? Move::to_plain : Move::to_panels,
                           .has_gradient = of_.gradient(v),
                           .wants = {char(of_.gradient(v))},
                           .predicts = bool(of_.predicts[v])});
    return to;
  }

  int as_plain(int v) {
    v = of_.root[v];
    Place& p = place_[v];
    if (plan_.buffers[p.home].layout == Layout::plain) return p.home;
    if (p.plain < 0) p.plain = moved(v, Layout::plain, 1);
    return p.plain;
  }

  // groups 0: any
  int as_panels(int v, int64_t groups) {
    v = of_.root[v];
    const auto fits = [&](int b) {
      const Buffer& of = plan_.buffers[b];
      return of.layout == Layout::panels && (groups == 0 || of.groups == groups);
    };
    if (fits(place_[v].home)) return place_[v].home;
    if (place_[v].panels >= 0 && fits(place_[v].panels)) return place_[v].panels;
    if (plan_.buffers[place_[v].home].layout == Layout::panels) {  // other groups: by way of a plain copy
      const int plain = as_plain(v), home = place_[v].home;
      place_[v].home = plain;
      const int to = moved(v, Layout::panels, std::max<int64_t>(groups, 1));
      place_[v].home = home;
      return place_[v].panels = to;
    }
    return place_[v].panels = moved(v, Layout::panels, std::max<int64_t>(groups, 1));
  }

  void plan_op(int v) {
    const Op& op = ops_[v];
    Place& place = place_[v];
    const auto plain = [&] { return new_buffer(op.width, 1, op.batched, Layout::plain, of_.gradient(v)); };
    switch (op.kind) {
      case OpKind::input:
        place.home = new_buffer(op.width, 1, true, in_panels_[v] ? Layout::panels : Layout::plain, of_.gradient(v));
        plan_.inputs.push_back(place.home);
        return;
      case OpKind::target:
        place.home = plain();
        plan_.targets.push_back({place.home, op.index});
        read_target(op.index, op.width);
        return;
      case OpKind::constant:
        place.home = plain();
        plan_.constants.push_back({place.home, op.values});
        return;
      case OpKind::parameter:
        place.home = plain();
        new_node(v, {}, place.home).layer = op.index;
        if (of_.gradient(v)) plan_.layers[op.index].read[int(op.part)] = place.home;
        return;
      case OpKind::dense: return plan_dense(v);
      case OpKind::activation:
      case OpKind::dropout:
      case OpKind::gaussian_noise: return plan_activation(v);
      case OpKind::stop_gradient:
        if (of_.is_alias(v)) return;  // its root has the place
        [[fallthrough]];
      default: {
        const bool in_panels = op.kind == OpKind::concat && in_panels_[v];
        std::vector<int> inputs;
        for (const int x : op.inputs) {
          const int home = place_[of_.root[x]].home;
          inputs.push_back(in_panels && plan_.buffers[home].groups == 1 ? home : as_plain(x));
        }
        place.home = in_panels ? new_buffer(op.width, 1, true, Layout::panels, of_.gradient(v)) : plain();
        new_node(v, std::move(inputs), place.home);
      }
    }
  }

  // Whether an op in panels takes all columns as one group.
  bool reads_width(const Op& op, int64_t width) const {
    if (op.kind == OpKind::dense) return tape_.parameters[op.index].in == width;
    return op.kind != OpKind::activation || op.sizes[0] == width;
  }

  void plan_dense(int v) {
    const Op& op = ops_[v];
    const Declaration& d = tape_.parameters[op.index];
    const int x = of_.root[op.inputs[0]];
    const Buffer& home = plan_.buffers[place_[x].home];
    const bool fits = home.layout == Layout::plain || home.width == d.in;
    const int from = fits ? place_[x].home : as_plain(x);
    const int64_t groups = op.width / d.out;
    const int to = new_buffer(d.out, groups, op.batched, Layout::panels, of_.gradient(v));
    place_[v].home = to;
    const int maker = maker_[x];
    Node& node = new_node(v, {from}, to);
    node.layer = op.index;
    maker_[v] = int(plan_.nodes.size()) - 1;
    if (!fuses_ || !node.wants[0] || maker < 0 || !fits || of_.readers[x] != 1) return;
    Node& made = plan_.nodes[maker];
    if (made.kind == OpKind::dense && made.relu && made.to == from) node.masks_dx = made.relu_masked = true;
  }

  void plan_activation(int v) {
    const Op& op = ops_[v];
    if (of_.is_alias(v)) return;
    const int x = of_.root[op.inputs[0]];
    const bool activation = op.kind == OpKind::activation, dropout = op.kind == OpKind::dropout;
    const bool sole = fuses_ && of_.readers[x] == 1;
    if (sole && activation && op.activation() == Activation::relu && maker_[x] >= 0 &&
        plan_.nodes[maker_[x]].kind == OpKind::dense && plan_.nodes[maker_[x]].to == place_[x].home) {
      Node& made = plan_.nodes[maker_[x]];
      made.relu = true;
      made.predicts = made.predicts || of_.predicts[v];
      read_[made.to] = Read::sign;
      place_[v].home = made.to;
      maker_[v] = maker_[x];
      return;
    }
    const int64_t groups = activation && op.activation() == Activation::softmax ? op.width / op.sizes[0] : 0;
    const int from = as_panels(x, groups);
    const Buffer of = plan_.buffers[from];
    const bool reads_x = activation && derivative_needs_input(op.activation());
    const bool source = ops_[x].kind == OpKind::input || ops_[x].kind == OpKind::target;
    // Dropout leaves signs.
    const bool in_place = sole && !source && from == place_[x].home && !reads_x &&
                          (read_[from] == Read::no || (dropout && read_[from] == Read::sign));
    const int to = in_place ? from : new_buffer(of.width, of.groups, of.batched, Layout::panels, of_.gradient(v));
    if (activation && !reads_x) read_[to] = op.activation() == Activation::relu ? Read::sign : Read::value;
    place_[v].home = to;
    Node& node = new_node(v, {from}, to);
    if (activation) node.activation = op.activation();
    maker_[v] = int(plan_.nodes.size()) - 1;
  }

  void read_target(int index, int64_t width) {
    auto& widths = plan_.target_widths;
    if (index >= int(widths.size())) widths.resize(index + 1, -1);
    // Class indices may be read as numbers too.
    if (widths[index] == -1 || (widths[index] == 1 && width == 0)) widths[index] = width;
    else if (widths[index] != width && !(widths[index] == 0 && width == 1))
      throw std::invalid_argument("target " + std::to_string(index) + " is read with widths " +
                                  std::to_string(widths[index]) + " and " + std::to_string(width));
  }

  void end() {
    for (const int v : tape_.outputs) plan_.outputs.push_back(place_[of_.root[v]].home);
    for (const Total& t : tape_.totals) {
      plan_.totals.push_back({as_plain(t.input), t.sample_weight});
      plan_.sample_weights = std::max(plan_.sample_weights, t.sample_weight + 1);
    }
    for (const Assignment& a : tape_.assignments) plan_.assignments.emplace_back(a.parameter, as_plain(a.value));
    bool in_place = !plan_.inputs.empty();
    for (const int b : plan_.inputs) in_place = in_place && plan_.buffers[b].layout == Layout::panels;
    plan_.chain = tape_.inputs == 1 && tape_.outputs.size() == 1;
    for (size_t v = 0; v < ops_.size(); ++v) {
      if (!of_.needed[v]) continue;
      const Op& op = ops_[v];
      plan_.chain = plan_.chain && (op.kind == OpKind::input || works_in_panels(op.kind)) && of_.readers[v] <= 2 &&
                    (op.inputs.empty() ? v == 0 : op.inputs[0] == int(v) - 1);
      plan_.batchwise = plan_.batchwise || op.kind == OpKind::over_rows || op.kind == OpKind::n_rows;
    }
    for (const Node& node : plan_.nodes)
      for (const int b : node.inputs)
        if (std::count(plan_.inputs.begin(), plan_.inputs.end(), b))
          in_place = in_place && node.kind == OpKind::dense && node.move == Move::none;
    for (const int b : plan_.outputs) in_place = in_place && !std::count(plan_.inputs.begin(), plan_.inputs.end(), b);
    plan_.dense_first = in_place && !plan_.layers.empty();
  }

  void plan_losses() {
    for (const LossOp& op : tape_.losses) {
      PlannedLoss loss{.op = op};
      const int v = of_.root[op.input];
      loss.at = op.form == LossOp::Form::kernel ? as_panels(v, 1) : as_plain(v);
      if (ops_[v].kind == OpKind::input) plan_.dense_first = false;
      loss.width = ops_[v].width;
      const bool stopped = of_.gradient(v) && !of_.gradient(op.input);  // by stop_gradient, another name of what learns
      loss.gradient_at = of_.gradient(v) && !stopped ? loss.at : -1;
      plan_.sample_weights = std::max(plan_.sample_weights, op.sample_weight + 1);
      if (op.form == LossOp::Form::kernel) {
        loss.target_width = loss.width / std::max(int64_t(1), int64_t(op.quantiles.size()));
        read_target(op.target, reads_classes(op.loss) ? 0 : loss.target_width);
        const Activation other = partner(op.loss);
        if (fuses_ && !stopped && other != Activation::identity && maker_[v] >= 0 && of_.gradient_readers[v] == 1 &&
            plan_.nodes[maker_[v]].to == loss.at) {
          Node& made = plan_.nodes[maker_[v]];
          if (made.kind == OpKind::activation && made.activation == other) {
            made.in_loss = loss.paired = true;
            loss.gradient_at = made.wants[0] ? made.from() : -1;
          }
        }
      }
      plan_.losses.push_back(std::move(loss));
    }
    for (const PlannedLoss& loss : plan_.losses)
      if (loss.reads_numbers() && plan_.target_widths[loss.op.target] == 0)
        throw std::invalid_argument("target " + std::to_string(loss.op.target) +
                                    " is read as class indices by one loss and as numbers by another");
  }

  // Nodes on a single row and nodes on the batch change places where nothing between them forbids it, so that they come
  // in few runs: threads meet between two runs.
  void schedule() {
    bool any = false;
    for (Node& node : plan_.nodes) {
      node.whole = !plan_.buffers[node.to].batched;
      node.whole_back = node.whole && node.needs_dx();
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (node.wants[i] && !plan_.buffers[node.inputs[i]].batched) node.whole_back = true;
      if (node.kind == OpKind::over_rows && node.move == Move::none) node.whole_back = node.needs_dx();
      if (node.kind == OpKind::parameter && node.move == Move::none) node.whole_back = false;
      any = any || node.whole;
    }
    if (!any) return;
    std::vector<Node>& nodes = plan_.nodes;
    // behind[m]: nodes that must stay behind m, as one reads or writes what the other writes
    std::vector<std::vector<int>> behind(nodes.size()), writers(plan_.buffers.size()), readers(plan_.buffers.size());
    std::vector<int> waits_for(nodes.size(), 0);
    std::set<int> ready[2];  // the batch's, the single row's
    for (int n = 0; n < int(nodes.size()); ++n) {
      const auto follow = [&](const std::vector<int>& earlier) {
        for (const int m : earlier) behind[m].push_back(n);
        waits_for[n] += int(earlier.size());
      };
      const Node& node = nodes[n];
      for (const int b : node.inputs) follow(writers[b]);
      follow(writers[node.to]);
      follow(readers[node.to]);
      for (const int b : node.inputs) readers[b].push_back(n);
      writers[node.to].push_back(n);
      if (waits_for[n] == 0) ready[node.whole].insert(n);
    }
    std::vector<Node> sorted;
    for (bool whole = true; sorted.size() < nodes.size(); whole = !whole)
      while (!ready[whole].empty()) {
        const int n = *ready[whole].begin();
        ready[whole].erase(ready[whole].begin());
        for (const int next : behind[n])
          if (--waits_for[next] == 0) ready[nodes[next].whole].insert(next);
        sorted.push_back(nodes[n]);
      }
    nodes = std::move(sorted);
  }

  // Gradients in plain buffers add up from zero; in panels the first to come is stored, the others are added.
  void meet_gradients() {
    std::vector<char> seen(plan_.buffers.size(), false);
    const auto spare = [&](int b) {
      const Buffer of = plan_.buffers[b];
      if (of.layout == Layout::plain) return -1;
      if (!std::exchange(seen[b], true)) return -1;
      return new_buffer(of.width, of.groups, of.batched, Layout::panels, false);
    };
    for (PlannedLoss& loss : plan_.losses)
      if (loss.gradient_at >= 0) loss.spare = spare(loss.gradient_at);
    for (size_t n = plan_.nodes.size(); n-- > 0;) {
      Node& node = plan_.nodes[n];
      if (!node.has_gradient || node.in_loss) continue;
      if (plan_.joins_panels(node)) {
        for (size_t i = 0; i < node.inputs.size(); ++i) {
          const int b = node.inputs[i];
          const bool is_first =
              node.wants[i] && plan_.buffers[b].layout == Layout::panels && !std::exchange(seen[b], true);
          node.adds.push_back(!is_first);
        }
      } else if (node.move == Move::to_panels) {  // from panels to plain, then added
        if (node.wants[0])
          node.spare =
              new_buffer(plan_.width(node.from()), 1, plan_.buffers[node.from()].batched, Layout::plain, false);
      } else if (node.move == Move::to_plain || works_in_panels(node.kind)) {
        if (!node.wants[0] || node.from() == node.to) continue;
        const Buffer of = plan_.buffers[node.from()];
        if (of.layout == Layout::panels) node.spare = spare(node.from());
        else {  // a product's dx for plain rows: panels, then plain (the buffer after it), then added
          node.spare = new_buffer(tape_.parameters[node.layer].in,
                                  of.rows(1) * plan_.width(node.from()) / tape_.parameters[node.layer].in, of.batched,
                                  Layout::panels, false);
          new_buffer(plan_.width(node.from()), 1, of.batched, Layout::plain, false);
        }
      }
    }
  }

  const Tape& tape_;
  const std::vector<Op>& ops_;
  const bool fuses_;
  const Needs of_;
  Plan plan_;
  std::vector<char> in_panels_;  // of inputs and columns side by side: where they lie
  std::vector<int> maker_;       // node that made a value
  std::vector<Place> place_;
  std::vector<Read> read_;  // what derivatives read of each buffer
};

}  // namespace

int Plan::arrays() const {
  int n = 0;
  for (const Layer& layer : layers) n += layer.declared.arrays();
  return n;
}

Plan link_nodes(const Tape& tape, Fusions fusions) { return Linker(tape, fusions).link(); }

}  // namespace mlpcore
