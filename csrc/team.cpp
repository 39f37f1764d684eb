// Waiting without wasting: a spin of about 20 microseconds, then a few yields, then a futex through atomic::wait.
#include "team.h"

#include "flush.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace mlpcore {

namespace {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Returns once `word` differs from `old`.
void wait_for_change(std::atomic<uint32_t>& word, uint32_t old) {
  for (int i = 0; i < 400; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    pause();
  }
  for (int i = 0; i < 50; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    sched_yield();
  }
  word.wait(old, std::memory_order_acquire);
}

struct Team {
  std::mutex busy;  // held by the run that has the team
  std::vector<std::thread> threads;
  std::atomic<uint32_t> run{0};  // counts runs; a change wakes the threads
  std::atomic<uint32_t> left{0};
  Work work = nullptr;
  void* context = nullptr;
  int size = 0;  // threads of the current run, the caller among them
  Barrier* barrier = nullptr;

  // Returns how many threads there are for a run of n, the caller among them: fewer if the system has no more.
  int grow(int n) {
    try {
      while (int(threads.size()) < n - 1) {
        const int thread = int(threads.size()) + 1;
        const uint32_t seen = run.load();
        threads.emplace_back([this, thread, seen] { serve(thread, seen); });
      }
    } catch (const std::system_error&) { n = int(threads.size()) + 1; }
    return n;
  }

  void serve(int thread, uint32_t seen) {
    const FlushSubnormals flush;
    for (;;) {
      wait_for_change(run, seen);
      ++seen;
      if (thread < size) work(context, thread, size, *barrier);
      if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) left.notify_one();
    }
  }
};

// Never destroyed: its threads sleep until the process ends. A forked child has no threads and gets a new one.
Team* team = nullptr;
std::mutex team_mutex;

Team& current_team() {
  std::lock_guard<std::mutex> lock(team_mutex);
  if (!team) {
    static const int once = pthread_atfork([] { team_mutex.lock(); }, [] { team_mutex.unlock(); },
                                           [] {
                                             team = nullptr;
                                             team_mutex.unlock();
                                           });
    (void)once;
    team = new Team;
  }
  return *team;
}

int omp_limit() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  const int n = text ? std::atoi(text) : 0;
  return n > 0 ? std::min(n, processors()) : processors();
}

std::atomic<int>& limit() {
  static std::atomic<int> threads{omp_limit()};
  return threads;
}

}  // namespace

void Barrier::wait() {
  if (threads_ == 1) return;
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (waiting_for_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    waiting_for_.store(threads_, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
  } else {
    wait_for_change(phase_, phase);
  }
}

int run_team(int threads, Work work, void* context) {
  const FlushSubnormals flush;
  Barrier alone(1);
  if (threads <= 1) {
    work(context, 0, 1, alone);
    return 1;
  }
  Team& t = current_team();
  std::unique_lock<std::mutex> lock(t.busy, std::try_to_lock);
  if (!lock) {
    work(context, 0, 1, alone);
    return 1;
  }
  threads = t.grow(threads);
  Barrier barrier(threads);
  t.work = work;
  t.context = context;
  t.size = threads;
  t.barrier = &barrier;
  t.left.store(uint32_t(t.threads.size()), std::memory_order_relaxed);
  t.run.fetch_add(1, std::memory_order_release);
  t.run.notify_all();
  work(context, 0, threads, barrier);
  for (uint32_t left; (left = t.left.load(std::memory_order_acquire)) != 0;) wait_for_change(t.left, left);
  return threads;
}

int processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const int n = int(std::thread::hardware_concurrency());
  return n > 0 ? n : 1;
}

int max_threads() { return limit().load(); }
void set_max_threads(int threads) { limit().store(threads < 1 ? 1 : threads); }

}  // namespace mlpcore
