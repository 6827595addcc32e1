// Dimensions in another order. The work is a strided copy; a permutation that moves only
// dimensions of size 1 is a view.
#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

// The permutation of `rank` dimensions in `t`; InvalidArgument when it is none.
void read_permutation(const Tensor& t, int rank, int* perm) {
  require(t.rank() == 1 && t.dim(0) == rank, "perm must be a vector of length ", rank,
          ", the rank of the input, got shape ", t.shape());
  uint32_t seen = 0;
  for (int d = 0; d < rank; ++d) {
    perm[d] = checked_axis(int_at(t, d), rank, "perm entry");
    require(((seen >> perm[d]) & 1u) == 0, "perm names dimension ", perm[d], " twice");
    seen |= 1u << perm[d];
  }
}

// Whether the dimensions of size > 1 keep their order.
bool keeps_order(const Shape& shape, const int* perm) {
  int last = -1;
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[perm[d]] == 1) continue;
    if (perm[d] < last) return false;
    last = perm[d];
  }
  return true;
}

template <class T>
void conjugate(Tensor& t) {
  T* x = t.mutable_data<T>();
  for (int64_t i = 0, n = t.num_elements(); i < n; ++i) x[i] = std::conj(x[i]);
}

Tensor transposed(KernelContext& ctx, bool may_share) {
  const Tensor& x = ctx.input(0);
  int perm[kMaxRank];
  read_permutation(ctx.input(1), x.rank(), perm);
  Shape shape = x.shape();
  for (int d = 0; d < x.rank(); ++d) shape.set(d, x.dim(perm[d]));
  if (may_share && keeps_order(x.shape(), perm)) return x.reshaped(shape);
  int64_t from[kMaxRank], to[kMaxRank];
  dense_strides(x.shape(), from);
  dense_strides(shape, to);
  StridedCopy copy;
  for (int d = 0; d < x.rank(); ++d) copy.add(shape[d], to[d], from[perm[d]]);
  Tensor out = ctx.allocate_temp(x.dtype(), shape);
  copy_strided(ctx, x.dtype(), out.raw(), x.raw(), copy);
  return out;
}

void compute_transpose(KernelContext& ctx) { ctx.set_output(0, transposed(ctx, true)); }

void compute_conjugate_transpose(KernelContext& ctx) {
  const DType dtype = ctx.input(0).dtype();
  Tensor out = transposed(ctx, !kComplex.has(dtype));
  if (dtype == DType::kComplex64) conjugate<complex64>(out);
  if (dtype == DType::kComplex128) conjugate<complex128>(out);
  ctx.set_output(0, std::move(out));
}

}  // namespace

void register_transpose(KernelRegistry& r) {
  r.add("Transpose", kCpu, {}, function<compute_transpose>);
  r.add("ConjugateTranspose", kCpu, {}, function<compute_conjugate_transpose>);
}

}  // namespace penstock
