// One tile of a matrix product: the innermost loop of every product and convolution here.
// The loops around it (blocking, packing, threads) are in cpu/gemm.cc. See table.h.
#pragma once

#include <stdint.h>

namespace penstock {

// C = A·B, or C += A·B, for a tile of at most `GemmTiles::rows` x `GemmTiles::columns`.
struct GemmTile {
  int64_t depth;  // columns of A, rows of B
  const void* a;  // element (i, p) is a[i * a_row + p * a_step]
  int64_t a_row;
  int64_t a_step;
  const void* b;  // element (p, j) is b[p * b_step + j]; read up to a multiple of `lanes`
  int64_t b_step;
  void* c;  // element (i, j) is c[i * c_row + j]
  int64_t c_row;
  int rows;
  int columns;
  bool accumulate;
};

struct GemmTiles {
  int rows;     // of the largest tile
  int columns;  // of the largest tile, a multiple of `lanes`
  int lanes;    // elements of one vector register
  void (*run)(const GemmTile& tile);
};

struct GemmLoops {
  GemmTiles f32;
  GemmTiles f64;
  GemmTiles i32;  // wraps around
};

}  // namespace penstock
