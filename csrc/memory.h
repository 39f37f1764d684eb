// Zeroed, aligned arrays; large ones ask for huge pages.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace mlpcore {

template <class T>
class Memory {
 public:
  Memory() = default;
  explicit Memory(int64_t size) {
    constexpr size_t line = 64, huge = size_t(1) << 21;
    if (size <= 0) return;
    if (uint64_t(size) > (SIZE_MAX / 4) / sizeof(T)) throw std::bad_alloc();
    const size_t bytes = size_t(size) * sizeof(T), align = bytes >= huge ? huge : line;
    p_ = static_cast<T*>(std::aligned_alloc(align, (bytes + align - 1) / align * align));
    if (!p_) throw std::bad_alloc();
#if defined(__linux__)
    if (align == huge) madvise(p_, bytes, MADV_HUGEPAGE);
#endif
    std::memset(p_, 0, bytes);
  }
  Memory(Memory&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~Memory() { std::free(p_); }

  T* get() const { return p_; }
  explicit operator bool() const { return p_; }

 private:
  T* p_ = nullptr;
};

}  // namespace mlpcore
