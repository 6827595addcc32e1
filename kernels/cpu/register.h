// The families of CPU kernels. Each file kernels/cpu/<family>.cc defines its function; the
// list in register.cc calls them all.
#pragma once

#include "runtime/kernel_registry.h"

namespace penstock {

void register_constants(KernelRegistry& r);
void register_shape(KernelRegistry& r);
void register_unary(KernelRegistry& r);
void register_binary(KernelRegistry& r);
void register_division(KernelRegistry& r);
void register_compare(KernelRegistry& r);
void register_select(KernelRegistry& r);
void register_cast(KernelRegistry& r);
void register_activation(KernelRegistry& r);
void register_sums(KernelRegistry& r);
void register_complex(KernelRegistry& r);
void register_clipping(KernelRegistry& r);
void register_state(KernelRegistry& r);
void register_training(KernelRegistry& r);
void register_scatter(KernelRegistry& r);
void register_random(KernelRegistry& r);
void register_candidates(KernelRegistry& r);
void register_summary(KernelRegistry& r);
void register_logging(KernelRegistry& r);
void register_partition(KernelRegistry& r);
void register_indexing(KernelRegistry& r);
void register_slicing(KernelRegistry& r);
void register_reduction(KernelRegistry& r);
void register_scan(KernelRegistry& r);
void register_joining(KernelRegistry& r);
void register_padding(KernelRegistry& r);
void register_transpose(KernelRegistry& r);
void register_local_response(KernelRegistry& r);
void register_matmul(KernelRegistry& r);
void register_linalg(KernelRegistry& r);
#ifdef PENSTOCK_ONEDNN
void register_onednn_matmul(KernelRegistry& r);
void register_onednn_conv(KernelRegistry& r);
#endif
#ifdef PENSTOCK_OPENBLAS
void register_openblas_matmul(KernelRegistry& r);
#endif
void register_conv(KernelRegistry& r);
void register_softmax(KernelRegistry& r);
void register_loss(KernelRegistry& r);
void register_bias(KernelRegistry& r);
void register_pooling(KernelRegistry& r);
void register_normalization(KernelRegistry& r);
void register_ranking(KernelRegistry& r);
void register_depthwise(KernelRegistry& r);
void register_pooling_argmax(KernelRegistry& r);
void register_unique(KernelRegistry& r);

// Every family above, in this order.
void register_cpu_kernels(KernelRegistry& r);

}  // namespace penstock
