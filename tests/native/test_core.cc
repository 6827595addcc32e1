// Memory, shapes, half floats, tensors, variables.
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "check.h"
#include "core/allocator.h"
#include "core/attrs.h"
#include "core/half.h"
#include "core/resource.h"
#include "core/tensor.h"

namespace penstock {
namespace {

TEST(allocator_counts_and_reuses) {
  Allocator a;
  void* first = nullptr;
  {
    BufferPtr b = a.allocate(100);
    first = b->data;
    CHECK(reinterpret_cast<uintptr_t>(first) % 64 == 0);
    CHECK(b->bytes >= 100 && b->bytes <= 128);
    CHECK(a.stats().live == static_cast<int64_t>(b->bytes));
  }
  CHECK(a.stats().live == 0);
  CHECK(a.stats().peak == 112);
#ifndef __SANITIZE_ADDRESS__
  CHECK(a.allocate(100)->data == first);
  CHECK(a.stats().system_allocations == 1);
  CHECK(a.stats().reserved == 112);
  CHECK(a.trim() == 112);
#endif
  CHECK(a.stats().reserved == 0);
  CHECK(a.stats().allocations >= 1);
}

TEST(allocator_serves_every_size) {
  Allocator a;
  for (size_t bytes = 0; bytes < 5000; ++bytes) {
    BufferPtr b = a.allocate(bytes);
    CHECK(b->bytes >= bytes && (bytes <= 64 || b->bytes * 4 <= bytes * 5 + 64));
  }
  BufferPtr large = a.allocate_zeroed((size_t{3} << 20) + 1);
  CHECK(static_cast<char*>(large->data)[3 << 20] == 0);
  CHECK(a.stats().live == static_cast<int64_t>(large->bytes));
}

TEST(allocator_keeps_its_limit) {
  Allocator a(1 << 20);
  BufferPtr held = a.allocate(900000);
  CHECK_ERROR(Code::kResourceExhausted, "limit", a.allocate(900000));
  held.reset();
  CHECK(static_cast<bool>(a.allocate(900000)));
  CHECK_ERROR(Code::kResourceExhausted, "refused", Allocator().allocate(size_t{1} << 60));
}

TEST(allocator_caches_up_to_its_bound) {
#ifndef __SANITIZE_ADDRESS__
  Allocator a(0, 1 << 20);
  for (int i = 0; i < 100; ++i) a.allocate(1 << 19);
  CHECK(a.stats().system_allocations == 1 && a.stats().reserved == 1 << 19);
  {
    std::vector<BufferPtr> blocks;
    for (int i = 0; i < 5; ++i) blocks.push_back(a.allocate(1 << 19));
  }
  CHECK(a.stats().live == 0 && a.stats().reserved <= 1 << 20);
#endif
}

TEST(allocator_windows_keep_the_peak) {
  Allocator a;
  a.allocate(10000);
  a.begin_window();
  a.allocate(1000);
  CHECK(a.window_peak() == 1024);
  CHECK(a.stats().peak == 10240);
  a.reset_peak();
  CHECK(a.stats().peak == 0);
}

TEST(buffers_outlive_their_allocator) {
  BufferPtr small, large;
  {
    Allocator a;
    small = a.allocate(64);
    large = a.allocate(1 << 20);
  }
  std::memset(large->data, 1, 1 << 20);
}

TEST(allocator_is_thread_safe) {
  Allocator a;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&a, t] {
      for (int i = 0; i < 2000; ++i) {
        BufferPtr b = a.allocate(static_cast<size_t>(64 << (i % 12)));
        static_cast<char*>(b->data)[0] = static_cast<char>(t);
        CHECK(static_cast<char*>(b->data)[0] == static_cast<char>(t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(a.stats().live == 0);
  CHECK(a.stats().allocations == 8000);
}

TEST(shapes_broadcast) {
  CHECK(broadcast_shapes({2, 3}, {3}) == Shape({2, 3}));
  CHECK(broadcast_shapes({2, 1}, {5, 1, 4}) == Shape({5, 2, 4}));
  CHECK(broadcast_shapes({}, {0}) == Shape({0}));
  CHECK_ERROR(Code::kInvalidArgument, "[2, 3] and [2] do not broadcast",
              broadcast_shapes({2, 3}, {2}));
}

TEST(shapes_are_checked) {
  const int64_t huge[] = {0, int64_t{1} << 40, int64_t{1} << 40};
  CHECK_ERROR(Code::kInvalidArgument, "more elements", Shape::checked(huge, 3));
  const int64_t negative[] = {2, -1};
  CHECK_ERROR(Code::kInvalidArgument, "negative", Shape::checked(negative, 2));
  CHECK_ERROR(Code::kUnimplemented, "rank 9", Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}));
  CHECK_ERROR(Code::kResourceExhausted, "does not fit",
              Tensor(host_allocator(), DType::kFloat32, {int64_t{1} << 40, int64_t{1} << 40}));
  CHECK((PartialShape{false, {-1, 2}}).allows({7, 2}));
  CHECK(!(PartialShape{false, {-1, 2}}).allows({7, 3}));
  CHECK(!(PartialShape{false, {-1, 2}}).allows({2}));
}

TEST(half_floats_round_to_nearest_even) {
  CHECK(float16(1.0f).bits == 0x3c00);
  CHECK(float16(65504.0f).bits == 0x7bff);
  CHECK(float16(65520.0f).bits == 0x7c00);
  CHECK(float16(1.0f + 1.0f / 2048).bits == 0x3c00);
  CHECK(float16(1.0f + 3.0f / 2048).bits == 0x3c02);
  CHECK(float16(5.960464477539063e-08f).bits == 1);
  CHECK(float16(2.9802322e-08f).bits == 0);
  CHECK(std::isnan(static_cast<float>(float16(std::nanf("")))));
  CHECK(bfloat16(1.00390625f).bits == 0x3f80);
  CHECK(bfloat16(1.01171875f).bits == 0x3f82);
  CHECK(std::isnan(static_cast<float>(bfloat16(std::nanf("")))));
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const float value = float16::to_float(static_cast<uint16_t>(bits));
    CHECK(float16::from_float(value) == bits && float16::from_float(-value) == (bits | 0x8000));
  }
}

TEST(string_tensors_own_their_elements) {
  Allocator a;
  Tensor t(a, DType::kString, {3});
  t.mutable_data<std::string>()[1] = std::string(1000, 'x');
  const Tensor copy = deep_copy(t, a);
  t.reset();
  CHECK(copy.data<std::string>()[1].size() == 1000 && copy.data<std::string>()[0].empty());
  CHECK(copy.to_string() == "string[3]");
}

TEST(rows_share_the_buffer) {
  Tensor t(host_allocator(), DType::kInt32, {4, 2});
  for (int i = 0; i < 8; ++i) t.mutable_data<int32_t>()[i] = i;
  const Tensor rows = t.rows(1, 3);
  CHECK(rows.shape() == Shape({2, 2}) && rows.data<int32_t>()[0] == 2);
  CHECK(!t.is_writable_and_unique());
  CHECK(as_int64s(t.rows(3, 4).reshaped({2})) == std::vector<int64_t>({6, 7}));
}

TEST(variables_never_change_a_value_once_read) {
  Allocator a;
  Variable v("w", DType::kFloat32);
  CHECK(!v.is_initialized());
  CHECK_ERROR(Code::kFailedPrecondition, "variable \"w\"", v.read());
  CHECK_ERROR(Code::kInvalidArgument, "holds float32", v.assign(Tensor(a, DType::kInt32, {})));
  v.assign(Tensor(a, DType::kFloat32, {}));
  const auto set = [&v, &a](float x) {
    v.update(a, [x](Tensor& t) { *t.mutable_data<float>() = x; });
  };
  set(1);
  const Tensor before = v.read();
  set(2);
  CHECK(before.scalar<float>() == 1 && v.read().scalar<float>() == 2);
  const void* memory = v.read().raw();
  set(3);
  CHECK(v.read().raw() == memory);
}

TEST(containers_make_a_resource_once) {
  ResourceContainer c;
  const auto make = [] { return std::make_shared<Variable>("v", DType::kInt32); };
  CHECK(c.get_or_make("v", make) == c.get_or_make("v", make));
  CHECK_ERROR(Code::kAborted, "no", c.get_or_make("w", []() -> std::shared_ptr<Resource> {
    fail(Code::kAborted, "no");
  }));
  CHECK(c.find("w") == nullptr && c.snapshot().size() == 1);
  CHECK(c.erase("v") && !c.erase("v"));
}

}  // namespace
}  // namespace penstock
