// Pooling windows. See table.h for how this file is compiled.
//
// Channels are taken in groups that fill a few registers, so that what a group has gathered
// stays there while the window is walked.
#include "cpu/vector/pooling.h"

namespace penstock::PENSTOCK_ISA {
namespace {

// Calls body(offset of the element, its number) over the window, row by row.
template <class Body>
inline void walk(const PoolWindow& w, const Body& body) {
  int32_t number = 0;
  for (int64_t i = 0; i < w.rows; ++i) {
    for (int64_t j = 0; j < w.columns; ++j, ++number) {
      body(i * w.row_stride + j * w.column_stride, number);
    }
  }
}

// Calls f.run<L>(c) for groups of L channels beginning at c.
template <class F>
inline void by_groups(int64_t channels, const F& f) {
  int64_t c = 0;
  for (; c + 32 <= channels; c += 32) f.template run<32>(c);
  for (; c + 8 <= channels; c += 8) f.template run<8>(c);
  for (; c < channels; ++c) f.template run<1>(c);
}

template <class T>
inline bool exceeds(T x, T best) {
  return (x > best) | ((x != x) & (best == best));
}

template <class T>
struct Max {
  const PoolWindow& w;
  const T* x;
  T* y;
  template <int L>
  void run(int64_t c) const {
    T best[L];
    for (int k = 0; k < L; ++k) best[k] = x[c + k];
    walk(w, [&](int64_t offset, int32_t) {
      const T* from = x + offset + c;
      for (int k = 0; k < L; ++k) best[k] = exceeds(from[k], best[k]) ? from[k] : best[k];
    });
    for (int k = 0; k < L; ++k) y[c + k] = best[k];
  }
};

template <class T>
struct Mean {
  const PoolWindow& w;
  const T* x;
  T* y;
  template <int L>
  void run(int64_t c) const {
    T sum[L] = {};
    walk(w, [&](int64_t offset, int32_t) {
      const T* from = x + offset + c;
      for (int k = 0; k < L; ++k) sum[k] += from[k];
    });
    const T count = static_cast<T>(w.rows * w.columns);
    for (int k = 0; k < L; ++k) y[c + k] = sum[k] / count;
  }
};

// The numbers of the largest elements of L channels.
template <int L, class T>
inline void largest(const PoolWindow& w, const T* x, int32_t* number) {
  T best[L];
  for (int k = 0; k < L; ++k) best[k] = x[k], number[k] = 0;
  walk(w, [&](int64_t offset, int32_t n) {
    const T* from = x + offset;
    for (int k = 0; k < L; ++k) {
      const bool more = exceeds(from[k], best[k]);
      best[k] = more ? from[k] : best[k];
      number[k] = more ? n : number[k];
    }
  });
}

template <class T>
struct FindMax {
  const PoolWindow& w;
  const T* x;
  int32_t* at;
  template <int L>
  void run(int64_t c) const {
    int32_t number[L];
    largest<L>(w, x + c, number);
    for (int k = 0; k < L; ++k) at[c + k] = number[k];
  }
};

template <class T>
struct RouteMax {
  const PoolWindow& w;
  const T* x;
  const T* dy;
  T* dx;
  template <int L>
  void run(int64_t c) const {
    int32_t number[L];
    T share[L];
    largest<L>(w, x + c, number);
    for (int k = 0; k < L; ++k) share[k] = dy[c + k];
    walk(w, [&](int64_t offset, int32_t n) {
      T* to = dx + offset + c;
      for (int k = 0; k < L; ++k) to[k] = number[k] == n ? share[k] : T(0);
    });
  }
};

template <class T>
struct AddAt {
  const PoolWindow& w;
  const int32_t* at;
  const T* dy;
  T* dx;
  template <int L>
  void run(int64_t c) const {
    walk(w, [&](int64_t offset, int32_t n) {
      T* to = dx + offset + c;
      for (int k = 0; k < L; ++k) to[k] += at[c + k] == n ? dy[c + k] : T(0);
    });
  }
};

template <class T>
struct AddMean {
  const PoolWindow& w;
  const T* dy;
  T* dx;
  template <int L>
  void run(int64_t c) const {
    const T count = static_cast<T>(w.rows * w.columns);
    T share[L];
    for (int k = 0; k < L; ++k) share[k] = dy[c + k] / count;
    walk(w, [&](int64_t offset, int32_t) {
      T* to = dx + offset + c;
      for (int k = 0; k < L; ++k) to[k] += share[k];
    });
  }
};

template <class T>
void max(const PoolWindow& w, const void* x, void* y) {
  by_groups(w.channels, Max<T>{w, static_cast<const T*>(x), static_cast<T*>(y)});
}
template <class T>
void mean(const PoolWindow& w, const void* x, void* y) {
  by_groups(w.channels, Mean<T>{w, static_cast<const T*>(x), static_cast<T*>(y)});
}
template <class T>
void find_max(const PoolWindow& w, const void* x, int32_t* at) {
  by_groups(w.channels, FindMax<T>{w, static_cast<const T*>(x), at});
}
template <class T>
void add_at(const PoolWindow& w, const int32_t* at, const void* dy, void* dx) {
  by_groups(w.channels, AddAt<T>{w, at, static_cast<const T*>(dy), static_cast<T*>(dx)});
}
template <class T>
void add_mean(const PoolWindow& w, const void* dy, void* dx) {
  by_groups(w.channels, AddMean<T>{w, static_cast<const T*>(dy), static_cast<T*>(dx)});
}
template <class T>
void route_max(const PoolWindow& w, const void* x, const void* dy, void* dx) {
  by_groups(w.channels, RouteMax<T>{w, static_cast<const T*>(x), static_cast<const T*>(dy),
                                    static_cast<T*>(dx)});
}

template <class T>
constexpr PoolFns functions() {
  return {max<T>, mean<T>, find_max<T>, add_at<T>, add_mean<T>, route_max<T>};
}

}  // namespace

void fill(PoolingLoops& loops);
void fill(PoolingLoops& loops) {
  loops.f32 = functions<float>();
  loops.f64 = functions<double>();
}

}  // namespace penstock::PENSTOCK_ISA
