// What a device adds to the state of its session.
#include "runtime/device.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <utility>

namespace penstock {
namespace {

constexpr int64_t kClosed = -1;

}  // namespace

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

// The allocator has one window. At every beginning and end its peak goes to all that are open, and
// it starts again.
void Device::harvest_window() {
  const int64_t peak = allocator_.window_peak();
  for (int64_t& window : windows_) {
    if (window != kClosed) window = std::max(window, peak);
  }
}

void Device::reset_peak() {
  std::lock_guard<std::mutex> lock(windows_mutex_);
  harvest_window();
  allocator_.reset_peak();
}

int Device::begin_window() {
  std::lock_guard<std::mutex> lock(windows_mutex_);
  harvest_window();
  allocator_.begin_window();
  auto free = std::find(windows_.begin(), windows_.end(), kClosed);
  if (free == windows_.end()) free = windows_.insert(free, kClosed);
  *free = 0;
  return static_cast<int>(free - windows_.begin());
}

int64_t Device::end_window(int window) {
  std::lock_guard<std::mutex> lock(windows_mutex_);
  const int64_t peak = allocator_.window_peak();
  return std::max(std::exchange(windows_[static_cast<size_t>(window)], kClosed), peak);
}

void Device::close() {
  resources_.clear();
  allocator_.trim();
}

}  // namespace penstock
