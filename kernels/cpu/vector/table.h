// The vector table: hot loops, compiled for each instruction set, chosen once by the processor.
//
// Every `kernels/cpu/vector/<family>.cc` is compiled three times, with PENSTOCK_ISA defined as
// baseline, avx2 and avx512 and the flags of that set, and defines
// `void penstock::PENSTOCK_ISA::fill(<Family>Loops&)`. A new family is its header with the
// struct of function pointers, its source, and a line in the list below.
//
//   vector_table().unary.exp.f32(x, y, n);
#pragma once

#include "cpu/vector/activation.h"
#include "cpu/vector/binary.h"
#include "cpu/vector/compare.h"
#include "cpu/vector/convert.h"
#include "cpu/vector/depthwise.h"
#include "cpu/vector/gemm.h"
#include "cpu/vector/normalization.h"
#include "cpu/vector/pooling.h"
#include "cpu/vector/proximal.h"
#include "cpu/vector/reduction.h"
#include "cpu/vector/softmax.h"
#include "cpu/vector/training.h"
#include "cpu/vector/unary.h"

// X(struct, member of VectorTable)
#define PENSTOCK_VECTOR_FAMILIES(X)    \
  X(UnaryLoops, unary)                 \
  X(BinaryLoops, binary)               \
  X(CompareLoops, compare)             \
  X(ActivationLoops, activation)       \
  X(ConvertLoops, convert)             \
  X(GemmLoops, gemm)                   \
  X(ReductionLoops, reduction)         \
  X(TrainingLoops, training)           \
  X(ProximalLoops, proximal)           \
  X(SoftmaxLoops, softmax)             \
  X(PoolingLoops, pooling)             \
  X(NormalizationLoops, normalization) \
  X(DepthwiseLoops, depthwise)

namespace penstock {

struct VectorTable {
  const char* isa;  // "baseline", "avx2", "avx512"
#define X(type, member) type member;
  PENSTOCK_VECTOR_FAMILIES(X)
#undef X
};

// The table of the best instruction set that this processor has; the environment variable
// PENSTOCK_ISA asks for a lesser one (tests).
const VectorTable& vector_table();

}  // namespace penstock
