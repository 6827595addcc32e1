// OpenBLAS as a library of single-threaded matrix products: kernels split their work with our
// own pool, and each piece calls the library on one thread.
//
// `BlasProduct<T>::run` computes a product on the calling thread, for float, double and the
// complex types. What the library cannot take (strides it has no word for, sizes beyond its
// integers) or is slower at (small sizes) goes to the portable engine.
#pragma once

#include <string>

#include "core/allocator.h"
#include "cpu/gemm.h"

namespace penstock {

template <class T>
struct BlasProduct {
  static void run(Allocator& allocator, const Product<T>& product);
};

// "OpenBLAS" and its version.
std::string openblas_version();

}  // namespace penstock
