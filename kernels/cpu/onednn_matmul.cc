// MatMul and BatchMatMul in float32 through oneDNN's sgemm, which needs no primitive.
//
// Small products stay with the portable kernel: there the library's start costs more than it
// gains.
#ifdef PENSTOCK_ONEDNN
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

#include "cpu/matmul_kernels.h"
#include "cpu/onednn.h"
#include "cpu/register.h"

namespace penstock {
namespace {

constexpr int64_t kSmall = 64 * 1024;  // multiplications

void multiply_with_library(Allocator& allocator, const Product<float>& p) {
  if (p.m * p.n * p.k <= kSmall) return multiply(allocator, p);
  const bool transpose_a = p.a_column != 1, transpose_b = p.b_column != 1;
  // Of a single row or column the distance to the next is whatever the library accepts.
  const int64_t lda = transpose_a ? p.a_column : std::max(p.a_row, p.k);
  const int64_t ldb = transpose_b ? p.b_column : std::max(p.b_row, p.n);
  const onednn::OneThread one;
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a, lda,
                 p.b, ldb, p.accumulate ? 1.0f : 0.0f, p.c, p.c_row);
  if (status != dnnl_success) {
    fail(status == dnnl_out_of_memory ? Code::kResourceExhausted : Code::kInternal,
         "oneDNN sgemm failed with status ", static_cast<int>(status));
  }
}

struct Library {
  static void run(Allocator& allocator, const Product<float>& p) {
    multiply_with_library(allocator, p);
  }
};

}  // namespace

void register_onednn_matmul(KernelRegistry& r) {
  add_matmul_kernels<float, Library, AsItIs>(r, DType::kFloat32, 10, "onednn");
  add_matmul_kernels<float, Library, ByWidening>(r, kHalf2, 10, "onednn");
}

}  // namespace penstock
#endif
