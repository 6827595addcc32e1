// Setting up and closing what programs share.
#include "runtime/session.h"

#include <algorithm>

namespace penstock {
namespace {

constexpr const char* kLocalCpu = "/job:localhost/replica:0/task:0/device:CPU:";

}  // namespace

Session::Session(const SessionOptions& options) {
  shared_.intra_pool = &shared_pool(options.intra_op_threads);
  if (options.inter_op_threads == 0) {
    shared_.inter_pool = &shared_pool(0);
  } else if (options.inter_op_threads > 1) {
    shared_.inter_pool = &shared_pool(options.inter_op_threads);
  }
  shared_.deterministic = options.deterministic;
  shared_.cancellation = &cancellation_;
  for (int i = 0; i < options.cpus; ++i) {
    add(std::make_unique<Device>(concat(kLocalCpu, i), next_incarnation(), shared_,
                                 options.memory_limit));
  }
}

Device& Session::device(const std::string& name) {
  if (name.empty()) return host();
  std::string known;
  for (const auto& device : devices_) {
    if (device->name() == name) return *device;
    known += concat(known.empty() ? "" : ", ", device->name());
  }
  fail(Code::kNotFound, "there is no device \"", name, "\" in this session: there are ", known);
}

void Session::close() {
  cancellation_.close();
  for (const auto& device : devices_) device->close();
}

std::vector<std::string> Session::variable_names() const {
  std::vector<std::string> names;
  for (const auto& device : devices_) {
    for (const auto& [name, resource] : device->resources().snapshot()) {
      if (dynamic_cast<const Variable*>(resource.get())) names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace penstock
