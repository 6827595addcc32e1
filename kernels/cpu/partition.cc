// Outputs whose size depends on values: where elements are true, slices dealt out to lists,
// and lists put together again.
#include <vector>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register.h"

namespace penstock {
namespace {

template <class T>
void compute_where_of(KernelContext& ctx) {
  const Tensor x = ctx.input(0);
  const T* value = x.data<T>();
  const int64_t n = x.num_elements();
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) count += value[i] != T(0) ? 1 : 0;
  Tensor& out = ctx.allocate_output(0, {count, x.rank()});
  int64_t* to = out.mutable_data<int64_t>();
  int64_t at[kMaxRank] = {};
  for (int64_t i = 0; i < n; ++i) {
    if (value[i] != T(0)) to = std::copy_n(at, x.rank(), to);
    for (int d = x.rank() - 1; d >= 0 && ++at[d] == x.dim(d); --d) at[d] = 0;
  }
}

std::unique_ptr<Kernel> make_where(const NodeInfo& node) {
  return visit_dtype<bool, float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t,
                     uint32_t, uint64_t, float16, bfloat16, complex64, complex128>(
      node.input_dtypes[0], [](auto zero) -> std::unique_ptr<Kernel> {
        return std::make_unique<FunctionKernel>(compute_where_of<decltype(zero)>);
      });
}

void compute_dynamic_partition(KernelContext& ctx) {
  const Tensor data = ctx.input(0), partitions = ctx.input(1);
  const int lead = partitions.rank(), parts = ctx.num_outputs();
  require(lead <= data.rank() && Shape(data.shape().dims(), lead) == partitions.shape(),
          "the shape of partitions, ", partitions.shape(), ", must be a prefix of that of data, ",
          data.shape());
  const int32_t* part = partitions.data<int32_t>();
  const int64_t n = partitions.num_elements();
  std::vector<int64_t> counts(static_cast<size_t>(parts));
  for (int64_t i = 0; i < n; ++i) {
    require(part[i] >= 0 && part[i] < parts, "partitions[", i, "] = ", part[i], " is not in [0, ",
            parts, ")");
    ++counts[static_cast<size_t>(part[i])];
  }
  std::vector<void*> to;
  for (int k = 0; k < parts; ++k) {
    Shape shape{counts[static_cast<size_t>(k)]};
    for (int d = lead; d < data.rank(); ++d) shape.push_back(data.dim(d));
    to.push_back(ctx.allocate_output(k, shape).raw());
  }
  const int64_t inner = data.shape().product(lead, data.rank());
  for (int64_t i = 0; i < n; ++i) {
    void*& next = to[static_cast<size_t>(part[i])];
    copy_block(data.dtype(), next, element_at(data.raw(), data.dtype(), i * inner), inner);
    next = element_at(next, data.dtype(), inner);
  }
}

// The shape of one slice of `data`; InvalidArgument unless the shape of `indices` leads it.
Shape slice_shape(int k, const Tensor& indices, const Tensor& data) {
  const int lead = indices.rank();
  require(lead <= data.rank() && Shape(data.shape().dims(), lead) == indices.shape(), "data[", k,
          "] has shape ", data.shape(), ", which must start with that of indices[", k, "], ",
          indices.shape());
  return Shape(data.shape().dims() + lead, data.rank() - lead);
}

// Row indices[k][i] of the output is data[k][i]; later ones win. Rows nobody names are zero.
void compute_dynamic_stitch(KernelContext& ctx) {
  const int count = ctx.num_inputs() / 2;
  const Shape tail = slice_shape(0, ctx.input(0), ctx.input(count));
  int64_t rows = 0;
  for (int k = 0; k < count; ++k) {
    const Tensor& indices = ctx.input(k);
    const Shape other = slice_shape(k, indices, ctx.input(count + k));
    require(other == tail, "the slices of data[", k, "] have shape ", other,
            ", those of data[0] have ", tail);
    for (int64_t i = 0, n = indices.num_elements(); i < n; ++i) {
      const int32_t row = indices.data<int32_t>()[i];
      require(row >= 0, "indices[", k, "][", i, "] = ", row, " must not be negative");
      rows = std::max<int64_t>(rows, int64_t{row} + 1);
    }
  }
  Shape shape{rows};
  for (int64_t dim : tail) shape.push_back(dim);
  Tensor& out = ctx.allocate_output(0, Shape::checked(shape.dims(), shape.rank()));
  const DType dtype = out.dtype();
  clear_elements(ctx, dtype, out.raw(), out.num_elements());
  const int64_t inner = tail.num_elements();
  for (int k = 0; k < count; ++k) {
    const int32_t* row = ctx.input(k).data<int32_t>();
    const void* from = ctx.input(count + k).raw();
    for (int64_t i = 0, n = ctx.input(k).num_elements(); i < n; ++i) {
      copy_block(dtype, element_at(out.raw(), dtype, row[i] * inner),
                 element_at(from, dtype, i * inner), inner);
    }
  }
}

}  // namespace

void register_partition(KernelRegistry& r) {
  r.add("Where", kCpu, {{"T", kPlain}}, make_where);
  r.add("DynamicPartition", kCpu, {}, function<compute_dynamic_partition>);
  r.add("DynamicStitch", kCpu, {}, function<compute_dynamic_stitch>);
  r.add("ParallelDynamicStitch", kCpu, {}, function<compute_dynamic_stitch>);
}

}  // namespace penstock
