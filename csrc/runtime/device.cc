// What a device adds to the state of its session.
#include "runtime/device.h"

#include <atomic>
#include <random>
#include <utility>

namespace penstock {

Device::Device(std::string name, int64_t incarnation, const SessionState& shared,
               int64_t memory_limit, Allocator* host)
    : name_(std::move(name)), incarnation_(incarnation), allocator_(memory_limit), state_(shared) {
  state_.allocator = host ? host : &allocator_;
  state_.resources = &resources_;
}

int64_t next_incarnation() {
  static std::atomic<int64_t> last{static_cast<int64_t>(std::random_device()()) << 20};
  return ++last;
}

void Device::close() {
  resources_.clear();
  allocator_.trim();
}

}  // namespace penstock
