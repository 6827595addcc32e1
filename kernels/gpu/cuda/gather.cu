// Gathering slices. Nothing is computed, so T is an unsigned integer of the width of an element, or
// of more of a row where rows allow it. A bad index leaves its slice zero and a fault for the host.
#include "cuda/element.h"

// params [batch, outer, axis, inner], indices [batch, count] -> out [batch, outer, count, inner]
template <class I>
__device__ void gather(const T* params, const I* indices, T* out, int64 batch, int64 outer,
                       int64 axis, int64 inner, int64 count, Fault* fault, int64 site) {
  const int64 n = batch * outer * count * inner;
  for (int64 i = first_item(); i < n; i += items_at_once()) {
    const int64 column = i % inner, unit = i / inner;
    const int64 block = unit / count;  // the (batch, outer) pair
    const int64 position = block / outer * count + unit % count;
    const int64 index = static_cast<int64>(indices[position]);
    const bool valid = is_valid(index, axis, position, fault, site);
    out[i] = valid ? params[(block * axis + index) * inner + column] : T(0);
  }
}

extern "C" __global__ void gather_int32(const T* params, const int* indices, T* out, int64 batch,
                                        int64 outer, int64 axis, int64 inner, int64 count,
                                        Fault* fault, int64 site) {
  gather(params, indices, out, batch, outer, axis, inner, count, fault, site);
}
extern "C" __global__ void gather_int64(const T* params, const int64* indices, T* out, int64 batch,
                                        int64 outer, int64 axis, int64 inner, int64 count,
                                        Fault* fault, int64 site) {
  gather(params, indices, out, batch, outer, axis, inner, count, fault, site);
}

// The rows of `indices` [count, depth] are positions in the leading dimensions d0, d1, ... of a
// tensor: their slice numbers, -1 for a bad one.
extern "C" __global__ void flat_positions(const int64* indices, int64* out, int64 count,
                                          int64 depth, int64 d0, int64 d1, int64 d2, int64 d3,
                                          int64 d4, int64 d5, int64 d6, int64 d7, Fault* fault,
                                          int64 site) {
  const int64 dims[8] = {d0, d1, d2, d3, d4, d5, d6, d7};
  for (int64 row = first_item(); row < count; row += items_at_once()) {
    int64 flat = 0;
    bool valid = true;
    for (int64 d = 0; d < depth && valid; ++d) {
      const int64 at = row * depth + d;
      valid = is_valid(indices[at], dims[d], at, fault, site);
      flat = flat * dims[d] + indices[at];
    }
    out[row] = valid ? flat : -1;
  }
}
