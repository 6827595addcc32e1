// oneDNN as a library of single-threaded routines: kernels split their work with our own
// pool, and each piece calls oneDNN on one thread. Included by kernels/cpu/onednn*.cc only.
//
// What is slow to make (primitives) is made once for each Key and kept in a bounded cache of
// the process; scratch memory comes from our allocator. All of it may be used by any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "core/error.h"

namespace penstock::onednn {

const dnnl::engine& engine();
// This thread's stream.
dnnl::stream& stream();

// While it lives, OpenMP loops started by this thread run on this thread alone. Leaves the
// thread's setting as it was: other libraries in the process may rely on it.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;

 private:
  int before_;
};

// What identifies something made: a kind, then sizes.
class Key {
 public:
  Key(std::initializer_list<int64_t> numbers) : numbers_(numbers) {}
  bool operator==(const Key& o) const { return numbers_ == o.numbers_; }
  size_t hash() const;

 private:
  std::vector<int64_t> numbers_;
};

struct Made {
  virtual ~Made() = default;
};

// What `make` made for this key: now, or earlier if it is still kept. Of too many the least
// recently used goes; who still holds it keeps it alive.
std::shared_ptr<const Made> find_or_make(const Key& key,
                                         const std::function<std::shared_ptr<Made>()>& make);

template <class M, class Make>
std::shared_ptr<const M> cached(const Key& key, const Make& make) {
  return std::static_pointer_cast<const M>(
      find_or_make(key, [&]() -> std::shared_ptr<Made> { return make(); }));
}

// Runs f, turning oneDNN's exceptions into ours.
template <class F>
auto checked(const char* what, F&& f) {
  try {
    return f();
  } catch (const dnnl::error& e) {
    fail(e.status == dnnl_out_of_memory ? Code::kResourceExhausted : Code::kInternal, "oneDNN ",
         what, ": ", e.what());
  }
}

}  // namespace penstock::onednn
