// How all runs of a session end at once: `cancel` for those under way, `close` for these and for
// every one that begins later. May be used from any thread.
//
// A run keeps what `begin` returns and asks now and then. A run that begins after `close`, because
// it passed its caller's check just before, finds itself cancelled at its first question.
#pragma once

#include <atomic>
#include <cstdint>

namespace penstock {

class Cancellation {
 public:
  void cancel() { epoch_.fetch_add(2); }
  void close() { epoch_.fetch_or(kClosed); }
  bool closed() const { return (epoch_.load(std::memory_order_relaxed) & kClosed) != 0; }

  uint64_t begin() const { return epoch_.load() & ~kClosed; }
  // True when a run that began at `begun` is to end.
  bool ends(uint64_t begun) const { return epoch_.load(std::memory_order_relaxed) != begun; }

 private:
  static constexpr uint64_t kClosed = 1;
  std::atomic<uint64_t> epoch_{0};
};

}  // namespace penstock
