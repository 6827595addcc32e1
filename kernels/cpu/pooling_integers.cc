// One position of a maximum pooling window over integers: what vector/pooling.cc has for floats,
// written plainly, as integer images are rare. Gradients wrap around.
#include "cpu/pooling.h"

namespace penstock {
namespace {

// Calls visit(offset, number) for the elements of a window.
template <class Visit>
void walk(const PoolWindow& w, const Visit& visit) {
  int32_t number = 0;
  for (int64_t i = 0; i < w.rows; ++i) {
    for (int64_t j = 0; j < w.columns; ++j) {
      visit(i * w.row_stride + j * w.column_stride, number++);
    }
  }
}

template <class T>
void find_max(const PoolWindow& w, const void* x, int32_t* at) {
  const T* from = static_cast<const T*>(x);
  for (int64_t c = 0; c < w.channels; ++c) {
    T best = from[c];
    at[c] = 0;
    walk(w, [&](int64_t offset, int32_t number) {
      if (from[offset + c] <= best) return;
      best = from[offset + c];
      at[c] = number;
    });
  }
}

template <class T>
void max(const PoolWindow& w, const void* x, void* y) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(y);
  for (int64_t c = 0; c < w.channels; ++c) {
    T best = from[c];
    walk(w, [&](int64_t offset, int32_t) {
      if (from[offset + c] > best) best = from[offset + c];
    });
    to[c] = best;
  }
}

template <class T>
void add_at(const PoolWindow& w, const int32_t* at, const void* dy, void* dx) {
  const T* from = static_cast<const T*>(dy);
  T* to = static_cast<T*>(dx);
  for (int64_t c = 0; c < w.channels; ++c) {
    T& sum = to[at[c] / w.columns * w.row_stride + at[c] % w.columns * w.column_stride + c];
    sum = static_cast<T>(static_cast<uint64_t>(sum) + static_cast<uint64_t>(from[c]));
  }
}

template <class T>
constexpr PoolFns kFunctions{max<T>, nullptr, find_max<T>, add_at<T>, nullptr, nullptr};

}  // namespace

const PoolFns& integer_pool_functions(DType dtype) {
  return *visit_dtype<int32_t, int64_t, int8_t, int16_t, uint8_t, uint16_t, uint32_t, uint64_t>(
      dtype, [](auto zero) { return &kFunctions<decltype(zero)>; });
}

}  // namespace penstock
