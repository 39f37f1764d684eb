// Trains, evaluates and predicts with 1 to 4 threads, and from several threads at once; the bits must not
// differ. Meant for ThreadSanitizer: .ci/sanitize.py thread.
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "../../csrc/engine.h"
#include "../../csrc/team.h"

using namespace mlpcore;

namespace {

constexpr int64_t kRows = 192, kIn = 40, kWide = 192;

// Dense layers wide enough that threads share rows, and columns; statistics over the batch, noise, and a total.
Tape tape_of(bool general) {
  Tape tape;
  int h = tape.activation(tape.dense(tape.input(kIn), kWide), Activation::relu, 0);
  if (general) {
    h = tape.dropout(h, 0.2);
    const int mean = tape.over_rows(h, Reduction::mean);
    const int average = tape.add_parameter(kWide, false);
    tape.assign(average, mean);
    h = tape.binary(h, mean, Binary::subtract);
    const int learned = tape.add_parameter(kWide, true);  // and then replaced, whoever updated it
    h = tape.binary(h, tape.parameter(learned, Part::kernel), Binary::add);
    tape.assign(learned, mean);
  }
  h = tape.activation(tape.dense(h, kWide), Activation::relu, 0);
  h = tape.activation(tape.dense(h, kWide), Activation::tanh, 0);
  const int p = tape.activation(tape.dense(h, 5), Activation::softmax, 0);
  tape.set_output(p);
  if (general) tape.total(p, 0);
  tape.loss({.loss = Loss::cross_entropy, .input = p, .clip = 1e-7, .sample_weight = 0});
  return tape;
}

struct Problem {
  std::vector<float> x, weights;
  std::vector<int32_t> y;
  Data<float> data;

  Problem() : x(kRows * kIn), weights(kRows, 1), y(kRows) {
    uint32_t state = 1;
    for (float& v : x) v = float((state = state * 1664525u + 1013904223u) >> 8) / float(1 << 23) - 1;
    for (int64_t r = 0; r < kRows; ++r) y[r] = int32_t(r % 5);
    data.x = {x.data()};
    data.targets = {{nullptr, y.data()}};
    data.weights = {weights.data()};
    data.rows = kRows;
  }
};

// All numbers that come out of some passes.
std::vector<float> passes(const Tape& tape, const Problem& rows, int threads, double clip) {
  Engine<float> engine(tape);
  const int64_t n = engine.parameters()->size;
  for (int64_t i = 0; i < n; ++i) engine.parameters()->weights.get()[i] = 0;
  std::vector<float> kernel;
  for (const Layer& layer : engine.plan().layers) {
    if (!layer.is_dense()) continue;
    kernel.assign(layer.in * layer.out, 0);
    for (size_t i = 0; i < kernel.size(); ++i) kernel[i] = 0.1f * float(int(i * 7919 % 13) - 6) / 6;
    const std::vector<float> bias(layer.out, 0.01f);
    engine.kernels().pack(kernel.data(), bias.data(),
                          {engine.parameters()->weights.get() + layer.offset, layer.in + 1, layer.out});
  }
  Update update;
  update.rule = Rule::adam;
  update.clip_norm = clip;
  std::vector<float> out(kRows * 5);
  for (int epoch = 0; epoch < 3; ++epoch) {
    const Sums sums = engine.train(rows.data, 70, update, nullptr, threads);
    out.push_back(float(sums.loss));
    out.push_back(float(engine.evaluate(rows.data, 70, threads).loss));
  }
  std::vector<float> gradient(n);
  engine.gradient(rows.data, {}, threads, gradient.data());
  float* to = out.data();
  engine.predict(rows.data, &to, 70, false, threads);
  out.insert(out.end(), gradient.begin(), gradient.end());
  out.insert(out.end(), engine.parameters()->weights.get(), engine.parameters()->weights.get() + n);
  return out;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && !std::memcmp(a.data(), b.data(), a.size() * sizeof(float));
}

}  // namespace

int main() {
  const Problem rows;
  for (const bool general : {false, true})
    for (const double clip : {0.0, 0.1}) {
      const Tape tape = tape_of(general);
      const std::vector<float> alone = passes(tape, rows, 1, clip);
      for (int threads = 2; threads <= 4; ++threads)
        if (!same(alone, passes(tape, rows, threads, clip))) {
          std::printf("%d threads give other bits\n", threads);
          return 1;
        }
      // Several at once: one has the team, the others work alone.
      std::vector<std::vector<float>> found(3);
      std::vector<std::thread> callers;
      for (std::vector<float>& each : found) callers.emplace_back([&] { each = passes(tape, rows, 3, clip); });
      for (std::thread& caller : callers) caller.join();
      for (const std::vector<float>& each : found)
        if (!same(alone, each)) {
          std::puts("runs side by side give other bits");
          return 1;
        }
    }
  std::puts("the same bits for 1 to 4 threads, alone and side by side");
  return 0;
}
