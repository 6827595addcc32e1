// The types of the functions in the vector table: plain loops over contiguous elements.
//
// Elements are passed as void* so that the code around a loop (broadcasting, splitting over
// threads) is compiled once and not once for every op and dtype. Output and input may be the
// same memory, element for element; otherwise they do not overlap.
//
// Files in this folder are compiled once for each instruction set, so they and the headers
// they include hold no inline function or template outside an anonymous namespace and include
// no C++ library header: the linker would keep one copy of such a symbol, perhaps one that
// this processor cannot run.
#pragma once

#include <stdint.h>

namespace penstock {

// y[i] = f(x[i])
using MapFn = void (*)(const void* x, void* y, int64_t n);
// y[i] = f(x[i], a)
using MapWithFn = void (*)(const void* x, double a, void* y, int64_t n);
// z[i] = f(x[i], y[i])
using ZipFn = void (*)(const void* x, const void* y, void* z, int64_t n);

// One function of two operands, by how the operands run. The names tell which are arrays; the
// other is one element. With broadcasting every loop is a sequence of these three.
struct ZipLoops {
  ZipFn both;    // z[i] = f(x[i], y[i])
  ZipFn x_only;  // z[i] = f(x[i], y[0])
  ZipFn y_only;  // z[i] = f(x[0], y[i])
};

struct MapByType {
  MapFn f32;
  MapFn f64;
};
struct ZipByType {
  ZipLoops f32;
  ZipLoops f64;
  ZipLoops i32;
  ZipLoops i64;
};

}  // namespace penstock
