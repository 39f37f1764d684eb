// Few rows take the parameters in place; many pack them first. Either way a row's result depends on that row alone.
#include "predictor.h"

#include <algorithm>
#include <atomic>

#include "space.h"
#include "team.h"

namespace mlpcore {

namespace {

constexpr int64_t kPackRows = 384;       // so many rows repay packing all parameters
constexpr int64_t kKeptBytes = 4 << 20;  // of scratch, that a thread keeps for its next call

template <class T>
bool all_finite(const T* x, int64_t n) {  // 0 * x is 0, unless x is NaN or infinite
  constexpr int64_t lanes = 64 / sizeof(T);
  T sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t j = 0; j < lanes; ++j) sums[j] += x[i + j] * T(0);
  for (; i < n; ++i) sums[0] += x[i] * T(0);
  T total = 0;
  for (const T s : sums) total += s;
  return total == T(0);
}

// This thread's scratch, kept between calls unless it is large.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t size) {
    static thread_local Memory<T> kept;
    static thread_local int64_t kept_size = 0;
    if (size * int64_t(sizeof(T)) > kKeptBytes) {
      own_ = Memory<T>(size);
      at_ = own_.get();
      return;
    }
    if (kept_size < size) {
      kept = Memory<T>(size);
      kept_size = size;
    }
    at_ = kept.get();
  }
  T* get() const { return at_; }

 private:
  Memory<T> own_;
  T* at_;
};

}  // namespace

template <class T>
Predictor<T>::Predictor(const Tape& tape, const Kernels<T>& kernels)
    : plan_(link(tape, Fusions::all, kernels)), k_(kernels) {
  bool whole_rows = plan_.chain;  // and none that takes a row in groups of columns
  for (const Buffer& buffer : plan_.buffers) whole_rows = whole_rows && buffer.groups == 1;
  for (const Node& node : plan_.nodes) whole_rows = whole_rows && node.move == Move::none;
  if (!whole_rows) throw std::invalid_argument("a predictor takes a chain of layers, from one input to one output");
  for (const Layer& layer : plan_.layers) {
    if (!layer.is_dense() || !layer.declared.bias)
      throw std::invalid_argument("a predictor takes dense layers with a bias");
    size_ = layer.offset + layer.size;
    weights_ += layer.in * layer.out;
  }
  for (const Buffer& buffer : plan_.buffers) widest_ = std::max(widest_, k_.padded(buffer.width));
  std::erase_if(plan_.nodes, [](const Node& node) { return !node.predicts; });
}

template <class T>
void Predictor<T>::pack(const T* const* parameters, T* packed) const {
  for (size_t l = 0; l < plan_.layers.size(); ++l) {
    const Layer& layer = plan_.layers[l];
    k_.pack(parameters[2 * l], parameters[2 * l + 1], {packed + layer.offset, layer.in + 1, layer.out});
  }
}

template <class T>
int64_t Predictor<T>::word_stride(const WordKernels<T>* words) const {
  int64_t stride = 0;
  for (const Layer& layer : plan_.layers)
    if (pays(words, layer)) stride = std::max(stride, Words::stride_of(layer.in, words->parts));
  return stride;
}

template <class T>
int64_t Predictor<T>::scratch_size(int64_t rows, const WordKernels<T>* words) const {
  static_assert(sizeof(T) >= sizeof(uint32_t));
  return 2 * rows * widest_ + Words::tiles(rows) * word_stride(words);
}

template <class T>
bool Predictor<T>::predict_block(const Question<T>& question, const T* packed, const WordKernels<T>* words, Range range,
                                 T* scratch, T* out) const {
  const int64_t rows = range.rows;
  const T* x = question.x + range.first * in();
  if (question.check_finite && !all_finite(x, rows * in())) return false;
  Panels<T> value{scratch, rows, in()};
  const Range all{0, rows};
  if (!plan_.dense_first) k_.gather(x, nullptr, all, value);
  const Words left{reinterpret_cast<uint32_t*>(scratch + 2 * rows * widest_), word_stride(words)};
  int at = plan_.inputs[0];  // the plan's buffer that `value` is
  for (const Node& node : plan_.nodes) {
    if (node.kind == OpKind::dropout || node.kind == OpKind::gaussian_noise) {  // passes values on
      at = node.to;
      continue;
    }
    Panels<T> to{value.at, rows, plan_.buffers[node.to].width};
    if (node.to != at) to.at = value.at == scratch ? scratch + rows * widest_ : scratch;
    if (node.kind == OpKind::dense) {
      const Layer& layer = plan_.layers[node.layer];
      const Rows<T> from = node.from() == plan_.inputs[0] ? k_.by_rows(x, in()) : k_.by_rows(value);
      const bool on_words = pays(words, layer);
      if (on_words) words->rows(all, from, layer.in, left);
      if (packed) {
        const Panels<T> weights{const_cast<T*>(packed) + layer.offset, layer.in + 1, layer.out};
        if (on_words) words->dense(all, left, weights, node.relu, to);
        else k_.dense(all, from, weights, node.relu, to);
      } else {
        const T *kernel = question.parameters[2 * node.layer], *bias = question.parameters[2 * node.layer + 1];
        if (on_words) words->dense_plain(all, left, layer.in, kernel, bias, node.relu, to);
        else k_.dense_plain(all, from, layer.in, kernel, bias, node.relu, to);
      }
    } else {
      k_.activation(node.activation, T(node.alpha), all, value, to);
    }
    value = to;
    at = node.to;
  }
  k_.scatter(value, all, out + range.first * this->out());
  return true;
}

template <class T>
bool Predictor<T>::predict(const Question<T>& question, T* out, int threads) const {
  const int64_t rows = question.rows;
  threads = int(std::clamp(flops(rows) / kFlopsPerThread<T>, 1.0, double(std::max(1, threads))));
  const T* packed = question.packed;
  Memory<T> own;
  if (!packed && rows >= kPackRows) {
    own = Memory<T>(size_);
    pack(question.parameters, own.get());
    packed = own.get();
  }
  const WordKernels<T>* words = rows >= kLeastTileRows ? tile_kernels(k_) : nullptr;
  if (word_stride(words) > 0) threads = int(std::clamp<int64_t>(rows / kTileRowsOfThread, 1, threads));
  const int64_t block = std::min(kBlockRows, (rows + threads - 1) / threads);
  std::atomic<bool> finite{true};
  const auto run = [&](auto scratch_of) {
    run_blocks(threads, rows, block, [&](int thread, int64_t r, int64_t n) {
      if (!finite.load(std::memory_order_relaxed)) return;
      if (!predict_block(question, packed, words, {r, n}, scratch_of(thread), out)) finite = false;
    });
  };
  if (threads == 1) {
    const Scratch<T> scratch(scratch_size(block, words));
    run([&](int) { return scratch.get(); });
    return finite;
  }
  std::vector<Memory<T>> scratches;  // made before the team runs: memory that cannot be had is an error here
  for (int t = 0; t < threads; ++t) scratches.emplace_back(scratch_size(block, words));
  run([&](int thread) { return scratches[thread].get(); });
  return finite;
}

template class Predictor<float>;
template class Predictor<double>;

}  // namespace mlpcore
