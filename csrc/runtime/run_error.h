// An Error with the node it came from: what the executor, the program builder and the feed
// conversion throw, and what the bindings hand to Python.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "runtime/kernel.h"

namespace penstock {

class RunError : public Error {
 public:
  RunError(Code code, std::string text) : Error(code, std::move(text)) {}
  // With the node's name, op and device; `inputs` as "float32[2, 3]", one for each input.
  RunError(Code code, std::string text, const NodeInfo& node, std::vector<std::string> inputs = {})
      : Error(code, std::move(text)),
        node_name(node.name),
        op(node.op),
        device(node.device),
        inputs(std::move(inputs)) {}

  std::string node_name;  // empty when no node is to blame (a deadline, a cancellation)
  std::string op;
  std::string device;
  std::vector<std::string> inputs;
  std::vector<std::string> details;  // further lines: who holds the memory that ran out
};

// The exception being handled as a RunError of `node`: an Error keeps its code, exhausted
// memory becomes ResourceExhausted, anything else is Internal. Call it in a catch block.
RunError current_error(const NodeInfo& node, std::vector<std::string> inputs = {});

}  // namespace penstock
