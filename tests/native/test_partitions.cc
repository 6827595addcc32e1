// Several programs in one step: transfers, asynchronous kernels, errors, threads, the rendezvous.
#include <thread>

#include "check.h"
#include "fake_kernels.h"
#include "runtime/rendezvous.h"

namespace penstock::testing {
namespace {

SessionOptions cpus(int devices, int threads) {
  SessionOptions options;
  options.cpus = devices;
  options.intra_op_threads = threads;
  options.inter_op_threads = threads;
  return options;
}

void check_nothing_lives(Graph& g) {
  for (const auto& device : g.session->devices()) CHECK(device->allocator().stats().live == 0);
}

// x on CPU:0 goes to CPU:1 .. CPU:n, through `depth` nodes of `op` there, and comes back to a sum.
std::unique_ptr<Executor> star(Graph& g, int n, int depth, const char* op) {
  const int x = g.feed();
  int sum = x;
  for (int d = 1; d <= n; ++d) {
    const std::string name = std::to_string(d);
    g.send("to" + name, x, 0, d);
    sum = g.node("Add", {sum, g.receive("from" + name, d, 0)});
  }
  g.fetch(sum);
  for (int d = 1; d <= n; ++d) {
    g.on(d);
    const std::string name = std::to_string(d);
    int last = g.receive("to" + name, 0, d);
    for (int i = 0; i < depth; ++i) last = g.node(op, {last});
    g.send("from" + name, last, d, 0);
  }
  return g.build();
}

TEST(a_value_goes_back_and_forth) {
  Graph g(cpus(2, 1));
  const int x = g.feed();
  int here = x;
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(i);
    g.send("there" + name, here, 0, 1);
    here = g.node("Add", {g.receive("back" + name, 1, 0), g.constant(1)});
  }
  g.fetch(here);
  g.on(1);
  for (int i = 0; i < 100; ++i) {
    const std::string name = std::to_string(i);
    g.send("back" + name, g.node("Same", {g.receive("there" + name, 0, 1)}), 1, 0);
  }
  auto program = g.build();
  for (int i = 0; i < 5; ++i) CHECK(run(*program, {1}) == std::vector<float>({101}));
  check_nothing_lives(g);
}

TEST(programs_of_several_devices_run_in_parallel) {
  Graph g(cpus(4, 3));
  auto program = star(g, 3, 4, "Slow");
  RunStats stats;
  for (int i = 0; i < 20; ++i) CHECK(run(*program, {1}, {}, &stats)[0] == 1 + 3 * 5);
  CHECK(stats.mode == Mode::kParallel);
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      const float x = static_cast<float>(t);
      for (int i = 0; i < 20; ++i) CHECK(run(*program, {x})[0] == 4 * x + 12);
    });
  }
  for (std::thread& caller : callers) caller.join();
  check_nothing_lives(g);
}

TEST(an_error_in_one_program_ends_all) {
  for (int threads : {1, 3}) {
    Graph g(cpus(3, threads));
    auto program = star(g, 2, 3, "Bad");
    for (int i = 0; i < 4; ++i) CHECK(run(*program, {-1})[0] == -3);
    for (int i = 0; i < 50; ++i) {
      CHECK_ERROR(Code::kOutOfRange, "not wanted", run(*program, {1}));
      CHECK(run(*program, {-1})[0] == -3);
    }
    check_nothing_lives(g);
  }
}

TEST(a_deadline_ends_all_programs) {
  for (int threads : {1, 3}) {
    Graph g(cpus(3, threads));
    auto program = star(g, 2, 40, "Sleep");
    for (int i = 0; i < (threads == 1 ? 1 : 4); ++i) run(*program, {1});
    RunOptions options;
    options.timeout_ms = 60;
    const auto begin = Clock::now();
    CHECK_ERROR(Code::kDeadlineExceeded, "limit of 60 ms", run(*program, {1}, options));
    CHECK(Clock::now() - begin < std::chrono::milliseconds(900));
    check_nothing_lives(g);
  }
}

TEST(results_may_come_later_from_other_threads) {
  for (int threads : {1, 3}) {
    Graph g(cpus(3, threads));
    auto program = star(g, 2, 6, "Later");
    for (int i = 0; i < 10; ++i) CHECK(run(*program, {2})[0] == 6);
    for (int i = 0; i < 10; ++i) CHECK_ERROR(Code::kOutOfRange, "too late", run(*program, {99}));
    CHECK(run(*program, {2})[0] == 6);
    check_nothing_lives(g);
  }
}

TEST(receivers_may_come_first_or_last) {
  Rendezvous rendezvous(2);
  float seen = 0;
  const auto note = [&](Message message, const RunError* error) {
    seen = error ? -1.0f : message.value.scalar<float>();
  };
  rendezvous.receive(0, note);
  CHECK(seen == 0 && !rendezvous.try_receive(1));
  rendezvous.send(0, Message{scalar(5), nullptr});
  CHECK(seen == 5);
  rendezvous.send(1, Message{scalar(6), nullptr});
  rendezvous.receive(1, note);
  CHECK(seen == 6);
  CHECK_ERROR(Code::kInternal, "sent twice", rendezvous.send(0, Message{scalar(5), nullptr}));
}

TEST(an_abort_wakes_and_refuses_receivers_and_drops_messages) {
  Rendezvous rendezvous(3);
  int refused = 0;
  const auto note = [&](Message, const RunError* error) {
    if (error && error->code() == Code::kAborted) ++refused;
  };
  const Tensor value = scalar(1);
  rendezvous.receive(0, note);
  rendezvous.send(1, Message{value, nullptr});
  rendezvous.abort(RunError(Code::kAborted, "enough"));
  CHECK(refused == 1 && value.buffer()->unique());
  rendezvous.receive(2, note);
  rendezvous.send(2, Message{value, nullptr});
  CHECK(refused == 2 && value.buffer()->unique());
  rendezvous.clear();
  rendezvous.send(2, Message{value, nullptr});
  CHECK(rendezvous.try_receive(2).has_value());
}

}  // namespace
}  // namespace penstock::testing
