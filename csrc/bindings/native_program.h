// The Python object `Program`: an executor that keeps its session alive.
#pragma once

#include <memory>
#include <utility>

#include "runtime/executor.h"
#include "runtime/session.h"

namespace penstock {

struct NativeProgram {
  NativeProgram(std::shared_ptr<Session> s, Partitions partitions)
      : session(std::move(s)), executor(std::move(partitions)) {}

  std::shared_ptr<Session> session;  // before the executor: it must outlive the kernels
  Executor executor;
};

}  // namespace penstock
