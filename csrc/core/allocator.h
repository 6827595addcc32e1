// Memory of one device: 64-byte aligned blocks, cached by size class, counted.
//
// Every class of sizes keeps a list of freed blocks; `allocate` takes from it before it
// asks the system. Statistics: live (bytes handed out), peak (its maximum since
// `reset_peak`), reserved (live and cached). All methods may be called from any thread;
// a spin lock guards it, never held while calling out. Buffers may outlive their
// allocator; they then go back to the system one by one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/buffer.h"

namespace penstock {

struct MemoryStats {
  int64_t live = 0;                // bytes in blocks that tensors hold
  int64_t peak = 0;                // the most that `live` has been
  int64_t reserved = 0;            // bytes obtained from the system: live and cached
  int64_t allocations = 0;         // blocks handed out so far
  int64_t system_allocations = 0;  // those that the cache could not serve
};

class Allocator {
 public:
  // `limit` bounds `live`, in bytes; 0 means no bound. `cache_limit` bounds the cached bytes.
  explicit Allocator(int64_t limit = 0, int64_t cache_limit = int64_t{4} << 30);
  ~Allocator();
  Allocator(const Allocator&) = delete;

  // At least `bytes` usable bytes. ResourceExhausted when the limit or the system says no, and
  // for a block that is larger than the memory of this machine (or of our control group), which
  // the system might promise and not have.
  BufferPtr allocate(size_t bytes);
  // Like `allocate`, the bytes set to zero.
  BufferPtr allocate_zeroed(size_t bytes);
  MemoryStats stats() const;
  void reset_peak();
  // The peak since the last `begin_window`: what one run needed. A new window leaves the peak
  // of `stats` as it is.
  void begin_window();
  int64_t window_peak() const;
  // Gives cached blocks back to the system; returns how many bytes.
  int64_t trim();
  void set_limit(int64_t bytes);
  // True for a block that this allocator handed out.
  bool owns(const Buffer& buffer) const { return buffer.owner == impl_; }
  // Takes a block back: what `Buffer::release` of its blocks does unless somebody put their
  // own function there, which then ends by calling this.
  static void release_block(Buffer* buffer);

 private:
  struct Impl;
  Impl* impl_;
};

// The allocator of the host, used where no device is at hand (feeds, constants). Never dies.
Allocator& host_allocator();

}  // namespace penstock
