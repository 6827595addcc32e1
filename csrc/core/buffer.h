// A block of memory with a reference count: what tensors share.
//
// Who frees: the last `unref` calls `release`, which an allocator or a binding supplies.
// `writable` is false for memory that belongs to somebody else (a fed NumPy array, a
// constant): kernels may forward a buffer into their output only if it is writable and
// `unique`. Counts are atomic; contents are written by one kernel at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace penstock {

struct Buffer {
  using Release = void (*)(Buffer*);

  std::atomic<int32_t> refs{1};
  bool writable = true;
  void* data = nullptr;
  size_t bytes = 0;           // usable bytes at `data`
  void* owner = nullptr;      // the allocator, or whatever `release` needs
  Release release = nullptr;  // called once, by the last unref

  void ref() { refs.fetch_add(1, std::memory_order_relaxed); }
  void unref() {
    // A sole owner need not pay for an atomic subtraction.
    if (refs.load(std::memory_order_acquire) == 1 ||
        refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      release(this);
    }
  }
  bool unique() const { return refs.load(std::memory_order_acquire) == 1; }
};

// A counted pointer to a Buffer.
class BufferPtr {
 public:
  BufferPtr() = default;
  static BufferPtr adopt(Buffer* b) {  // takes over the caller's reference
    BufferPtr p;
    p.ptr_ = b;
    return p;
  }
  BufferPtr(const BufferPtr& o) : ptr_(o.ptr_) {
    if (ptr_) ptr_->ref();
  }
  BufferPtr(BufferPtr&& o) noexcept : ptr_(o.ptr_) { o.ptr_ = nullptr; }
  BufferPtr& operator=(BufferPtr o) noexcept {
    std::swap(ptr_, o.ptr_);
    return *this;
  }
  ~BufferPtr() {
    if (ptr_) ptr_->unref();
  }
  Buffer* get() const { return ptr_; }
  Buffer* operator->() const { return ptr_; }
  explicit operator bool() const { return ptr_ != nullptr; }
  void reset() {
    if (ptr_) ptr_->unref();
    ptr_ = nullptr;
  }

 private:
  Buffer* ptr_ = nullptr;
};

}  // namespace penstock
