// A device of a session: a memory with its statistics and its limit, the resources that live
// there, and what kernels of its programs share.
//
// Values of a CPU lie in host memory; several CPUs pass each other references. A subclass for an
// accelerator keeps values in a memory of its own: such a tensor's `raw()` is null, and only the
// device itself reads the elements. Host values of its programs (shapes, handles) are allocated
// in the host memory that `state().allocator` names. All methods may be called from any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/allocator.h"
#include "core/resource.h"
#include "core/tensor.h"
#include "runtime/kernel.h"

namespace penstock {

// A piece of memory, which several tensors may share.
struct MemoryBlock {
  uintptr_t number = 0;
  int64_t bytes = 0;
};

class Device {
 public:
  // `shared` is what all devices of the session have in common; the device adds its own memory
  // and resources. `host`: the allocator of host values of a device whose own memory is elsewhere;
  // null for a CPU, which uses its own.
  Device(std::string name, int64_t incarnation, const SessionState& shared, int64_t memory_limit,
         Allocator* host = nullptr);
  virtual ~Device() = default;
  Device(const Device&) = delete;

  const std::string& name() const { return name_; }
  int64_t incarnation() const { return incarnation_; }
  const SessionState& state() const { return state_; }
  ResourceContainer& resources() { return resources_; }
  Allocator& allocator() { return allocator_; }

  // Of an accelerator: a copy of a host value in its memory, a copy of its value in host memory,
  // and a copy of another accelerator's value. On a CPU the same value.
  virtual Tensor from_host(const Tensor& value) { return value; }
  virtual Tensor to_host(const Tensor& value) { return value; }
  virtual Tensor from_device(const Tensor& value, Device& source) {
    return from_host(source.to_host(value));
  }
  virtual bool has_own_memory() const { return false; }
  // Waits until all that kernels have started here has ended; throws what went wrong meanwhile.
  virtual void synchronize() {}

  // True for a buffer in this device's memory.
  virtual bool owns(const Buffer& buffer) const { return allocator_.owns(buffer); }
  // The block of memory that a tensor of this device is in, by a number, and its bytes.
  virtual MemoryBlock block_of(const Tensor& tensor) {
    return {reinterpret_cast<uintptr_t>(tensor.buffer().get()),
            static_cast<int64_t>(tensor.buffer()->bytes)};
  }
  virtual MemoryStats memory_stats() { return allocator_.stats(); }
  // The most bytes live between the two: what a run, or a kernel, needs. Any number of windows may
  // be open at a time, each told by its number; each must be ended.
  virtual int begin_window();
  virtual int64_t end_window(int window);
  virtual void reset_peak();
  virtual void set_memory_limit(int64_t bytes) { allocator_.set_limit(bytes); }
  virtual int64_t trim() { return allocator_.trim(); }
  // Lets go of resources and cached memory.
  virtual void close();

 private:
  void harvest_window();

  const std::string name_;
  const int64_t incarnation_;
  Allocator allocator_;
  ResourceContainer resources_;
  SessionState state_;
  std::mutex windows_mutex_;
  std::vector<int64_t> windows_;  // of those that are open, the peak before the last began
};

// A number that no other device of this process has: tells a device from one of the same name in
// another session.
int64_t next_incarnation();

}  // namespace penstock
