// The native half of a session: the resources, the memory and the thread pools that its
// programs share. Programs keep it alive. All methods may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "core/allocator.h"
#include "core/resource.h"
#include "runtime/kernel.h"
#include "runtime/thread_pool.h"

namespace penstock {

struct SessionOptions {
  int intra_op_threads = 0;  // 0: one per processor that we may use
  int inter_op_threads = 0;  // 0: as above; 1 or less than 0: nodes run one by one
  bool deterministic = false;
  int64_t memory_limit = 0;  // bytes in use at a time; 0: no limit
};

class Session {
 public:
  explicit Session(const SessionOptions& options);
  Session(const Session&) = delete;

  // Valid as long as the session.
  const SessionState& state() const { return state_; }
  Allocator& allocator() { return allocator_; }
  ResourceContainer& resources() { return resources_; }
  int intra_op_threads() const { return state_.intra_pool->num_threads(); }
  int inter_op_threads() const { return state_.inter_pool ? state_.inter_pool->num_threads() : 1; }

  // Ends the runs that are under way, within a second, with Cancelled.
  void cancel_all() { cancel_epoch_.fetch_add(1); }
  // Cancels, and lets go of all resources and cached memory. No run starts after it.
  void close();
  bool closed() const { return closed_.load(std::memory_order_relaxed); }
  std::vector<std::string> variable_names() const;

 private:
  Allocator allocator_;
  ResourceContainer resources_;
  SessionState state_;
  std::atomic<uint64_t> cancel_epoch_{0};
  std::atomic<bool> closed_{false};
};

}  // namespace penstock
