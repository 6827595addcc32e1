// The list of kernel families: a family that is not called here does not exist.
#include "cpu/register.h"
#include "cpu/register_structure.h"

namespace penstock {

void register_cpu_kernels(KernelRegistry& r) {
  register_constants(r);
  register_shape(r);
  register_unary(r);
  register_binary(r);
  register_division(r);
  register_compare(r);
  register_select(r);
  register_cast(r);
  register_activation(r);
  register_sums(r);
  register_complex(r);
  register_clipping(r);
  register_state(r);
  register_training(r);
  register_scatter(r);
  register_random(r);
  register_candidates(r);
  register_summary(r);
  register_logging(r);
  register_partition(r);
  register_indexing(r);
  register_slicing(r);
  register_reduction(r);
  register_scan(r);
  register_joining(r);
  register_padding(r);
  register_transpose(r);
  register_matmul(r);
  register_linalg(r);
#ifdef PENSTOCK_ONEDNN
  register_onednn_matmul(r);
  register_onednn_conv(r);
#endif
#ifdef PENSTOCK_OPENBLAS
  register_openblas_matmul(r);
#endif
  register_conv(r);
  register_softmax(r);
  register_loss(r);
  register_bias(r);
  register_pooling(r);
  register_pooling_argmax(r);
  register_normalization(r);
  register_ranking(r);
  register_depthwise(r);
  register_local_response(r);
  register_unique(r);
  register_blocks(r);
  register_cross(r);
  register_counting(r);
  register_diagonals(r);
  register_gamma(r);
  register_image_patches(r);
  register_incomplete(r);
  register_quantization(r);
  register_reorder(r);
  register_segments(r);
}

KernelRegistry& kernel_registry() {
  static KernelRegistry* registry = [] {
    auto* r = new KernelRegistry;  // outlives every static destructor that may still run a kernel
    register_cpu_kernels(*r);
    return r;
  }();
  return *registry;
}

}  // namespace penstock
