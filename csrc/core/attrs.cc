// Partly known shapes: what they allow and how they are written.
#include "core/attrs.h"

namespace penstock {

bool PartialShape::allows(const Shape& shape) const {
  if (unknown_rank) return true;
  if (static_cast<size_t>(shape.rank()) != dims.size()) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    if (dims[i] >= 0 && dims[i] != shape[i]) return false;
  }
  return true;
}

std::string PartialShape::to_string() const {
  if (unknown_rank) return "<unknown>";
  std::string text = "[";
  const char* separator = "";
  for (int64_t dim : dims) {
    text += separator;
    text += dim < 0 ? "?" : std::to_string(dim);
    separator = ", ";
  }
  return text + "]";
}

}  // namespace penstock
