// The cache of freed blocks, by size class.
//
// A block is one piece of memory: the Buffer in its first 64 bytes, the data after it. Sizes
// are rounded up to 4 steps per power of two (64, 80, 96, 112, 128, 160, ...), so at most a
// fifth is lost. Small blocks are cached up to a number of bytes per class, large ones up to
// `cache_limit` in all, so that only large ones pay for a shared counter of cached bytes.
// Under AddressSanitizer nothing is cached: reuse would hide the errors it looks for.
#include "core/allocator.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/error.h"

namespace penstock {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kSmall = size_t{64} << 10;  // below this, a block is small
constexpr int64_t kSmallShare = 64;          // of `cache_limit`, for each small class
constexpr int kStepBits = 2;                 // 4 steps per power of two
constexpr int kMinBits = 6;                  // the smallest class has 64 bytes
constexpr int kClasses = (48 - kMinBits) << kStepBits;
constexpr size_t kMaxBytes = size_t{1} << 47;

struct Block : Buffer {
  Block* next = nullptr;  // while cached
  int32_t size_class = 0;
};
static_assert(sizeof(Block) <= kAlignment, "the header must fit before the data");

// The smallest class of at least `bytes`.
inline int class_of(size_t bytes) {
  if (bytes <= kAlignment) return 0;
  const size_t last = bytes - 1;
  const int bits = 63 - __builtin_clzll(last);
  const int step = static_cast<int>((last >> (bits - kStepBits)) & ((1 << kStepBits) - 1));
  return ((bits - kMinBits) << kStepBits) + step + 1;
}

inline size_t class_bytes(int size_class) {
  const int bits = kMinBits + (size_class >> kStepBits);
  const size_t step = static_cast<size_t>(size_class & ((1 << kStepBits) - 1));
  return (size_t{1} << bits) + (step << (bits - kStepBits));
}

class SpinLock {
 public:
  void lock() {
    while (flag_.exchange(true, std::memory_order_acquire)) {
      while (flag_.load(std::memory_order_relaxed)) __builtin_ia32_pause();
    }
  }
  void unlock() { flag_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> flag_{false};
};

struct alignas(64) FreeList {
  SpinLock lock;
  Block* first = nullptr;
  int64_t cached = 0;       // blocks in the list
  int64_t allocations = 0;  // blocks handed out so far
};

void raise_to(std::atomic<int64_t>& maximum, int64_t value) {
  int64_t seen = maximum.load(std::memory_order_relaxed);
  while (value > seen && !maximum.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

struct Allocator::Impl {
  std::array<FreeList, kClasses> lists;
  // Bytes handed out, and 1 for the Allocator itself: sizes are even, so the two do not mix.
  // Whoever brings it to 0 deletes the Impl: fetched arrays may outlive their session.
  alignas(64) std::atomic<int64_t> live{1};
  std::atomic<int64_t> window_peak{0};
  std::atomic<int64_t> older_peak{0};  // the maximum over windows that ended
  std::atomic<int64_t> limit{0};
  alignas(64) std::atomic<int64_t> large_cached{0};
  std::atomic<int64_t> system_allocations{0};
  std::atomic<int64_t> cache_limit{0};

  ~Impl() { trim(); }
  int64_t live_bytes() const { return live.load(std::memory_order_relaxed) & ~int64_t{1}; }

  Block* take(int size_class) {
    FreeList& list = lists[size_class];
    list.lock.lock();
    ++list.allocations;
    Block* block = list.first;
    if (block) {
      list.first = block->next;
      --list.cached;
    }
    list.lock.unlock();
    return block;
  }

  bool give(Block* block, size_t bytes) {
    FreeList& list = lists[block->size_class];
    const int64_t size = static_cast<int64_t>(bytes);
    const int64_t most = cache_limit.load(std::memory_order_relaxed);
    if (bytes >= kSmall && large_cached.fetch_add(size, std::memory_order_relaxed) + size > most) {
      large_cached.fetch_sub(size, std::memory_order_relaxed);
      return false;
    }
    list.lock.lock();
    const bool room = bytes >= kSmall || (list.cached + 1) * size <= most / kSmallShare;
    if (room) {
      block->next = list.first;
      list.first = block;
      ++list.cached;
    }
    list.lock.unlock();
    return room;
  }

  // A fresh block, after giving back the cache if the system has no more.
  Block* from_system(int size_class) {
    const size_t bytes = class_bytes(size_class);
    void* memory = nullptr;
    const auto ask = [&] { return posix_memalign(&memory, kAlignment, kAlignment + bytes) == 0; };
    if (!ask() && !(trim() > 0 && ask())) return nullptr;
    system_allocations.fetch_add(1, std::memory_order_relaxed);
    Block* block = new (memory) Block();
    block->data = static_cast<char*>(memory) + kAlignment;
    block->owner = this;
    block->size_class = size_class;
    return block;
  }

  int64_t trim() {
    int64_t freed = 0;
    for (int c = 0; c < kClasses; ++c) {
      FreeList& list = lists[c];
      list.lock.lock();
      Block* block = list.first;
      const int64_t bytes = list.cached * static_cast<int64_t>(class_bytes(c));
      list.first = nullptr;
      list.cached = 0;
      list.lock.unlock();
      if (class_bytes(c) >= kSmall) large_cached.fetch_sub(bytes, std::memory_order_relaxed);
      freed += bytes;
      while (block) {
        Block* next = block->next;
        std::free(block);
        block = next;
      }
    }
    return freed;
  }

  [[noreturn]] void throw_exhausted(size_t bytes, bool by_limit) {
    const int64_t now = live_bytes();
    if (by_limit) {
      fail(Code::kResourceExhausted, "out of memory: ", bytes, " bytes wanted, ", now,
           " in use, and the limit is ", limit.load(std::memory_order_relaxed), " bytes");
    }
    fail(Code::kResourceExhausted, "out of memory: the system refused ", bytes, " bytes, ", now,
         " are in use");
  }
};

Allocator::Allocator(int64_t limit, int64_t cache_limit) : impl_(new Impl) {
  impl_->limit = limit;
#ifndef __SANITIZE_ADDRESS__
  impl_->cache_limit = cache_limit;
#else
  (void)cache_limit;
#endif
}

Allocator::~Allocator() {
  impl_->cache_limit = 0;
  impl_->trim();
  if (impl_->live.fetch_sub(1, std::memory_order_acq_rel) == 1) delete impl_;
}

BufferPtr Allocator::allocate(size_t bytes) {
  Impl& a = *impl_;
  if (__builtin_expect(bytes > kMaxBytes, 0)) a.throw_exhausted(bytes, false);
  const int size_class = class_of(bytes);
  const size_t usable = class_bytes(size_class);
  const int64_t size = static_cast<int64_t>(usable);
  const int64_t now = a.live.fetch_add(size, std::memory_order_relaxed) + size;
  const int64_t limit = a.limit.load(std::memory_order_relaxed);
  if (__builtin_expect(limit > 0 && now > limit + 1, 0)) {
    a.live.fetch_sub(size, std::memory_order_relaxed);
    a.throw_exhausted(bytes, true);
  }
  Block* block = a.take(size_class);
  if (!block) {
    block = a.from_system(size_class);
    if (!block) {
      a.live.fetch_sub(size, std::memory_order_relaxed);
      a.throw_exhausted(bytes, false);
    }
  }
  if (now > a.window_peak.load(std::memory_order_relaxed)) raise_to(a.window_peak, now);
  block->refs.store(1, std::memory_order_relaxed);
  block->writable = true;
  block->bytes = usable;
  block->release = &Allocator::release_block;
  return BufferPtr::adopt(block);
}

void Allocator::release_block(Buffer* buffer) {
  Block* block = static_cast<Block*>(buffer);
  Impl& a = *static_cast<Impl*>(block->owner);
  const size_t bytes = class_bytes(block->size_class);
  if (!a.give(block, bytes)) std::free(block);
  const int64_t size = static_cast<int64_t>(bytes);
  if (a.live.fetch_sub(size, std::memory_order_acq_rel) == size) delete &a;
}

BufferPtr Allocator::allocate_zeroed(size_t bytes) {
  BufferPtr buffer = allocate(bytes);
  std::memset(buffer->data, 0, bytes);
  return buffer;
}

MemoryStats Allocator::stats() const {
  MemoryStats s;
  s.live = impl_->live_bytes();
  s.peak = std::max(impl_->older_peak.load() & ~int64_t{1}, window_peak());
  s.reserved = s.live;
  for (int c = 0; c < kClasses; ++c) {
    FreeList& list = impl_->lists[c];
    list.lock.lock();
    s.reserved += list.cached * static_cast<int64_t>(class_bytes(c));
    s.allocations += list.allocations;
    list.lock.unlock();
  }
  s.system_allocations = impl_->system_allocations.load();
  return s;
}

void Allocator::begin_window() {
  raise_to(impl_->older_peak, impl_->window_peak.load());
  impl_->window_peak = impl_->live.load();
}

int64_t Allocator::window_peak() const { return impl_->window_peak.load() & ~int64_t{1}; }

void Allocator::reset_peak() {
  impl_->older_peak = 0;
  impl_->window_peak = impl_->live.load();
}

int64_t Allocator::trim() { return impl_->trim(); }

void Allocator::set_limit(int64_t bytes) { impl_->limit = bytes; }

Allocator& host_allocator() {
  static Allocator* const allocator = new Allocator();
  return *allocator;
}

}  // namespace penstock
