// Checks and texts of shapes, and NumPy's broadcasting rule.
#include "core/shape.h"

#include <algorithm>

namespace penstock {

Shape Shape::checked(const int64_t* dims, int rank) {
  Shape shape(dims, rank);
  // The product of the dimensions other than 0, so that [0, 2^40, 2^40] is refused too.
  int64_t product = 1;
  for (int64_t dim : shape) {
    require(dim >= 0, "dimensions must not be negative, got shape ", shape);
    require(!__builtin_mul_overflow(product, std::max<int64_t>(dim, 1), &product), "shape ", shape,
            " has more elements than an int64 can count");
  }
  return shape;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(dims_[i]);
  }
  return text + "]";
}

void Shape::throw_rank(int rank) {
  fail(Code::kUnimplemented, "a tensor of rank ", rank, ": penstock's tensors have at most ",
       kMaxRank, " dimensions");
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.to_string(); }

Shape broadcast_shapes(const Shape& x, const Shape& y) {
  if (x == y) return x;
  const Shape& longer = x.rank() >= y.rank() ? x : y;
  const Shape& shorter = x.rank() >= y.rank() ? y : x;
  Shape out = longer;
  const int offset = longer.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    const int64_t a = longer[offset + i];
    const int64_t b = shorter[i];
    require(a == b || a == 1 || b == 1, "shapes ", x, " and ", y, " do not broadcast: dimension ",
            offset + i, " would be ", a, " and ", b);
    if (a == 1) out.set(offset + i, b);
  }
  return out;
}

}  // namespace penstock
