// Planned memory: places are exclusive, outlive their step, and whoever finds one taken goes on.
#include "core/arena.h"

#include <cstring>
#include <thread>

#include "check.h"
#include "fake_kernels.h"

namespace penstock {
namespace {

using testing::Graph;
using testing::run;

char* bytes_of(const BufferPtr& buffer) { return static_cast<char*>(buffer->data); }

TEST(places_that_overlap_are_not_in_use_together) {
  // Slot 0 and 1 side by side, 2 over both, 3 without a place, 4 where 0 is.
  const ArenaLayout layout({{0, 0, 64}, {1, 64, 64}, {2, 0, 128}, {4, 0, 64}}, 128, 5);
  CHECK(layout.cells() == 2 && layout.places().size() == 3);
  Allocator a;
  Arena arena(layout);
  CHECK(arena.open(a));
  BufferPtr first = arena.take(0, 1, 64);
  BufferPtr second = arena.take(1, 2, 1);
  CHECK(first && second && bytes_of(second) == bytes_of(first) + 64);
  CHECK(Arena::lent(*first.get()) && first->unique() && a.owns(*first.get()));
  CHECK(!arena.take(2, 3, 128) && !arena.take(4, 5, 64) && !arena.take(3, 4, 64));
  first.reset();
  CHECK(!arena.take(2, 3, 128));
  second.reset();
  CHECK(!arena.take(2, 3, 64));  // its size is another
  BufferPtr both = arena.take(0, 5, 128);
  CHECK(both && !arena.take(0, 2, 64));
  both.reset();
  arena.close();
  CHECK(a.stats().live == 0);
#ifndef __SANITIZE_ADDRESS__  // below it nothing is cached
  CHECK(a.stats().reserved == 4096);
#endif
  CHECK(!Arena::lent(*a.allocate(64).get()));
}

TEST(a_place_may_be_of_many_cells) {
  std::vector<PlannedPlace> places;
  constexpr int kSmall = 150;
  for (int i = 0; i < kSmall; ++i) places.push_back({i, i * 64, 64});
  places.push_back({kSmall, 64, 148 * 64});
  const ArenaLayout layout(places, kSmall * 64, kSmall + 1);
  Allocator a;
  Arena arena(layout);
  CHECK(arena.open(a));
  for (int busy : {1, 70, 148}) {
    BufferPtr small = arena.take(busy, busy + 1, 64);
    CHECK(small && !arena.take(kSmall, kSmall + 1, 148 * 64));
    small.reset();
    BufferPtr large = arena.take(kSmall, kSmall + 1, 148 * 64);
    CHECK(large && !arena.take(busy, busy + 1, 64));
    CHECK(arena.take(0, 1, 64) && arena.take(149, 150, 64));
  }
  arena.close();
}

TEST(values_outlive_the_step_and_the_allocator) {
  const ArenaLayout layout({{0, 0, 64}, {1, 4096, 6000 * 64}}, 4096 + 6000 * 64, 2);
  BufferPtr kept;
  {
    Allocator a;
    {
      Arena arena(layout);
      CHECK(arena.open(a));
      kept = arena.take(0, 1, 64);
      std::memset(kept->data, 7, 64);
      arena.close();
      CHECK(arena.open(a));  // another block
      BufferPtr other = arena.take(0, 1, 64);
      CHECK(other && bytes_of(other) != bytes_of(kept));
      kept = other;
      std::memset(kept->data, 8, 64);
      CHECK(a.stats().live == 2 * 389120 || a.stats().live == 389120);
    }
    CHECK(a.stats().live == 389120);
  }
  CHECK(bytes_of(kept)[63] == 8);
}

TEST(a_step_without_memory_for_the_block_goes_on) {
  const ArenaLayout layout({{0, 0, 8192}}, 8192, 1);
  Allocator a(4096);
  Arena arena(layout);
  CHECK(!arena.open(a));
  CHECK(a.stats().live == 0);
}

TEST(scopes_concern_their_thread_and_allocator) {
  const ArenaLayout layout({{0, 0, 64}}, 64, 1);
  Allocator a, other;
  Arena arena(layout);
  CHECK(arena.open(a));
  {
    ArenaScope scope(arena, a);
    CHECK(!Arena::lent(*a.allocate(64).get()));  // nothing is expected
    scope.expect(0, 1);
    CHECK(!Arena::lent(*other.allocate(64).get()));
    std::thread([&] { CHECK(!Arena::lent(*a.allocate(64).get())); }).join();
    const BufferPtr planned = a.allocate(40);
    CHECK(Arena::lent(*planned.get()) && !Arena::lent(*a.allocate(40).get()));
  }
  CHECK(!Arena::lent(*a.allocate(64).get()));
  arena.close();
}

TEST(threads_never_share_a_place) {
  std::vector<PlannedPlace> places;
  for (int i = 0; i < 64; ++i) places.push_back({i, i * 64, 64 * (1 + i % 5)});
  const ArenaLayout layout(places, 70 * 64, 64);
  Allocator a;
  Arena arena(layout);
  CHECK(arena.open(a));
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        const int slot = (i * 7 + t * 13) % 64;
        const size_t bytes = static_cast<size_t>(64 * (1 + slot % 5));
        const BufferPtr place = arena.take(slot, slot + 1, bytes);
        if (!place) continue;
        ++taken;
        std::memset(place->data, t, bytes);
        CHECK(bytes_of(place)[0] == t && bytes_of(place)[bytes - 1] == t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(taken > 0);
  arena.close();
  CHECK(a.stats().live == 0);
}

// x + 3 by three nodes that make fresh values, of which each may be in one of two places.
std::unique_ptr<Executor> planned_chain(Graph& g, bool wrong = false) {
  const int x = g.feed();
  const int a = g.node("Slow", {x});
  const int b = g.node("Slow", {a});
  const int c = g.node("Slow", {b});
  g.fetch(g.node("Add", {c, g.constant(0)}));
  if (wrong) g.fetch(a);
  g.plan({{a, 0}, {b, wrong ? 0 : 64}, {c, 0}}, 128);
  return g.build();
}

TEST(planned_programs_run) {
  Graph g;
  auto program = planned_chain(g);
  RunStats stats;
  for (int i = 0; i < 6; ++i) {
    CHECK(run(*program, {static_cast<float>(i)}, {}, &stats) ==
          std::vector<float>({static_cast<float>(i) + 3}));
  }
  CHECK(stats.devices.front().allocations == 1 + 1);  // the block, and what the fetch is copied to
  CHECK(g.session->host().allocator().stats().live == 0);
}

TEST(a_plan_that_does_not_hold_costs_memory_only) {
  Graph g;
  auto program = planned_chain(g, true);
  for (int i = 0; i < 6; ++i) {
    const float v = static_cast<float>(i);
    CHECK(run(*program, {v}) == std::vector<float>({v + 3, v + 1}));
  }
  CHECK(g.session->host().allocator().stats().live == 0);
}

TEST(planned_steps_run_side_by_side) {
  Graph g;
  auto program = planned_chain(g);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&program, t] {
      for (int i = 0; i < 30; ++i) {
        const float v = static_cast<float>(100 * t + i);
        CHECK(run(*program, {v}) == std::vector<float>({v + 3}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(g.session->host().allocator().stats().live == 0);
}

TEST(a_failed_step_leaves_its_places) {
  Graph g;
  const int x = g.feed();
  const int a = g.node("Slow", {x});
  g.fetch(g.node("Add", {g.node("Bad", {a}), a}));
  g.plan({{a, 0}}, 64);
  auto program = g.build();
  for (int i = 0; i < 4; ++i) {
    CHECK_ERROR(Code::kOutOfRange, "not wanted", run(*program, {1}));
    CHECK(run(*program, {-5}) == std::vector<float>({-8}));
  }
  CHECK(g.session->host().allocator().stats().live == 0);
}

}  // namespace
}  // namespace penstock
