// The distinct elements of a vector in the order in which they occur first, and the elements
// of one vector that another lacks.
//
// Equality is that of the dtype: 0 and -0 are one element, a NaN differs from every other.
// Numbers are compared as 64-bit keys, so that one table serves every dtype.
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "cpu/elements.h"
#include "cpu/register.h"

namespace penstock {
namespace {

constexpr uint64_t kNan = uint64_t{0x7ff8} << 48;

// The bits of a number as float64: equal numbers have equal bits, all NaN those of kNan.
uint64_t float_key(double value) {
  if (std::isnan(value)) return kNan;
  const double unsigned_zero = value == 0 ? 0.0 : value;
  uint64_t bits;
  std::memcpy(&bits, &unsigned_zero, sizeof bits);
  return bits;
}

template <class T>
std::vector<uint64_t> float_keys(const Tensor& x) {
  std::vector<uint64_t> keys(static_cast<size_t>(x.num_elements()));
  const T* value = x.data<T>();
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = float_key(static_cast<double>(value[i]));
  return keys;
}

std::vector<uint64_t> keys_of(const Tensor& x) {
  if (kFloating.has(x.dtype())) {
    return visit_dtype<float, double, float16, bfloat16>(
        x.dtype(), [&](auto zero) { return float_keys<decltype(zero)>(x); });
  }
  std::vector<uint64_t> keys(static_cast<size_t>(x.num_elements()));
  visit_element(x.dtype(), [&](auto zero) {
    using E = decltype(zero);
    if constexpr (std::is_integral_v<E>) std::copy_n(x.data<E>(), keys.size(), keys.begin());
  });
  return keys;
}

uint64_t hash_of(uint64_t key) {
  key = (key ^ (key >> 32)) * 0x9e3779b97f4a7c15u;
  return key ^ (key >> 29);
}
uint64_t hash_of(const std::string& key) { return hash_of(std::hash<std::string>()(key)); }

// How a table keeps a key: numbers by value, beside what it looks up; strings where they are.
template <class Key>
struct Kept;
template <>
struct Kept<uint64_t> {
  uint64_t key = 0;
  void set(const uint64_t& k) { key = k; }
  bool is(const uint64_t& k) const { return key == k; }
};
template <>
struct Kept<std::string> {
  const std::string* key = nullptr;
  void set(const std::string& k) { key = &k; }
  bool is(const std::string& k) const { return *key == k; }
};

// Gives each of the keys put in a number: 0, 1, ... in the order of their first occurrence.
template <class Key>
class Numbering {
 public:
  Numbering(size_t most, bool has_nan) : has_nan_(has_nan) {
    size_t capacity = 16;
    while (capacity < 2 * most) capacity *= 2;
    slots_.resize(capacity);
  }
  // The number of `key`, which becomes the next one when the key is new.
  int64_t put(const Key& key) {
    if (is_nan(key)) return size_++;
    Slot& slot = slots_[place(key)];
    if (slot.number == kFree) {
      slot.kept.set(key);
      slot.number = size_++;
    }
    return slot.number;
  }
  bool has(const Key& key) const { return slots_[place(key)].number != kFree; }
  int64_t size() const { return size_; }

 private:
  static constexpr int64_t kFree = -1;
  struct Slot {
    Kept<Key> kept;
    int64_t number = kFree;
  };

  bool is_nan(const Key& key) const {
    if constexpr (std::is_same_v<Key, uint64_t>) return has_nan_ && key == kNan;
    return false;
  }
  // Where the key is, or the free slot where it would go. NaN is never there.
  size_t place(const Key& key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash_of(key) & mask;
    while (slots_[at].number != kFree && !slots_[at].kept.is(key)) at = (at + 1) & mask;
    return at;
  }

  bool has_nan_;
  int64_t size_ = 0;
  std::vector<Slot> slots_;  // by hash; half of them stay free at least
};

// Calls f(keys of x, keys of y, whether NaN may occur), `y` being optional.
template <class F>
void with_keys(const Tensor& x, const Tensor* y, F&& f) {
  if (x.dtype() == DType::kString) {
    const auto* from = x.data<std::string>();
    const auto* other = y ? y->data<std::string>() : nullptr;
    f(from, other, false);
    return;
  }
  const std::vector<uint64_t> from = keys_of(x);
  const std::vector<uint64_t> other = y ? keys_of(*y) : std::vector<uint64_t>();
  f(from.data(), other.data(), kFloating.has(x.dtype()));
}

void require_vector(const Tensor& x, const char* what) {
  require(x.rank() == 1, what, " must be a vector, got shape ", x.shape());
}

// Output `i`: numbers as the output's dtype, int32 or int64.
void write_ints(KernelContext& ctx, int i, const std::vector<int64_t>& numbers) {
  Tensor& out = ctx.allocate_output(i, {static_cast<int64_t>(numbers.size())});
  if (out.dtype() == DType::kInt64) {
    std::copy(numbers.begin(), numbers.end(), out.mutable_data<int64_t>());
    return;
  }
  int32_t* to = out.mutable_data<int32_t>();
  for (int64_t number : numbers) {
    require(number <= INT32_MAX, "position ", number, " does not fit in int32: use out_idx=int64");
    *to++ = static_cast<int32_t>(number);
  }
}

// Output `i`: the elements of x at these positions.
void write_picked(KernelContext& ctx, int i, const Tensor& x, const std::vector<int64_t>& picked) {
  Tensor& out = ctx.allocate_output(i, {static_cast<int64_t>(picked.size())});
  visit_element(x.dtype(), [&](auto zero) {
    using E = decltype(zero);
    const E* from = x.data<E>();
    E* to = out.mutable_data<E>();
    for (int64_t at : picked) *to++ = from[at];
  });
}

void compute_unique(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  require_vector(x, "x");
  const auto n = static_cast<size_t>(x.num_elements());
  std::vector<int64_t> numbers(n), first, counts;
  with_keys(x, nullptr, [&](const auto* key, const auto*, bool has_nan) {
    Numbering<std::decay_t<decltype(*key)>> numbering(n, has_nan);
    for (size_t i = 0; i < n; ++i) {
      const int64_t known = numbering.size();
      numbers[i] = numbering.put(key[i]);
      if (numbers[i] == known) {
        first.push_back(static_cast<int64_t>(i));
        counts.push_back(0);
      }
      ++counts[static_cast<size_t>(numbers[i])];
    }
  });
  write_picked(ctx, 0, x, first);
  write_ints(ctx, 1, numbers);
  if (ctx.num_outputs() == 3) write_ints(ctx, 2, counts);
}

void compute_list_diff(KernelContext& ctx) {
  const Tensor &x = ctx.input(0), &y = ctx.input(1);
  require_vector(x, "x");
  require_vector(y, "y");
  const auto n = static_cast<size_t>(x.num_elements()), m = static_cast<size_t>(y.num_elements());
  std::vector<int64_t> kept;
  with_keys(x, &y, [&](const auto* key, const auto* other, bool has_nan) {
    Numbering<std::decay_t<decltype(*key)>> numbering(m, has_nan);
    for (size_t i = 0; i < m; ++i) numbering.put(other[i]);
    for (size_t i = 0; i < n; ++i) {
      if (!numbering.has(key[i])) kept.push_back(static_cast<int64_t>(i));
    }
  });
  write_picked(ctx, 0, x, kept);
  write_ints(ctx, 1, kept);
}

}  // namespace

void register_unique(KernelRegistry& r) {
  const DTypeSet types = kReal | DTypeSet{DType::kBool, DType::kString};
  r.add("Unique", kCpu, {{"T", types}}, function<compute_unique>);
  r.add("UniqueWithCounts", kCpu, {{"T", types}}, function<compute_unique>);
  r.add("ListDiff", kCpu, {{"T", types}}, function<compute_list_diff>);
}

}  // namespace penstock
