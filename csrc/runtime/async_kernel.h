// Kernels whose result may come later: they wait for another partition, a queue, a copy, and
// must not keep a thread while they do.
#pragma once

#include <exception>
#include <functional>

#include "runtime/kernel.h"
#include "runtime/rendezvous.h"

namespace penstock {

class AsyncKernel : public Kernel {
 public:
  // Called once, from any thread, without an error when the outputs are set.
  using Done = std::function<void(std::exception_ptr error)>;

  // Starts the work. True: it is finished, `done` is never called. False: `done` will be, maybe
  // before this returns; until then `ctx` may be kept as a copy. An exception is an error at once.
  virtual bool start(KernelContext& ctx, Rendezvous& rendezvous, Done done) = 0;
  void compute(KernelContext&) final { invariant(false, "an asynchronous kernel was called"); }
};

}  // namespace penstock
