// A handful of float32 kernels and a builder of small programs, for the tests of the runtime.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/executor.h"
#include "runtime/session.h"

namespace penstock::testing {

// Add (x + y, forwards), Same (Identity), Slow (x + 1 after ~100 us of work), Spread (x after a
// parallel loop of 180 us in all), Sleep (x after 5 ms), Bad (throws), Where (1.0 where its input
// was forwarded), Forget (sets no output), Later (x, set by another
// thread; 99 is an error).
const KernelRegistry& fake_registry();

// Adds float32 nodes by name of their op; inputs are numbers of nodes.
class Graph {
 public:
  explicit Graph(const SessionOptions& options = {});

  int feed();
  int constant(float value);
  int node(const std::string& op, const std::vector<int>& inputs,
           const std::vector<int32_t>& controls = {});
  void fetch(int node);
  // What follows belongs to the program of CPU `number`; numbers of nodes begin again.
  void on(int number);
  // A transfer from CPU `from` to CPU `to`, under a name of its own.
  void send(const std::string& name, int node, int from, int to);
  int receive(const std::string& name, int from, int to);
  // Gives outputs 0 of these nodes places of 64 bytes, at the offset named with each.
  void plan(const std::vector<std::pair<int, int64_t>>& places, int64_t bytes);
  std::unique_ptr<Executor> build();

  std::shared_ptr<Session> session;

 private:
  ProgramBuilder& builder() { return *builders_.back(); }

  ChannelTable channels_;
  std::vector<std::unique_ptr<ProgramBuilder>> builders_;
  int64_t feeds_ = 0;
  int64_t fetches_ = 0;
};

Tensor scalar(float value);
// Runs with scalar feeds and returns the scalar fetches.
std::vector<float> run(Executor& executor, const std::vector<float>& feeds,
                       const RunOptions& options = {}, RunStats* stats = nullptr);

}  // namespace penstock::testing
