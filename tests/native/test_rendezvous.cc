// Channels, and programs of several devices that meet at them, under both policies.
#include <atomic>
#include <thread>

#include "check.h"
#include "fake_kernels.h"
#include "runtime/rendezvous.h"

namespace penstock {
namespace {

using testing::Graph;
using testing::run;
using testing::scalar;

SessionOptions devices(int cpus, int threads) {
  SessionOptions options;
  options.cpus = cpus;
  options.intra_op_threads = 1;
  options.inter_op_threads = threads;
  return options;
}

// A receiver that keeps what it was called with.
struct Kept {
  int calls = 0;
  float value = 0;
  std::string error;

  Rendezvous::Receiver receiver() {
    return [this](const Message& message, const RunError* problem) {
      ++calls;
      if (problem) {
        error = problem->text();
      } else {
        value = message.value.scalar<float>();
      }
    };
  }
};

TEST(either_end_of_a_channel_may_come_first) {
  Rendezvous r(2);
  Kept early;
  r.receive(0, early.receiver());
  CHECK(early.calls == 0 && !r.try_receive(0));
  r.send(0, Message{scalar(1)});
  CHECK(early.calls == 1 && early.value == 1);

  r.send(1, Message{scalar(2)});
  CHECK(r.try_receive(1)->value.scalar<float>() == 2);
  CHECK_ERROR(Code::kInternal, "sent twice", r.send(1, Message{scalar(2)}));

  r.clear();
  Kept late;
  r.send(1, Message{scalar(3)});
  r.receive(1, late.receiver());
  CHECK(late.calls == 1 && late.value == 3);
}

TEST(an_abort_reaches_those_who_wait_and_those_who_come) {
  const int64_t live = host_allocator().stats().live;
  Rendezvous r(3);
  Kept waiting;
  Kept later;
  r.receive(0, waiting.receiver());
  r.send(1, Message{scalar(1)});
  CHECK(host_allocator().stats().live > live);
  r.abort(RunError(Code::kAborted, "enough"));
  r.abort(RunError(Code::kAborted, "too late"));
  CHECK(waiting.calls == 1 && waiting.error == "enough");
  CHECK(host_allocator().stats().live == live);
  CHECK(!r.try_receive(1));  // what was sent before is gone, and must not look like a message
  r.receive(1, later.receiver());
  CHECK(later.calls == 1 && later.error == "enough");
  r.send(2, Message{scalar(1)});
  CHECK(host_allocator().stats().live == live && !r.try_receive(2));
  r.clear();
  r.send(1, Message{scalar(4)});
  CHECK(r.try_receive(1)->value.scalar<float>() == 4);
}

// Senders and receivers of many channels race, and somebody may end it all: each receiver is
// called once.
void race(bool aborted) {
  constexpr int kChannels = 200;
  for (int round = 0; round < 20; ++round) {
    Rendezvous r(kChannels);
    std::atomic<int> values{0};
    std::atomic<int> errors{0};
    std::vector<std::thread> workers;
    for (int half = 0; half < 2; ++half) {
      workers.emplace_back([&, half] {
        for (int c = half; c < kChannels; c += 2) r.send(c, Message{scalar(1)});
      });
      workers.emplace_back([&, half] {
        for (int c = kChannels - 1 - half; c >= 0; c -= 2) {
          if (r.try_receive(c)) {
            ++values;
          } else {
            r.receive(c, [&](const Message&, const RunError* e) { ++(e ? errors : values); });
          }
        }
      });
    }
    if (aborted) workers.emplace_back([&] { r.abort(RunError(Code::kAborted, "enough")); });
    for (std::thread& worker : workers) worker.join();
    CHECK(values + errors == kChannels && (aborted || errors == 0));
  }
}

TEST(channels_race) { race(false); }
TEST(channels_race_with_an_abort) { race(true); }

// x on CPU:0 -> `width` chains, each crossing to another CPU at every step -> their sum on CPU:0.
// The first program is built from what the others send back.
std::unique_ptr<Executor> crossing(Graph& g, int cpus, int width, const char* op) {
  const int x = g.feed();
  for (int w = 0; w < width; ++w) g.send("to" + std::to_string(w), x, 0, 1 + w % (cpus - 1));
  int sum = x;
  for (int w = 0; w < width; ++w) {
    sum = g.node("Add", {sum, g.receive("back" + std::to_string(w), 1 + w % (cpus - 1), 0)});
  }
  g.fetch(sum);
  for (int cpu = 1; cpu < cpus; ++cpu) {
    g.on(cpu);
    for (int w = cpu - 1; w < width; w += cpus - 1) {
      const int here = g.receive("to" + std::to_string(w), 0, cpu);
      g.send("back" + std::to_string(w), g.node("Slow", {g.node(op, {here})}), cpu, 0);
    }
  }
  return g.build();
}

TEST(programs_meet_inline) {
  Graph g(devices(3, 1));
  auto program = crossing(g, 3, 4, "Same");
  RunStats stats;
  for (int i = 0; i < 10; ++i) {
    const float v = static_cast<float>(i);
    CHECK(run(*program, {v}, {}, &stats)[0] == v + 4 * (v + 1));
  }
  CHECK(stats.mode == Mode::kInline);
  for (const auto& device : g.session->devices()) CHECK(device->memory_stats().live == 0);
}

TEST(programs_meet_in_parallel) {
  Graph g(devices(4, 3));
  auto program = crossing(g, 4, 9, "Slow");
  RunStats stats;
  for (int i = 0; i < 50; ++i) CHECK(run(*program, {1}, {}, &stats)[0] == 1 + 9 * 3);
  CHECK(stats.mode == Mode::kParallel);
  for (const auto& device : g.session->devices()) CHECK(device->memory_stats().live == 0);
}

// One program's failure ends the step in all, names its node, leaves nothing and does no harm to
// other callers' steps.
void fail_and_go_on(int threads) {
  Graph g(devices(4, threads));
  auto program = crossing(g, 4, 9, "Bad");  // fails unless the value is negative
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) wrong += run(*program, {-1})[0] != -1;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 50; ++i) {
        const bool bad = (i + caller) % 2 == 0;
        try {
          wrong += run(*program, {bad ? 1.0f : -1.0f})[0] != -1 || bad;
        } catch (const RunError& error) {
          wrong += !bad || error.op != "Bad" || error.code() != Code::kOutOfRange;
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  for (const auto& device : g.session->devices()) CHECK(device->memory_stats().live == 0);
}

TEST(a_failure_ends_all_programs_inline) { fail_and_go_on(1); }
TEST(a_failure_ends_all_programs_in_parallel) { fail_and_go_on(3); }

TEST(a_receive_that_nobody_serves_ends_at_the_deadline) {
  Graph g(devices(2, 2));
  g.fetch(g.receive("never", 1, 0));
  g.on(1);
  g.node("Same", {g.constant(1)});
  auto program = g.build();
  RunOptions options;
  options.timeout_ms = 20;
  for (int i = 0; i < 3; ++i) {
    const auto began = Clock::now();
    CHECK_ERROR(Code::kDeadlineExceeded, "20 ms", run(*program, {}, options));
    CHECK(Clock::now() - began < std::chrono::seconds(1));
  }
}

TEST(cancelling_wakes_a_receive) {
  Graph g(devices(2, 2));
  g.fetch(g.receive("never", 1, 0));
  g.on(1);
  g.node("Same", {g.constant(1)});
  auto program = g.build();
  std::thread closer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    g.session->cancel_all();
  });
  CHECK_ERROR(Code::kCancelled, "closed", run(*program, {}));
  closer.join();
}

}  // namespace
}  // namespace penstock
