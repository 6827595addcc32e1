// Window positions of depthwise convolutions. See table.h for how this file is compiled.
#include "cpu/vector/depthwise.h"

// A product may be fused with its addition here: no result is promised bit for bit.
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC optimize("fp-contract=fast")
#endif

namespace penstock::PENSTOCK_ISA {
namespace {

// Calls body(offset on the image, offset in the filter) over the window.
template <class Body>
inline void walk(const PoolWindow& w, int64_t filter_columns, const Body& body) {
  for (int64_t i = 0; i < w.rows; ++i) {
    for (int64_t j = 0; j < w.columns; ++j) {
      body(i * w.row_stride + j * w.column_stride, (i * filter_columns + j) * w.channels);
    }
  }
}

// L channels from c on, their sums in registers while the window is walked.
template <class T, int L>
inline void forward_group(const PoolWindow& w, int64_t filter_columns, const T* x, const T* f, T* y,
                          int64_t c) {
  T sum[L] = {};
  walk(w, filter_columns, [&](int64_t on_image, int64_t in_filter) {
    const T* a = x + on_image + c;
    const T* b = f + in_filter + c;
    for (int k = 0; k < L; ++k) sum[k] += a[k] * b[k];
  });
  for (int k = 0; k < L; ++k) y[c + k] = sum[k];
}

template <class T>
void forward(const PoolWindow& w, int64_t filter_columns, const void* x, const void* filter,
             void* y) {
  const T* from = static_cast<const T*>(x);
  const T* f = static_cast<const T*>(filter);
  T* to = static_cast<T*>(y);
  int64_t c = 0;
  for (; c + 32 <= w.channels; c += 32) forward_group<T, 32>(w, filter_columns, from, f, to, c);
  for (; c + 8 <= w.channels; c += 8) forward_group<T, 8>(w, filter_columns, from, f, to, c);
  for (; c < w.channels; ++c) forward_group<T, 1>(w, filter_columns, from, f, to, c);
}

template <class T>
void add_to_input(const PoolWindow& w, int64_t filter_columns, const void* dy, const void* filter,
                  void* dx) {
  const T* g = static_cast<const T*>(dy);
  walk(w, filter_columns, [&](int64_t on_image, int64_t in_filter) {
    const T* f = static_cast<const T*>(filter) + in_filter;
    T* to = static_cast<T*>(dx) + on_image;
#pragma GCC ivdep
    for (int64_t c = 0; c < w.channels; ++c) to[c] += g[c] * f[c];
  });
}

template <class T>
void add_to_filter(const PoolWindow& w, int64_t filter_columns, const void* dy, const void* x,
                   void* df) {
  const T* g = static_cast<const T*>(dy);
  walk(w, filter_columns, [&](int64_t on_image, int64_t in_filter) {
    const T* from = static_cast<const T*>(x) + on_image;
    T* to = static_cast<T*>(df) + in_filter;
#pragma GCC ivdep
    for (int64_t c = 0; c < w.channels; ++c) to[c] += g[c] * from[c];
  });
}

template <class T>
constexpr DepthwiseFns functions() {
  return {forward<T>, add_to_input<T>, add_to_filter<T>};
}

}  // namespace

void fill(DepthwiseLoops& loops);
void fill(DepthwiseLoops& loops) {
  loops.f32 = functions<float>();
  loops.f64 = functions<double>();
}

}  // namespace penstock::PENSTOCK_ISA
