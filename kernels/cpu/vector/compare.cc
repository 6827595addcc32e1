// Vectorised comparisons. See table.h for how this file is compiled.
#include "cpu/vector/compare.h"

#include "cpu/vector/comparisons.h"
#include "cpu/vector/shapes.h"

namespace penstock::PENSTOCK_ISA {
namespace {

template <class F>
ZipByType by_type() {
  return {zip_loops<F, float, bool>(), zip_loops<F, double, bool>(), zip_loops<F, int32_t, bool>(),
          zip_loops<F, int64_t, bool>()};
}

}  // namespace

void fill(CompareLoops& loops);
void fill(CompareLoops& loops) {
  loops.equal = by_type<Equal>();
  loops.not_equal = by_type<NotEqual>();
  loops.less = by_type<Less>();
  loops.less_equal = by_type<LessEqual>();
  loops.greater = by_type<Greater>();
  loops.greater_equal = by_type<GreaterEqual>();
}

}  // namespace penstock::PENSTOCK_ISA
