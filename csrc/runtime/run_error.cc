// From whatever a kernel threw to an error that names the kernel's node.
#include "runtime/run_error.h"

#include <new>

namespace penstock {

RunError current_error(const NodeInfo& node, std::vector<std::string> inputs) {
  try {
    throw;
  } catch (const RunError& error) {
    return error;
  } catch (const Error& error) {
    return RunError(error.code(), error.text(), node, std::move(inputs));
  } catch (const std::bad_alloc&) {
    return RunError(Code::kResourceExhausted, "out of memory: the system refused more", node,
                    std::move(inputs));
  } catch (const std::exception& error) {
    return RunError(Code::kInternal, concat("bug in penstock: ", error.what()), node,
                    std::move(inputs));
  }
}

}  // namespace penstock
