// Tiles of matrix products, accumulated in registers. See table.h for how this is compiled.
//
// A tile of R x (2 vectors) keeps its sums in registers over the whole depth; R is as large
// as the register file allows. Narrow tiles use one vector, and what lies beyond `columns`
// is computed from padding and thrown away.
#include "cpu/vector/gemm.h"

// A product may be fused with its addition here: no result is promised bit for bit.
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC optimize("fp-contract=fast")
#endif

namespace penstock::PENSTOCK_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
constexpr int kRows = 14;
#elif defined(__AVX__)
constexpr int kBytes = 32;
constexpr int kRows = 6;
#elif defined(__aarch64__)
constexpr int kBytes = 16;
constexpr int kRows = 12;
#else
constexpr int kBytes = 16;
constexpr int kRows = 4;
#endif

template <class T>
struct Vector {
  static constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));
  typedef T type __attribute__((vector_size(kBytes)));
  typedef T unaligned __attribute__((vector_size(kBytes), aligned(sizeof(T)), may_alias));
};

template <class T>
typename Vector<T>::type load(const T* p) {
  return *reinterpret_cast<const typename Vector<T>::unaligned*>(p);
}
template <class T>
void store(T* p, typename Vector<T>::type v) {
  *reinterpret_cast<typename Vector<T>::unaligned*>(p) = v;
}

// Adds or writes a tile that is not as wide as its vectors, from sums laid out in rows.
template <class T>
[[gnu::noinline]] void store_narrow(const GemmTile& t, const T* sums, int width) {
  for (int i = 0; i < t.rows; ++i) {
    T* c = static_cast<T*>(t.c) + i * t.c_row;
    const T* row = sums + i * width;
    for (int j = 0; j < t.columns; ++j) c[j] = t.accumulate ? c[j] + row[j] : row[j];
  }
}

// R elements of C in one column, whose rows of A and column of B lie in order in memory: sums of
// whole vectors along the depth, added up at the end.
template <class T, int R>
void run_dots(const GemmTile& t, int first) {
  using Vec = typename Vector<T>::type;
  constexpr int kLanes = Vector<T>::kLanes;
  const T* a = static_cast<const T*>(t.a) + first * t.a_row;
  const T* b = static_cast<const T*>(t.b);
  Vec sums[R][2];
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) sums[i][0] = sums[i][1] = Vec{};
  int64_t p = 0;
  for (; p + 2 * kLanes <= t.depth; p += 2 * kLanes) {
    const Vec b0 = load(b + p), b1 = load(b + p + kLanes);
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
      sums[i][0] += load(a + i * t.a_row + p) * b0;
      sums[i][1] += load(a + i * t.a_row + p + kLanes) * b1;
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) {
    const Vec both = sums[i][0] + sums[i][1];
    T total = 0;
    for (int64_t q = p; q < t.depth; ++q) total += a[i * t.a_row + q] * b[q];
    for (int lane = 0; lane < kLanes; ++lane) total += both[lane];
    T* c = static_cast<T*>(t.c) + (first + i) * t.c_row;
    *c = t.accumulate ? *c + total : total;
  }
}

template <class T>
void run_column(const GemmTile& t) {
  int i = 0;
  for (; i + 4 <= t.rows; i += 4) run_dots<T, 4>(t, i);
  for (; i < t.rows; ++i) run_dots<T, 1>(t, i);
}

template <class T, int R, int V>
void run_tile(const GemmTile& t) {
  using Vec = typename Vector<T>::type;
  constexpr int kLanes = Vector<T>::kLanes;
  Vec sums[R][V];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sums[i][v] = Vec{};
  }
  const T* a = static_cast<const T*>(t.a);
  const T* b = static_cast<const T*>(t.b);
  for (int64_t p = 0; p < t.depth; ++p) {
    Vec columns[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) columns[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const T x = a[i * t.a_row];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sums[i][v] += columns[v] * x;
    }
    a += t.a_step;
    b += t.b_step;
  }
  if (t.columns < V * kLanes) {
    alignas(kBytes) T rows[R * V * kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) store(rows + (i * V + v) * kLanes, sums[i][v]);
    }
    return store_narrow(t, rows, V * kLanes);
  }
  T* c = static_cast<T*>(t.c);
  if (t.accumulate) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sums[i][v] += load(c + i * t.c_row + v * kLanes);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) store(c + i * t.c_row + v * kLanes, sums[i][v]);
  }
}

// Chooses the function for the tile's number of rows.
template <class T, int R, int V>
void run_rows(const GemmTile& t) {
  if (t.rows == R) return run_tile<T, R, V>(t);
  if constexpr (R > 1) run_rows<T, R - 1, V>(t);
}

template <class T>
void run(const GemmTile& t) {
  if (t.columns == 1 && t.a_step == 1 && t.b_step == 1) {
    run_column<T>(t);
  } else if (t.columns <= Vector<T>::kLanes) {
    run_rows<T, kRows, 1>(t);
  } else {
    run_rows<T, kRows, 2>(t);
  }
}

template <class T>
constexpr GemmTiles tiles() {
  return {kRows, 2 * Vector<T>::kLanes, Vector<T>::kLanes, run<T>};
}

}  // namespace

void fill(GemmLoops& loops);
void fill(GemmLoops& loops) {
  loops.f32 = tiles<float>();
  loops.f64 = tiles<double>();
  loops.i32 = tiles<uint32_t>();
}

}  // namespace penstock::PENSTOCK_ISA
