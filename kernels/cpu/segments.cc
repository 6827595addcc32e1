// Rows of a tensor put together by segment: largest, smallest, product, mean; sums, means and
// roots of rows picked by index; the gradients of the latter.
//
// Sorted segment ids fall into runs, each of which makes one output row: runs are what threads
// divide. 16-bit floats are summed in float32. Rows that no id names are 0 (1 for products; the
// ops with unsorted ids give the least or greatest number).
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/gather.h"
#include "cpu/register_structure.h"
#include "cpu/scatter.h"

namespace penstock {
namespace {

enum class Scale : uint8_t { kOne, kMean, kSqrtN };

double scale_of(Scale scale, int64_t count) {
  const auto n = static_cast<double>(std::max<int64_t>(count, 1));
  return scale == Scale::kMean ? 1.0 / n : scale == Scale::kSqrtN ? 1.0 / std::sqrt(n) : 1.0;
}

// Ids that are sorted and not negative; their number of output rows unless it is given.
std::vector<int64_t> sorted_ids(const Tensor& ids, int64_t given, int64_t* rows) {
  std::vector<int64_t> result(static_cast<size_t>(ids.num_elements()));
  int64_t last = 0;
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = int_at(ids, static_cast<int64_t>(i));
    require(result[i] >= last && result[i] < std::numeric_limits<int64_t>::max(),
            "segment_ids must be sorted and not negative, got ", result[i], " at position ", i,
            " after ", last);
    last = result[i];
  }
  require(given < 0 || result.empty() || last < given, "segment_ids end with ", last,
          ", which is not below num_segments = ", given);
  *rows = given >= 0 ? given : result.empty() ? 0 : last + 1;
  return result;
}

void require_row_ids(const Tensor& data, const Tensor& ids) {
  require(ids.rank() == 1 && data.rank() >= 1 && ids.dim(0) == data.dim(0),
          "segment_ids must be a vector as long as the first dimension of data: shapes ",
          ids.shape(), " and ", data.shape());
}

// [rows, the dimensions of `data` from `lead` on].
Shape rows_shape(int64_t rows, const Tensor& data, int lead) {
  Shape shape{rows};
  for (int d = lead; d < data.rank(); ++d) shape.push_back(data.dim(d));
  return Shape::checked(shape.dims(), shape.rank());
}

// Consecutive positions with one id.
struct Run {
  int64_t id, begin, end;
};

std::vector<Run> runs_of(const std::vector<int64_t>& ids) {
  std::vector<Run> runs;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    if (runs.empty() || runs.back().id != ids[i]) runs.push_back({ids[i], at, at});
    runs.back().end = at + 1;
  }
  return runs;
}

// What sums of T are kept in, and a sum divided or multiplied.
template <class T>
struct Sum {
  using type = T;
};
template <>
struct Sum<float16> {
  using type = float;
};
template <>
struct Sum<bfloat16> {
  using type = float;
};
template <class S>
S scaled(S sum, Scale scale, int64_t count) {
  if (scale == Scale::kOne) return sum;
  if constexpr (std::is_integral_v<S>) {
    using Wide = std::conditional_t<std::is_signed_v<S>, int64_t, uint64_t>;
    return static_cast<S>(static_cast<Wide>(sum) / static_cast<Wide>(count));
  }
  if constexpr (std::is_floating_point_v<S>) return sum * static_cast<S>(scale_of(scale, count));
  return sum;
}
template <class R>
std::complex<R> scaled(std::complex<R> sum, Scale scale, int64_t count) {
  return sum * static_cast<R>(scale_of(scale, count));
}
// Signed integers wrap around as unsigned ones do.
template <class S>
S plus(S x, S y) {
  if constexpr (std::is_integral_v<S>) {
    return static_cast<S>(static_cast<uint64_t>(x) + static_cast<uint64_t>(y));
  } else {
    return x + y;
  }
}

constexpr int64_t kColumns = 512;  // summed at a time

// Writes the rows of all runs. `rows` are the rows of data by position; null: position itself.
template <class T>
void sum_runs(const KernelContext& ctx, const T* data, const int64_t* rows,
              const std::vector<Run>& runs, int64_t inner, Scale scale, T* out) {
  using S = typename Sum<T>::type;
  if (runs.empty()) return;
  const double length = static_cast<double>(runs.back().end) / static_cast<double>(runs.size());
  ctx.parallel_for(static_cast<int64_t>(runs.size()),
                   5.0 + length * static_cast<double>(inner) * 0.4,
                   [&](int64_t first, int64_t last) {
                     S sum[kColumns];
                     for (int64_t r = first; r < last; ++r) {
                       const Run& run = runs[static_cast<size_t>(r)];
                       for (int64_t j = 0; j < inner; j += kColumns) {
                         const int64_t n = std::min(kColumns, inner - j);
                         std::fill_n(sum, n, S(0));
                         for (int64_t k = run.begin; k < run.end; ++k) {
                           const T* row = data + (rows ? rows[k] : k) * inner + j;
                           for (int64_t i = 0; i < n; ++i)
                             sum[i] = plus(sum[i], static_cast<S>(row[i]));
                         }
                         T* to = out + run.id * inner + j;
                         for (int64_t i = 0; i < n; ++i) {
                           to[i] = static_cast<T>(scaled(sum[i], scale, run.end - run.begin));
                         }
                       }
                     }
                   });
}

void compute_segment_mean(KernelContext& ctx) {
  const Tensor& data = ctx.input(0);
  require_row_ids(data, ctx.input(1));
  int64_t rows;
  const std::vector<Run> runs = runs_of(sorted_ids(ctx.input(1), -1, &rows));
  Tensor& out = ctx.allocate_output(0, rows_shape(rows, data, 1));
  clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  if (out.num_elements() == 0) return;
  const int64_t inner = out.num_elements() / rows;
  visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
              uint64_t, float16, bfloat16, complex64, complex128>(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    sum_runs<T>(ctx, data.data<T>(), nullptr, runs, inner, Scale::kMean, out.mutable_data<T>());
  });
}

// data, indices, segment_ids and, where the op has it, num_segments.
template <Scale scale>
void compute_sparse_segments(KernelContext& ctx) {
  const Tensor &data = ctx.input(0), &indices = ctx.input(1), &ids = ctx.input(2);
  require(data.rank() >= 1, "data is a scalar: it has no rows");
  require(indices.rank() == 1 && ids.shape() == indices.shape(),
          "indices and segment_ids must be vectors of one length, got shapes ", indices.shape(),
          " and ", ids.shape());
  int64_t given = -1, rows;
  if (ctx.num_inputs() == 4) {
    given = int_scalar(ctx.input(3), "num_segments");
    require(given >= 0, "num_segments must not be negative, got ", given);
  }
  const std::vector<int64_t> picked = checked_indices(indices, data.dim(0));
  const std::vector<Run> runs = runs_of(sorted_ids(ids, given, &rows));
  Tensor& out = ctx.allocate_output(0, rows_shape(rows, data, 1));
  clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  if (out.num_elements() == 0) return;
  const int64_t inner = out.num_elements() / rows;
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    sum_runs<T>(ctx, data.data<T>(), picked.data(), runs, inner, scale, out.mutable_data<T>());
  };
  if constexpr (scale == Scale::kOne) {
    visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                uint64_t, float16, bfloat16>(out.dtype(), run);
  } else {
    visit_dtype<float, double, float16, bfloat16>(out.dtype(), run);
  }
}

// Row indices[k] of the output gets row segment_ids[k] of the gradient, scaled.
template <Scale scale>
void compute_sparse_segments_grad(KernelContext& ctx) {
  const Tensor &grad = ctx.input(0), &indices = ctx.input(1), &ids = ctx.input(2);
  const int64_t rows = int_scalar(ctx.input(3), "output_dim0");
  require(rows >= 0, "output_dim0 must not be negative, got ", rows);
  require(grad.rank() >= 1, "the gradient is a scalar: it has no rows");
  require(indices.rank() == 1 && ids.shape() == indices.shape(),
          "indices and segment_ids must be vectors of one length, got shapes ", indices.shape(),
          " and ", ids.shape());
  const std::vector<int64_t> to = checked_indices(indices, rows);
  const std::vector<int64_t> from = checked_indices(ids, grad.dim(0));
  std::vector<int64_t> counts(static_cast<size_t>(grad.dim(0)));
  for (int64_t id : from) ++counts[static_cast<size_t>(id)];
  const Shape shape = rows_shape(rows, grad, 1);
  Tensor& out = ctx.allocate_output(0, shape);
  clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  if (out.num_elements() == 0 || to.empty()) return;
  const int64_t inner = out.num_elements() / rows;
  visit_dtype<float, double, float16, bfloat16>(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    using S = typename Sum<T>::type;
    // 16-bit floats are summed in float32 and rounded once.
    Tensor wide = std::is_same_v<T, S> ? out : ctx.allocate_temp(dtype_of<S>, shape);
    S* sum = wide.mutable_data<S>();
    if constexpr (!std::is_same_v<T, S>) std::fill_n(sum, wide.num_elements(), S(0));
    for (size_t k = 0; k < to.size(); ++k) {
      const auto weight = static_cast<S>(scale_of(scale, counts[static_cast<size_t>(from[k])]));
      const T* row = grad.data<T>() + from[k] * inner;
      for (int64_t i = 0; i < inner; ++i) sum[to[k] * inner + i] += weight * static_cast<S>(row[i]);
    }
    if constexpr (!std::is_same_v<T, S>) {
      for (int64_t i = 0; i < wide.num_elements(); ++i) out.mutable_data<T>()[i] = T(sum[i]);
    }
  });
}

// ---- largest, smallest, product: scattered into what leaves every number as it is

template <Combine combine>
void fill_neutral(const KernelContext& ctx, Tensor& out) {
  visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
              uint64_t, float16, bfloat16, complex64, complex128>(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T value;
    if constexpr (combine == Combine::kMul) {
      value = T(1);
    } else if constexpr (std::is_arithmetic_v<T>) {
      using Limits = std::numeric_limits<T>;
      value = combine == Combine::kMax ? Limits::lowest() : Limits::max();
    } else if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
      const uint16_t largest = std::is_same_v<T, float16> ? 0x7bff : 0x7f7f;
      value.bits = static_cast<uint16_t>(largest | (combine == Combine::kMax ? 0x8000 : 0));
    } else {
      value = T(0);  // complex numbers have no order: no kernel is registered for them
    }
    fill_elements(ctx, out.dtype(), out.raw(), &value, out.num_elements());
  });
}

template <Combine combine>
void compute_segments(KernelContext& ctx) {
  const Tensor& data = ctx.input(0);
  require_row_ids(data, ctx.input(1));
  int64_t rows;
  const std::vector<int64_t> ids = sorted_ids(ctx.input(1), -1, &rows);
  Tensor& out = ctx.allocate_output(0, rows_shape(rows, data, 1));
  if (out.num_elements() == 0) return;
  const int64_t inner = out.num_elements() / rows;
  if (combine == Combine::kMul) {
    fill_neutral<combine>(ctx, out);
  } else {  // any row of a segment is a start, and no number is further out than an infinity
    scatter_rows(ctx, Combine::kUpdate, out, inner, ids, data);
  }
  scatter_rows(ctx, combine, out, inner, ids, data);
  if (combine == Combine::kMul) return;
  int64_t next = 0;  // rows between two ids belong to nobody
  for (int64_t id : ids) {
    if (id > next) {
      clear_elements(ctx, out.dtype(), element_at(out.raw(), out.dtype(), next * inner),
                     (id - next) * inner);
    }
    next = id + 1;
  }
}

template <Combine combine>
void compute_unsorted_segments(KernelContext& ctx) {
  const Tensor &data = ctx.input(0), &ids = ctx.input(1);
  const int64_t segments = int_scalar(ctx.input(2), "num_segments");
  require(segments >= 0, "num_segments must not be negative, got ", segments);
  require(ids.rank() <= data.rank() && Shape(data.shape().dims(), ids.rank()) == ids.shape(),
          "the shape of segment_ids, ", ids.shape(), ", must be a prefix of that of data, ",
          data.shape());
  std::vector<int64_t> rows(static_cast<size_t>(ids.num_elements()));
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = int_at(ids, static_cast<int64_t>(i));
    require(rows[i] < segments, "segment_ids[", i, "] = ", rows[i],
            " is not below num_segments = ", segments);
  }
  Tensor& out = ctx.allocate_output(0, rows_shape(segments, data, ids.rank()));
  if (out.num_elements() == 0) return;
  fill_neutral<combine>(ctx, out);
  scatter_rows(ctx, combine, out, out.num_elements() / segments, rows, data);
}

}  // namespace

void register_segments(KernelRegistry& r) {
  const auto add = [&r](const char* op, DTypeSet types, KernelFactory factory) {
    r.add(op, kCpu, {{"T", types}}, factory);
  };
  add("SegmentMean", kNumber, function<compute_segment_mean>);
  add("SegmentMax", kReal, function<compute_segments<Combine::kMax>>);
  add("SegmentMin", kReal, function<compute_segments<Combine::kMin>>);
  add("SegmentProd", kNumber, function<compute_segments<Combine::kMul>>);
  add("UnsortedSegmentMax", kReal, function<compute_unsorted_segments<Combine::kMax>>);
  add("UnsortedSegmentMin", kReal, function<compute_unsorted_segments<Combine::kMin>>);
  add("UnsortedSegmentProd", kNumber, function<compute_unsorted_segments<Combine::kMul>>);
  const auto sums = function<compute_sparse_segments<Scale::kOne>>;
  const auto means = function<compute_sparse_segments<Scale::kMean>>;
  const auto roots = function<compute_sparse_segments<Scale::kSqrtN>>;
  add("SparseSegmentSum", kReal, sums);
  add("SparseSegmentMean", kFloating, means);
  add("SparseSegmentSqrtN", kFloating, roots);
  add("SparseSegmentSumWithNumSegments", kReal, sums);
  add("SparseSegmentMeanWithNumSegments", kFloating, means);
  add("SparseSegmentSqrtNWithNumSegments", kFloating, roots);
  add("SparseSegmentSumGrad", kFloating, function<compute_sparse_segments_grad<Scale::kOne>>);
  add("SparseSegmentMeanGrad", kFloating, function<compute_sparse_segments_grad<Scale::kMean>>);
  add("SparseSegmentSqrtNGrad", kFloating, function<compute_sparse_segments_grad<Scale::kSqrtN>>);
}

}  // namespace penstock
