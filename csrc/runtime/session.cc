// Setting up and closing what programs share.
#include "runtime/session.h"

namespace penstock {

Session::Session(const SessionOptions& options) : allocator_(options.memory_limit) {
  state_.resources = &resources_;
  state_.allocator = &allocator_;
  state_.intra_pool = &shared_pool(options.intra_op_threads);
  if (options.inter_op_threads == 0) {
    state_.inter_pool = &shared_pool(0);
  } else if (options.inter_op_threads > 1) {
    state_.inter_pool = &shared_pool(options.inter_op_threads);
  }
  state_.deterministic = options.deterministic;
  state_.cancel_epoch = &cancel_epoch_;
}

void Session::close() {
  closed_ = true;
  cancel_all();
  resources_.clear();
  allocator_.trim();
}

std::vector<std::string> Session::variable_names() const {
  std::vector<std::string> names;
  for (const auto& [name, resource] : resources_.snapshot()) {
    if (dynamic_cast<const Variable*>(resource.get())) names.push_back(name);
  }
  return names;
}

}  // namespace penstock
