// Convolution primitives of oneDNN for NHWC images: what is made once for each size.
#pragma once

#include <cstdint>
#include <memory>

#include "cpu/conv.h"
#include "cpu/onednn.h"
#include "runtime/kernel.h"

namespace penstock::onednn {

enum class ConvKind : int64_t { kForward, kInput, kFilter };

// One convolution (or gradient) on one thread. Images are dense NHWC; the filter is in the
// layout `weights`, which `reorder` makes from HWIO, or for kFilter turns into HWIO.
struct ConvPlan final : Made {
  bool usable = false;  // false: the library has nothing fast for these sizes
  dnnl::primitive primitive;
  dnnl::memory::desc input, weights, output, plain_weights, scratch;
  bool reorders = false;
  dnnl::primitive reorder;
};

std::shared_ptr<const ConvPlan> conv_plan(ConvKind kind, const ConvSizes& sizes);

// Runs the plan on the calling thread. `weights` is in the plan's layout; the result is the
// output, the input or the weights, by kind.
void run_conv(const ConvPlan& plan, ConvKind kind, Allocator& allocator, const float* input,
              const float* weights, const float* output);
// Runs the plan's reorder on the calling thread.
void run_reorder(const ConvPlan& plan, ConvKind kind, const float* from, float* to);

}  // namespace penstock::onednn
