// Copies between strided views. A copy is cut into units of one row (along the innermost
// dimension) or of one block of a transposed pair of dimensions; units are independent.
#include "cpu/strided.h"

#include <algorithm>

#include "cpu/elements.h"

namespace penstock {
namespace {

constexpr int64_t kBlock = 32;          // side of a transposed block, in elements
constexpr int64_t kRowChunk = 1 << 14;  // longer rows are cut, so that threads can share one

template <class E>
void copy_row(E* dst, int64_t ds, const E* src, int64_t ss, int64_t n) {
  if (ds == 1 && ss == 1) {
    std::copy_n(src, n, dst);
  } else if (ds == 1 && ss == 0) {
    std::fill_n(dst, n, *src);
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i * ds] = src[i * ss];
  }
}

// Walks the outer dimensions of a copy from any unit on.
class Odometer {
 public:
  Odometer(const StridedCopy& copy, int rank, int64_t index) : copy_(copy), rank_(rank) {
    for (int d = rank - 1; d >= 0; --d) {
      at_[d] = index % copy.size[d];
      index /= copy.size[d];
      dst += at_[d] * copy.dst[d];
      src += at_[d] * copy.src[d];
    }
  }
  void next() {
    for (int d = rank_ - 1; d >= 0; --d) {
      dst += copy_.dst[d];
      src += copy_.src[d];
      if (++at_[d] < copy_.size[d]) return;
      dst -= copy_.size[d] * copy_.dst[d];
      src -= copy_.size[d] * copy_.src[d];
      at_[d] = 0;
    }
  }
  int64_t dst = 0, src = 0;

 private:
  const StridedCopy& copy_;
  int rank_;
  int64_t at_[StridedCopy::kMaxDims];
};

template <class E>
void copy_rows(const KernelContext& ctx, E* dst, const E* src, const StridedCopy& c, double cost) {
  const int last = c.rank - 1;
  const int64_t n = c.size[last], ds = c.dst[last], ss = c.src[last];
  int64_t rows = 1;
  for (int d = 0; d < last; ++d) rows *= c.size[d];
  const int64_t chunks = (n + kRowChunk - 1) / kRowChunk;
  const double row_cost = 3.0 + cost * static_cast<double>(std::min(n, kRowChunk));
  ctx.parallel_for(rows * chunks, row_cost, [&](int64_t begin, int64_t end) {
    Odometer at(c, last, begin / chunks);
    int64_t chunk = begin % chunks;
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t first = chunk * kRowChunk;
      copy_row(dst + at.dst + first * ds, ds, src + at.src + first * ss, ss,
               std::min(kRowChunk, n - first));
      if (++chunk == chunks) {
        chunk = 0;
        at.next();
      }
    }
  });
}

// A block of rows x columns: columns are neighbours in dst, rows are neighbours in src.
template <class E>
void transpose_block(E* dst, int64_t row_stride, const E* src, int64_t column_stride, int64_t rows,
                     int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    E* out = dst + r * row_stride;
    const E* in = src + r;
    for (int64_t c = 0; c < columns; ++c) out[c] = in[c * column_stride];
  }
}

// Four elements of four bytes, at any address.
typedef uint32_t Four __attribute__((vector_size(16), aligned(4), may_alias));

// A 4 x 4 square, in registers.
inline void transpose_square(uint32_t* dst, int64_t row_stride, const uint32_t* src,
                             int64_t column_stride) {
  Four in[4];
  for (int c = 0; c < 4; ++c) in[c] = *reinterpret_cast<const Four*>(src + c * column_stride);
  const Four low{0, 4, 1, 5}, high{2, 6, 3, 7};
  const Four ac = __builtin_shuffle(in[0], in[2], low), ac2 = __builtin_shuffle(in[0], in[2], high);
  const Four bd = __builtin_shuffle(in[1], in[3], low), bd2 = __builtin_shuffle(in[1], in[3], high);
  const Four out[4] = {__builtin_shuffle(ac, bd, low), __builtin_shuffle(ac, bd, high),
                       __builtin_shuffle(ac2, bd2, low), __builtin_shuffle(ac2, bd2, high)};
  for (int r = 0; r < 4; ++r) *reinterpret_cast<Four*>(dst + r * row_stride) = out[r];
}

template <>
void transpose_block(uint32_t* dst, int64_t row_stride, const uint32_t* src, int64_t column_stride,
                     int64_t rows, int64_t columns) {
  const int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (int64_t r = 0; r < whole_rows; r += 4) {
    for (int64_t c = 0; c < whole_columns; c += 4) {
      transpose_square(dst + r * row_stride + c, row_stride, src + r + c * column_stride,
                       column_stride);
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t first = r < whole_rows ? whole_columns : 0;
    for (int64_t c = first; c < columns; ++c) dst[r * row_stride + c] = src[r + c * column_stride];
  }
}

// The last dimension is contiguous in dst, dimension `k` in src.
template <class E>
void copy_transposed(const KernelContext& ctx, E* dst, const E* src, const StridedCopy& c, int k,
                     double cost) {
  const int last = c.rank - 1;
  const int64_t rows = c.size[k], columns = c.size[last];
  StridedCopy outer;
  for (int d = 0; d < last; ++d) {
    if (d != k) outer.add(c.size[d], c.dst[d], c.src[d]);
  }
  int64_t planes = 1;
  for (int d = 0; d < outer.rank; ++d) planes *= outer.size[d];
  const int64_t down = (rows + kBlock - 1) / kBlock, across = (columns + kBlock - 1) / kBlock;
  const double block_cost =
      2.0 * cost * static_cast<double>(std::min(rows, kBlock) * std::min(columns, kBlock));
  ctx.parallel_for(planes * down * across, block_cost, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end;) {
      const Odometer at(outer, outer.rank, unit / (down * across));
      const int64_t plane_end = std::min(end, (unit / (down * across) + 1) * down * across);
      for (; unit < plane_end; ++unit) {
        const int64_t r = unit / across % down * kBlock, col = unit % across * kBlock;
        transpose_block(dst + at.dst + r * c.dst[k] + col, c.dst[k],
                        src + at.src + r + col * c.src[last], c.src[last],
                        std::min(kBlock, rows - r), std::min(kBlock, columns - col));
      }
    }
  });
}

// The dimension that is contiguous in src while the last one is contiguous in dst; -1: none.
int transposed_dimension(const StridedCopy& c) {
  const int last = c.rank - 1;
  if (c.dst[last] != 1 || c.src[last] == 1 || c.src[last] == 0) return -1;
  for (int d = 0; d < last; ++d) {
    if (c.src[d] == 1) return d;
  }
  return -1;
}

}  // namespace

void StridedCopy::collapse() {
  int kept = 0;
  for (int d = 0; d < rank; ++d) {
    if (size[d] == 1) continue;
    if (kept > 0 && dst[kept - 1] == dst[d] * size[d] && src[kept - 1] == src[d] * size[d]) {
      size[kept - 1] *= size[d];
      dst[kept - 1] = dst[d];
      src[kept - 1] = src[d];
      continue;
    }
    size[kept] = size[d];
    dst[kept] = dst[d];
    src[kept] = src[d];
    ++kept;
  }
  rank = kept;
  if (rank == 0) add(1, 1, 1);
}

void dense_strides(const Shape& shape, int64_t* strides) {
  int64_t stride = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= shape[d];
  }
}

void copy_strided(const KernelContext& ctx, DType dtype, void* dst, const void* src,
                  StridedCopy copy) {
  for (int d = 0; d < copy.rank; ++d) {
    if (copy.size[d] == 0) return;
  }
  copy.collapse();
  const int k = transposed_dimension(copy);
  const double cost = move_cost(dtype);
  visit_element(dtype, [&](auto zero) {
    using E = decltype(zero);
    auto* out = static_cast<E*>(dst);
    const auto* in = static_cast<const E*>(src);
    if (k >= 0) {
      copy_transposed(ctx, out, in, copy, k, cost);
    } else {
      copy_rows(ctx, out, in, copy, cost);
    }
  });
}

}  // namespace penstock
