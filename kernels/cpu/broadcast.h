// How dense operands of different shapes run along the elements of one output.
//
// Dimensions of size 1 go away and neighbours along which every operand does the same (runs on
// or stays) merge, so that most broadcasts end with one or two dimensions. Along the innermost
// dimension an operand's stride is 1 or 0.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "core/shape.h"

namespace penstock {

struct Broadcast {
  static constexpr int kMaxOperands = 3;
  int operands = 0;
  int rank = 0;  // at least 1
  int64_t size[kMaxRank];
  int64_t stride[kMaxRank][kMaxOperands];  // in elements

  // `shapes` must broadcast to `out`, which has at least one element.
  Broadcast(std::initializer_list<const Shape*> shapes, const Shape& out);

  // Covers output elements [begin, end) with rows of the innermost dimension:
  // row(offsets of the operands, first output element, number of elements).
  template <class Row>
  void for_rows(int64_t begin, int64_t end, Row&& row) const {
    int64_t at[kMaxRank];
    int64_t offset[kMaxOperands] = {0, 0, 0};
    seek(begin, at, offset);
    const int last = rank - 1;
    while (begin < end) {
      const int64_t left = size[last] - at[last];
      const int64_t n = left < end - begin ? left : end - begin;
      row(offset, begin, n);
      begin += n;
      advance(n, at, offset);
    }
  }

 private:
  void seek(int64_t index, int64_t* at, int64_t* offset) const;
  // From inside a row to the beginning of the next, or `n` on where the row does not end.
  void advance(int64_t n, int64_t* at, int64_t* offset) const {
    int d = rank - 1;
    at[d] += n;
    move(d, n, offset);
    while (d > 0 && at[d] == size[d]) {
      at[d] = 0;
      move(d, -size[d], offset);
      ++at[--d];
      move(d, 1, offset);
    }
  }
  void move(int d, int64_t steps, int64_t* offset) const {
    for (int k = 0; k < operands; ++k) offset[k] += steps * stride[d][k];
  }
};

}  // namespace penstock
