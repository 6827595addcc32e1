// Combining rows of updates into rows of a tensor, in place: out[index] = out[index] op update.
//
// The sorted kernel gets the indices in ascending order and where each stood; one thread takes an
// element through all updates of its row in the order given, so that results do not depend on
// timing. The atomic one needs no order and sums only. Where `drop_negative` is 1 a negative index
// means no row; any other index out of range is a fault.
#include "cuda/element.h"

enum Combine { kUpdate, kAdd, kSub, kMul, kDiv, kMin, kMax };

__device__ inline A combined(int64 how, A a, A b) {
  switch (how) {
    case kAdd:
      return a + b;
    case kSub:
      return a - b;
    case kMul:
      return a * b;
    case kDiv:
      return a / b;
    case kMin:
      return b < a || b != b ? b : a;
    case kMax:
      return b > a || b != b ? b : a;
    default:
      return b;
  }
}

extern "C" __global__ void scatter_sorted(T* out, const T* updates, const int64* rows,
                                          const int64* order, int64 how, int64 count, int64 inner,
                                          int64 update_inner, int64 limit, int64 drop_negative,
                                          Fault* fault, int64 site) {
  for (int64 i = first_item(); i < count * inner; i += items_at_once()) {
    int64 k = i / inner;
    const int64 column = i % inner, row = rows[k];
    if (k > 0 && rows[k - 1] == row) continue;
    if (row < 0 && drop_negative) continue;
    if (!is_valid(row, limit, order[k], fault, site)) continue;
    A value = load(out[row * inner + column]);
    for (; k < count && rows[k] == row; ++k) {
      // One update for all (update_inner 0) or a row for each index.
      const int64 at = update_inner ? order[k] * inner + column : 0;
      value = combined(how, value, load(updates[at]));
    }
    store(out[row * inner + column], value);
  }
}

#ifdef PENSTOCK_ATOMIC
extern "C" __global__ void scatter_add_atomic(T* out, const T* updates, const int64* rows,
                                              int64 count, int64 inner, int64 limit,
                                              int64 drop_negative, Fault* fault, int64 site) {
  for (int64 i = first_item(); i < count * inner; i += items_at_once()) {
    const int64 k = i / inner, row = rows[k];
    if (row < 0 && drop_negative) continue;
    if (is_valid(row, limit, k, fault, site)) atomicAdd(out + row * inner + i % inner, updates[i]);
  }
}
#endif
