// The native half of a session: its devices and the thread pools that its programs share. Programs
// keep it alive. All methods but `add` may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/cancellation.h"
#include "runtime/device.h"
#include "runtime/kernel.h"
#include "runtime/thread_pool.h"

namespace penstock {

struct SessionOptions {
  int intra_op_threads = 0;  // 0: one per processor that we may use
  int inter_op_threads = 0;  // 0: as above; 1 or less than 0: nodes run one by one
  bool deterministic = false;
  int64_t memory_limit = 0;  // bytes in use at a time on each CPU; 0: no limit
  int cpus = 1;              // devices of type CPU
};

class Session {
 public:
  explicit Session(const SessionOptions& options);
  Session(const Session&) = delete;

  // Adds a device; its state starts from `shared`. Before the first program is built.
  void add(std::unique_ptr<Device> device) { devices_.push_back(std::move(device)); }
  const SessionState& shared() const { return shared_; }
  // The CPUs first, in the order in which they were added.
  const std::vector<std::unique_ptr<Device>>& devices() const { return devices_; }
  // CPU:0: feeds and fetches are there.
  Device& host() { return *devices_.front(); }
  // By its full name; an empty one stands for the host. NotFound lists the devices there are.
  Device& device(const std::string& name);
  int intra_op_threads() const { return shared_.intra_pool->num_threads(); }
  int inter_op_threads() const {
    return shared_.inter_pool ? shared_.inter_pool->num_threads() : 1;
  }

  // Ends the runs that are under way, within a second, with Cancelled.
  void cancel_all() { cancellation_.cancel(); }
  // Cancels, and lets go of all resources and cached memory. No run starts after it.
  void close();
  bool closed() const { return cancellation_.closed(); }
  std::vector<std::string> variable_names() const;

 private:
  SessionState shared_;
  Cancellation cancellation_;
  std::vector<std::unique_ptr<Device>> devices_;
};

}  // namespace penstock
