// Collapses the dimensions of a broadcast.
#include "cpu/broadcast.h"

#include <algorithm>

namespace penstock {

Broadcast::Broadcast(std::initializer_list<const Shape*> shapes, const Shape& out)
    : operands(static_cast<int>(shapes.size())) {
  bool runs_before[kMaxOperands] = {false, false, false};
  for (int d = 0; d < out.rank(); ++d) {
    if (out[d] == 1) continue;
    bool runs[kMaxOperands] = {false, false, false};
    int k = 0;
    for (const Shape* shape : shapes) {
      const int own = d - (out.rank() - shape->rank());
      runs[k++] = own >= 0 && (*shape)[own] != 1;
    }
    if (rank > 0 && std::equal(runs, runs + operands, runs_before)) {
      size[rank - 1] *= out[d];
    } else {
      size[rank] = out[d];
      for (k = 0; k < operands; ++k) stride[rank][k] = runs[k] ? 1 : 0;
      ++rank;
    }
    std::copy(runs, runs + operands, runs_before);
  }
  if (rank == 0) {  // one element
    size[0] = 1;
    std::fill_n(stride[0], kMaxOperands, 0);
    rank = 1;
  }
  for (int k = 0; k < operands; ++k) {
    int64_t dense = 1;
    for (int d = rank - 1; d >= 0; --d) {
      if (stride[d][k] == 0) continue;
      stride[d][k] = dense;
      dense *= size[d];
    }
  }
}

void Broadcast::seek(int64_t index, int64_t* at, int64_t* offset) const {
  for (int d = rank - 1; d >= 0; --d) {
    at[d] = index % size[d];
    index /= size[d];
    move(d, at[d], offset);
  }
}

}  // namespace penstock
