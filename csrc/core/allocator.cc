// The cache of freed blocks, by size class.
//
// A block is one piece of memory: the Buffer in its first 64 bytes, the data after it. Sizes
// are rounded up to 4 steps per power of two (64, 80, 96, 112, 128, 160, ...), so at most a
// fifth is lost; blocks of whole pages, for arenas, are of no class and in a list of their own.
// One spin lock guards lists and counts: held for a few instructions, it costs one atomic exchange,
// where exact counts without it would cost several.
// The cache holds at most as many bytes as were ever in use at once (64 MiB at least), so that
// reserved memory is at most twice what the largest run needed: a block that would go beyond
// that finds the cache full of sizes that are no longer asked for, and takes their place.
// Under AddressSanitizer nothing is cached: reuse would hide the errors it looks for.
#include "core/allocator.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <new>
#include <thread>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "core/arena.h"
#include "core/error.h"
#include "core/share.h"

namespace penstock {
namespace {

constexpr size_t kAlignment = 64;
constexpr int kStepBits = 2;  // 4 steps per power of two
constexpr int kMinBits = 6;   // the smallest class has 64 bytes
constexpr int kClasses = (48 - kMinBits) << kStepBits;
constexpr int64_t kLeastCache = int64_t{64} << 20;
constexpr int kPages = kClasses;  // the list of blocks that are of no class
constexpr size_t kPage = 4096;
constexpr size_t kMaxBytes = size_t{1} << 47;

struct Block : Buffer {
  Block* next = nullptr;  // while cached
  int32_t size_class = 0;
  void* share = nullptr;  // the Impl of the share that it was asked of; null without one
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
    int spins = 0;
    while (flag_.exchange(true, std::memory_order_acquire)) {
      while (flag_.load(std::memory_order_relaxed)) {
        if (++spins % 64 == 0) std::this_thread::yield();  // its holder may not be running
      }
    }
  }
  void unlock() { flag_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> flag_{false};
};

using Guard = std::lock_guard<SpinLock>;

// The largest block worth asking for: what this process may use of the machine's memory.
size_t largest_block() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t page = sysconf(_SC_PAGESIZE);
  size_t most = pages > 0 && page > 0 ? static_cast<size_t>(pages * page) : kMaxBytes;
  std::ifstream file("/sys/fs/cgroup/memory.max");  // "max" where there is no bound: no number
  size_t bound = 0;
  if (file >> bound && bound > 0) most = std::min(most, bound);
  return std::min(most, kMaxBytes);
}

// A chain of cached blocks back to the system.
void free_chain(Block* block) {
  while (block) {
    Block* next = block->next;
    std::free(block);
    block = next;
  }
}

[[noreturn]] void throw_limit(size_t bytes, int64_t now, int64_t limit) {
  fail(Code::kResourceExhausted, "out of memory: ", bytes, " bytes wanted, ", now,
       " in use, and the limit is ", limit, " bytes");
}

[[noreturn]] void throw_budget(size_t bytes, int64_t now, int64_t budget) {
  fail(Code::kResourceExhausted, "out of memory: ", bytes, " bytes wanted, ", now,
       " are in use by this run, and its memory budget is ", budget, " bytes");
}

[[noreturn]] void throw_refused(size_t bytes, int64_t now) {
  fail(Code::kResourceExhausted, "out of memory: the system refused ", bytes, " bytes, ", now,
       " are in use");
}

}  // namespace

inline BufferPtr pages_of(Allocator& allocator, size_t bytes);
inline std::unique_ptr<Allocator> share_of(Allocator& parent, int64_t budget);

// All fields but `largest` are guarded by `lock`.
struct alignas(64) Allocator::Impl {
  SpinLock lock;
  bool orphaned = false;  // the Allocator is gone; the last block deletes the Impl
  int64_t live = 0;
  int64_t window_peak = 0;
  int64_t older_peak = 0;  // the maximum over windows that ended
  int64_t limit = 0;
  const size_t largest = [] {
    static const size_t bytes = largest_block();
    return bytes;
  }();
  Allocator* parent = nullptr;  // of a share; not used after its Allocator has gone
  // Up to here every allocation looks: one line of the processor's cache.
  int64_t cached = 0;
  int64_t cache_limit = 0;
  int64_t cache_bound = 0;  // at most cache_limit
  int64_t allocations = 0;
  int64_t system_allocations = 0;
  std::array<Block*, kClasses + 1> lists{};

  // After a change of `live`: the peak, and what depends on it.
  void raise_peak() {
    window_peak = live;
    if (live > cache_bound) cache_bound = std::min(live, cache_limit);
  }

  // Takes every list, under the lock, as one chain.
  Block* take_lists() {
    Block* chain = nullptr;
    for (Block*& list : lists) {
      while (Block* block = list) {
        list = block->next;
        block->next = chain;
        chain = block;
      }
    }
    cached = 0;
    return chain;
  }

  // A cached block, under the lock; null if there is none.
  Block* from_cache(int size_class, size_t usable) {
    Block** at = &lists[size_class];
    if (__builtin_expect(size_class == kPages, 0)) {
      while (*at && (*at)->bytes != usable) at = &(*at)->next;
    }
    Block* block = *at;
    if (!block) return nullptr;
    *at = block->next;
    cached -= static_cast<int64_t>(usable);
    return block;
  }

  // A fresh block, after giving back the cache if the system has no more; null if even then.
  Block* from_system(int size_class, size_t usable) {
    const size_t bytes = kAlignment + usable;
    void* memory = nullptr;
    const auto ask = [&] { return posix_memalign(&memory, kAlignment, bytes) == 0; };
    if (!ask() && !(trim() > 0 && ask())) return nullptr;
    Block* block = new (memory) Block();
    block->data = static_cast<char*>(memory) + kAlignment;
    block->owner = this;
    block->size_class = size_class;
    Guard guard(lock);
    ++system_allocations;
    return block;
  }

  // A block for `bytes`, `usable` large.
  BufferPtr hand_out(size_t bytes, int size_class, size_t usable);

  static BufferPtr whole_pages(Allocator& allocator, size_t bytes) {
    const size_t usable = (bytes + kPage - 1) / kPage * kPage;
    if (Allocator* parent = allocator.impl_->parent) {
      return allocator.impl_->counted(bytes, usable, [&] { return whole_pages(*parent, bytes); });
    }
    if (bytes > allocator.impl_->largest) throw_refused(bytes, allocator.stats().live);
    return allocator.impl_->hand_out(bytes, kPages, usable);
  }
  // `Impl` has a name inside of Allocator only.
  friend BufferPtr pages_of(Allocator& allocator, size_t bytes) {
    return whole_pages(allocator, bytes);
  }

  static std::unique_ptr<Allocator> make_share(Allocator& parent, int64_t budget) {
    auto share = std::make_unique<Allocator>(budget, 0);
    share->impl_->parent = &parent;
    return share;
  }
  friend std::unique_ptr<Allocator> share_of(Allocator& parent, int64_t budget) {
    return Impl::make_share(parent, budget);
  }

  BufferPtr allocate_in_share(size_t bytes) {
    return counted(bytes, class_bytes(class_of(bytes)), [&] { return parent->allocate(bytes); });
  }

  // A block of the parent, `usable` large, that counts here until its release.
  template <class Ask>
  BufferPtr counted(size_t bytes, size_t usable, const Ask& ask) {
    const int64_t size = static_cast<int64_t>(usable);
    lock.lock();
    const int64_t now = live;
    const bool fits = now + size <= limit;
    if (fits) {
      live += size;
      if (live > window_peak) window_peak = live;
      ++allocations;
    }
    lock.unlock();
    if (!fits) throw_budget(bytes, now, limit);
    try {
      BufferPtr buffer = ask();
      static_cast<Block*>(buffer.get())->share = this;
      buffer->release = &release_from_share;
      return buffer;
    } catch (...) {
      Guard guard(lock);
      live -= size;
      throw;
    }
  }

  static void release_from_share(Buffer* buffer) {
    Block* block = static_cast<Block*>(buffer);
    Impl& a = *static_cast<Impl*>(block->share);
    block->share = nullptr;
    a.lock.lock();
    a.live -= static_cast<int64_t>(block->bytes);
    const bool last = a.orphaned && a.live == 0;
    a.lock.unlock();
    if (last) delete &a;
    release_block(buffer);
  }

  int64_t trim() {
    lock.lock();
    const int64_t bytes = cached;
    Block* chain = take_lists();
    lock.unlock();
    free_chain(chain);
    return bytes;
  }
};

Allocator::Allocator(int64_t limit, int64_t cache_limit) : impl_(new Impl) {
  impl_->limit = limit;
#ifndef __SANITIZE_ADDRESS__
  impl_->cache_limit = cache_limit;
  impl_->cache_bound = std::min(cache_limit, kLeastCache);
#else
  (void)cache_limit;
#endif
}

Allocator::~Allocator() {
  impl_->lock.lock();
  impl_->cache_limit = impl_->cache_bound = 0;
  impl_->orphaned = true;
  Block* chain = impl_->take_lists();
  const bool last = impl_->live == 0;
  impl_->lock.unlock();
  free_chain(chain);
  if (last) delete impl_;
}

BufferPtr Allocator::allocate(size_t bytes) {
  if (ArenaScope* scope = ArenaScope::current()) {
    if (BufferPtr place = scope->take(*this, bytes)) return place;
  }
  if (__builtin_expect(impl_->parent != nullptr, 0)) return impl_->allocate_in_share(bytes);
  if (__builtin_expect(bytes > impl_->largest, 0)) throw_refused(bytes, stats().live);
  const int size_class = class_of(bytes);
  return impl_->hand_out(bytes, size_class, class_bytes(size_class));
}

inline BufferPtr Allocator::Impl::hand_out(size_t bytes, int size_class, size_t usable) {
  Impl& a = *this;
  const int64_t size = static_cast<int64_t>(usable);
  a.lock.lock();
  if (__builtin_expect(a.limit > 0 && a.live + size > a.limit, 0)) {
    const int64_t now = a.live;
    const int64_t limit = a.limit;
    a.lock.unlock();
    throw_limit(bytes, now, limit);
  }
  a.live += size;
  if (a.live > a.window_peak) a.raise_peak();
  ++a.allocations;
  Block* block = a.from_cache(size_class, usable);
  a.lock.unlock();
  if (__builtin_expect(!block, 0) && !(block = a.from_system(size_class, usable))) {
    a.lock.lock();
    const int64_t now = a.live -= size;
    a.lock.unlock();
    throw_refused(bytes, now);
  }
  block->refs.store(1, std::memory_order_relaxed);
  block->writable = true;
  block->bytes = usable;
  block->release = &Allocator::release_block;
  return BufferPtr::adopt(block);
}

void Allocator::release_block(Buffer* buffer) {
  Block* block = static_cast<Block*>(buffer);
  Impl& a = *static_cast<Impl*>(block->owner);
  const bool pages = block->size_class == kPages;
  const int64_t size = static_cast<int64_t>(pages ? block->bytes : class_bytes(block->size_class));
  a.lock.lock();
  a.live -= size;
  const bool keep = size <= a.cache_bound;
  Block* stale = nullptr;
  if (__builtin_expect(a.cached + size > a.cache_bound, 0) && keep) stale = a.take_lists();
  if (keep) {
    block->next = a.lists[block->size_class];
    a.lists[block->size_class] = block;
    a.cached += size;
  }
  const bool last = a.orphaned && a.live == 0;
  a.lock.unlock();
  if (!keep) std::free(block);
  if (__builtin_expect(stale != nullptr, 0)) free_chain(stale);
  if (__builtin_expect(last, 0)) delete &a;
}

BufferPtr Allocator::allocate_zeroed(size_t bytes) {
  BufferPtr buffer = allocate(bytes);
  std::memset(buffer->data, 0, bytes);
  return buffer;
}

MemoryStats Allocator::stats() const {
  Guard guard(impl_->lock);
  MemoryStats s;
  s.live = impl_->live;
  s.peak = std::max(impl_->older_peak, impl_->window_peak);
  s.reserved = impl_->live + impl_->cached;
  s.allocations = impl_->allocations;
  s.system_allocations = impl_->system_allocations;
  return s;
}

void Allocator::begin_window() {
  Guard guard(impl_->lock);
  impl_->older_peak = std::max(impl_->older_peak, impl_->window_peak);
  impl_->window_peak = impl_->live;
}

int64_t Allocator::window_peak() const {
  Guard guard(impl_->lock);
  return impl_->window_peak;
}

void Allocator::reset_peak() {
  Guard guard(impl_->lock);
  impl_->older_peak = 0;
  impl_->window_peak = impl_->live;
  impl_->cache_bound = std::min(impl_->cache_limit, std::max(kLeastCache, impl_->live));
}

int64_t Allocator::trim() {
  const int64_t bytes = impl_->trim();
#ifdef __GLIBC__
  if (bytes > 0) malloc_trim(0);  // small blocks would otherwise stay in the C library's heap
#endif
  return bytes;
}

void Allocator::set_limit(int64_t bytes) {
  Guard guard(impl_->lock);
  impl_->limit = bytes;
}

BufferPtr allocate_pages(Allocator& allocator, size_t bytes) { return pages_of(allocator, bytes); }

std::unique_ptr<Allocator> open_share(Allocator& parent, int64_t budget) {
  return share_of(parent, budget);
}

Allocator& host_allocator() {
  static Allocator* const allocator = new Allocator();
  return *allocator;
}

}  // namespace penstock
