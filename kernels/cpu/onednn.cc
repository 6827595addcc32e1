// The engine, the streams and the cache behind the oneDNN kernels: see onednn.h.
#ifdef PENSTOCK_ONEDNN
#include "cpu/onednn.h"

#include <omp.h>

#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace penstock::onednn {
namespace {

constexpr size_t kCapacity = 1024;

struct Hash {
  size_t operator()(const Key& key) const { return key.hash(); }
};

// Least recently used last. One lock, never held while something is made.
class Cache {
 public:
  std::shared_ptr<const Made> find(const Key& key) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return it->second->second;
  }

  // Keeps `made`, unless another thread was faster: then what that one made.
  std::shared_ptr<const Made> keep(const Key& key, std::shared_ptr<const Made> made) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto it = index_.find(key);
    if (it != index_.end()) return it->second->second;
    order_.emplace_front(key, made);
    index_.emplace(key, order_.begin());
    if (order_.size() > kCapacity) {
      index_.erase(order_.back().first);
      order_.pop_back();
    }
    return made;
  }

 private:
  using Order = std::list<std::pair<Key, std::shared_ptr<const Made>>>;
  std::mutex mutex_;
  Order order_;
  std::unordered_map<Key, Order::iterator, Hash> index_;
};

}  // namespace

const dnnl::engine& engine() {
  static const auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

dnnl::stream& stream() {
  thread_local dnnl::stream stream(engine());
  return stream;
}

OneThread::OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
OneThread::~OneThread() { omp_set_num_threads(before_); }

size_t Key::hash() const {
  uint64_t h = 0x9e3779b97f4a7c15u;
  for (int64_t n : numbers_) {
    h = (h ^ static_cast<uint64_t>(n)) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
  }
  return static_cast<size_t>(h);
}

std::shared_ptr<const Made> find_or_make(const Key& key,
                                         const std::function<std::shared_ptr<Made>()>& make) {
  static auto* const cache = new Cache;  // outlives threads that still compute at exit
  if (auto found = cache->find(key)) return found;
  return cache->keep(key, make());
}

}  // namespace penstock::onednn
#endif
