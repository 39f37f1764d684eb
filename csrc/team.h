// The threads: one team for the process, started on first use, started anew after a fork.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

namespace mlpcore {

// All threads of a run meet here; it spins for a moment, then yields, then sleeps.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads), waiting_for_(threads) {}
  void wait();

 private:
  const int threads_;
  std::atomic<int> waiting_for_;
  std::atomic<uint32_t> phase_{0};
};

// Calls work(context, thread) for thread = 0 .. threads-1 at once, thread 0 being the caller, and waits for all.
// Returns how many threads took part: 1 when another run has the team, so `work` must not rely on more.
using Work = void (*)(void* context, int thread, int threads, Barrier& barrier);
int run_team(int threads, Work work, void* context);

template <class F>
int run_team(int threads, F&& work) {
  return run_team(
      threads, [](void* f, int thread, int n, Barrier& barrier) { (*static_cast<F*>(f))(thread, n, barrier); }, &work);
}

// f(thread, first row, how many) for blocks of the rows, which threads take as they come to them: one that is held up takes
// fewer.
template <class F>
void run_blocks(int threads, int64_t rows, int64_t block, F f) {
  std::atomic<int64_t> next{0};
  run_team(threads, [&](int thread, int, Barrier&) {
    for (int64_t r; (r = next.fetch_add(block)) < rows;) f(thread, r, std::min(block, rows - r));
  });
}

// Processors this process may use (its affinity), and the limit that new runs keep: OMP_NUM_THREADS or set_max_threads.
int processors();
int max_threads();
void set_max_threads(int threads);

}  // namespace mlpcore
