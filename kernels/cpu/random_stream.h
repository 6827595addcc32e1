// The state of random ops: every op node owns a stream of numbers, kept in the session's
// resources, so that it goes on from run to run and from program to program.
//
// A kernel reserves a part of its stream in each call and draws from its own copy of the place.
#pragma once

#include <memory>
#include <mutex>
#include <random>
#include <string>

#include "core/resource.h"
#include "cpu/philox.h"
#include "runtime/kernel.h"

namespace penstock {

// An execution moves the stream by this many counter values for each element, used or not.
constexpr uint64_t kSkipPerElement = 256;

class RandomStream final : public Resource {
 public:
  explicit RandomStream(Philox start) : next_(start) {}
  const char* kind() const override { return "a random stream"; }

  // The place to draw from; the stream moves on by `count` counter values.
  Philox reserve(uint64_t count) {
    std::lock_guard<std::mutex> lock(mutex_);
    const Philox here = next_;
    next_.skip(count);
    return here;
  }

 private:
  std::mutex mutex_;
  Philox next_;
};

inline Philox seeded(const NodeInfo& node) {
  auto seed = static_cast<uint64_t>(node.attrs.get_or<int64_t>("seed", 0));
  auto seed2 = static_cast<uint64_t>(node.attrs.get_or<int64_t>("seed2", 0));
  if (seed == 0 && seed2 == 0) {
    std::random_device entropy;
    seed = (uint64_t{entropy()} << 32) | entropy();
    seed2 = (uint64_t{entropy()} << 32) | entropy();
  }
  return Philox{seed, 0, seed2};
}

// A kernel with a stream, found once for each program: the node's own, or that of the node which
// the attribute `stream` names. Drawing again has no stream, but a last input with the place.
class RandomKernel : public Kernel {
 public:
  explicit RandomKernel(const NodeInfo& node)
      : name_("random/" + node.attrs.get_or<std::string>("stream", node.name)),
        given_(draws_from_a_place(node.op)) {}

 protected:
  Philox reserve(const KernelContext& ctx, uint64_t counters) {
    if (given_) return place_from(ctx.input(ctx.num_inputs() - 1));
    std::call_once(once_, [&] {
      auto made = ctx.session().resources->get_or_make(
          name_, [&] { return std::make_shared<RandomStream>(seeded(ctx.node())); });
      stream_ = std::dynamic_pointer_cast<RandomStream>(made);
      invariant(stream_ != nullptr, name_, " is not a random stream");
    });
    return stream_->reserve(counters);
  }

 private:
  // "_RandomUniformAt" does.
  static bool draws_from_a_place(const std::string& op) {
    return op.front() == '_' && op.size() > 2 && op.compare(op.size() - 2, 2, "At") == 0;
  }
  static Philox place_from(const Tensor& t) {
    require(t.rank() == 1 && t.dim(0) == 3, "place must have shape [3], got ", t.shape());
    const uint64_t* words = t.data<uint64_t>();
    return Philox{words[0], words[1], words[2]};
  }

  std::string name_;
  bool given_;
  std::once_flag once_;
  std::shared_ptr<RandomStream> stream_;
};

}  // namespace penstock
