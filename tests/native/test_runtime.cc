// Registry, programs, and the executor under both policies.
#include <thread>

#include "check.h"
#include "fake_kernels.h"

namespace penstock {
namespace {

using testing::Graph;
using testing::run;

SessionOptions threads(int n) {
  SessionOptions options;
  options.intra_op_threads = n;
  options.inter_op_threads = n;
  return options;
}

TEST(registry_lists_what_there_is) {
  KernelRegistry r;
  r.add("Exp", kCpu, {{"T", kFloat2}}, nullptr);
  r.add("Exp", kCpu, {{"T", kFloat2}}, nullptr, Cost::kElements, 1, "fast");
  NodeInfo node;
  node.op = "Exp";
  node.attrs.set("T", DType::kFloat64);
  CHECK(r.find(node, "CPU").label == "fast");
  r.set_portable_only(true);
  CHECK(r.find(node, "CPU").label == "portable");
  CHECK_ERROR(Code::kNotFound, "on GPU, T = {float64}; there are these:\n  on CPU, T in {float32",
              r.find(node, "GPU"));
  NodeInfo other = node;
  other.attrs = Attrs();
  other.attrs.set("T", DType::kInt32);
  CHECK(!r.supports(other, "CPU") && r.supports(node, "CPU"));
  other.op = "Nope";
  CHECK_ERROR(Code::kNotFound, "no kernel on any device", r.find(other, "CPU"));
}

TEST(programs_run) {
  Graph g;
  const int x = g.feed();
  const int y = g.feed();
  const int sum = g.node("Add", {x, y});
  g.fetch(g.node("Add", {sum, g.constant(10)}));
  g.fetch(sum);
  g.fetch(sum);
  g.fetch(x);
  auto program = g.build();
  for (int i = 0; i < 5; ++i) {
    const float v = static_cast<float>(i);
    CHECK(run(*program, {v, 2}) == std::vector<float>({v + 12, v + 2, v + 2, v}));
  }
  CHECK(g.session->host().allocator().stats().live == 0);
}

TEST(dead_inputs_are_forwarded_and_others_are_not) {
  Graph g;
  const int x = g.feed();
  const int a = g.node("Add", {x, x});  // read twice by one node: never forwarded
  g.fetch(g.node("Where", {a}));        // the only reader
  g.fetch(g.node("Where", {g.constant(1)}));
  const int b = g.node("Add", {x, x});
  g.fetch(g.node("Where", {b}));  // not the last
  g.fetch(g.node("Where", {b}));
  const int c = g.node("Add", {x, x});
  const int d = g.node("Same", {c});  // shares the buffer with c, which is fetched
  g.fetch(g.node("Where", {d}));
  g.fetch(c);
  auto program = g.build();
  for (int i = 0; i < 4; ++i) {
    CHECK(run(*program, {1}) == std::vector<float>({1, 0, 0, 1, 0, 2}));
  }
}

TEST(errors_name_the_node_and_leave_it_usable) {
  Graph g;
  const int x = g.feed();
  const int bad = g.node("Bad", {x});
  g.fetch(g.node("Add", {bad, x}));
  auto program = g.build();
  for (int i = 0; i < 4; ++i) {
    try {
      run(*program, {1});
      CHECK(false);
    } catch (const RunError& error) {
      CHECK(error.code() == Code::kOutOfRange && error.node_name == "my/Bad");
      CHECK(error.op == "Bad" && error.device == "/device:CPU:0");
      CHECK(error.inputs == std::vector<std::string>({"float32[]"}));
    }
    CHECK(run(*program, {-1}) == std::vector<float>({-2}));
  }
}

TEST(forgotten_outputs_are_found) {
  Graph g;
  g.fetch(g.node("Forget", {}));
  auto program = g.build();
  CHECK_ERROR(Code::kInternal, "output 0 should be float32", run(*program, {}));
}

TEST(builder_errors_name_the_node) {
  Graph g;
  try {
    g.node("Nope", {});
    CHECK(false);
  } catch (const RunError& error) {
    CHECK(error.code() == Code::kNotFound && error.node_name == "my/Nope");
  }
  CHECK_ERROR(Code::kInternal, "does not exist", g.node("Same", {7}));
}

// x -> `width` chains of `depth` Slow nodes -> their sum.
std::unique_ptr<Executor> wide(Graph& g, int width, int depth, const char* op = "Slow") {
  const int x = g.feed();
  int sum = -1;
  for (int w = 0; w < width; ++w) {
    int last = g.node("Add", {x, g.constant(static_cast<float>(w))});
    for (int d = 0; d < depth; ++d) last = g.node(op, {last});
    sum = sum < 0 ? last : g.node("Add", {sum, last});
  }
  g.fetch(sum);
  return g.build();
}

TEST(wide_programs_run_in_parallel) {
  Graph g(threads(3));
  auto program = wide(g, 6, 3);
  RunStats stats;
  for (int i = 0; i < 30; ++i) CHECK(run(*program, {1}, {}, &stats)[0] == 6 + 15 + 18);
  CHECK(stats.mode == Mode::kParallel);
  CHECK(stats.devices.size() == 1);
  const DeviceRunStats& memory = stats.devices.front();
  CHECK(memory.live_before == 0 && memory.live_after == 64);  // the fetch
  CHECK(memory.peak > 0 && memory.allocations > 0);
  CHECK(program->work_ns() > 1.5e6);
}

TEST(one_thread_and_chains_stay_inline) {
  Graph alone(threads(1));
  auto program = wide(alone, 6, 1);
  Graph g(threads(3));
  auto chain = wide(g, 1, 6);
  RunStats stats;
  for (int i = 0; i < 6; ++i) run(*program, {1}, {}, &stats);
  CHECK(stats.mode == Mode::kInline);
  for (int i = 0; i < 6; ++i) run(*chain, {1}, {}, &stats);
  CHECK(stats.mode == Mode::kInline);
}

TEST(kernels_that_use_all_threads_run_one_by_one) {
  Graph g(threads(3));
  auto program = wide(g, 6, 2, "Spread");
  RunStats stats;
  for (int i = 0; i < 6; ++i) CHECK(run(*program, {1}, {}, &stats)[0] == 6 + 15);
  CHECK(stats.mode == Mode::kInline);
}

TEST(parallel_runs_from_many_threads) {
  Graph g(threads(3));
  auto program = wide(g, 4, 2);
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      const float x = static_cast<float>(t);
      for (int i = 0; i < 30; ++i) CHECK(run(*program, {x})[0] == 4 * x + 6 + 8);
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(g.session->host().allocator().stats().live == 0);
}

TEST(parallel_errors_keep_the_first_and_recover) {
  Graph g(threads(3));
  const int x = g.feed();
  int sum = x;
  for (int w = 0; w < 6; ++w) {
    sum = g.node("Add", {sum, g.node("Bad", {g.node("Slow", {g.node("Slow", {x})})})});
  }
  g.fetch(sum);
  auto program = g.build();
  RunStats stats;
  for (int i = 0; i < 5; ++i) run(*program, {-9}, {}, &stats);
  CHECK(stats.mode == Mode::kParallel);
  for (int i = 0; i < 10; ++i) {
    CHECK_ERROR(Code::kOutOfRange, "not wanted", run(*program, {1}));
    CHECK(run(*program, {-9})[0] == -9 - 42);
  }
  CHECK(g.session->host().allocator().stats().live == 0);
}

TEST(deadlines_end_runs_under_both_policies) {
  for (int n : {1, 3}) {
    Graph g(threads(n));
    auto program = wide(g, 4, 40, "Sleep");
    RunOptions options;
    for (int i = 0; i < (n == 1 ? 1 : 4); ++i) run(*program, {1}, options);
    options.timeout_ms = 60;
    const auto begin = Clock::now();
    CHECK_ERROR(Code::kDeadlineExceeded, "limit of 60 ms", run(*program, {1}, options));
    CHECK(Clock::now() - begin < std::chrono::milliseconds(700));
  }
}

TEST(cancellation_and_interrupts_end_runs) {
  for (int n : {1, 3}) {
    Graph g(threads(n));
    auto program = wide(g, 4, 60, "Sleep");
    for (int i = 0; i < (n == 1 ? 1 : 4); ++i) run(*program, {1});
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      g.session->cancel_all();
    });
    CHECK_ERROR(Code::kCancelled, "session was closed", run(*program, {1}));
    canceller.join();
    RunOptions options;
    options.interrupted = [] { return true; };
    CHECK_ERROR(Code::kCancelled, "interrupted", run(*program, {1}, options));
    CHECK(run(*program, {1})[0] == 10);
  }
}

TEST(a_run_that_begins_after_closing_is_cancelled) {
  for (int n : {1, 3}) {
    Graph g(threads(n));
    auto program = wide(g, 4, 60, "Sleep");
    g.session->close();
    CHECK_ERROR(Code::kCancelled, "session was closed", run(*program, {1}));
  }
}

TEST(many_runs_need_no_more_memory) {
  Graph g;
  const int x = g.feed();
  g.fetch(g.node("Add", {g.node("Same", {x}), g.constant(1)}));
  auto program = g.build();
  run(*program, {1});
  const int64_t before = host_allocator().stats().system_allocations;
  for (int i = 0; i < 100000; ++i) run(*program, {1});
#ifndef __SANITIZE_ADDRESS__
  CHECK(host_allocator().stats().system_allocations == before);
#endif
  CHECK(before > 0 && g.session->host().allocator().stats().live == 0);
}

}  // namespace
}  // namespace penstock
