// Names and sizes of the dtypes, read off the table in dtype.h.
#include "core/dtype.h"

#include <ostream>

#include "core/error.h"
#include "core/resource.h"

namespace penstock {

const char* dtype_name(DType dtype) {
  switch (dtype) {
#define X(id, type, number, name) \
  case DType::id:                 \
    return name;
    PENSTOCK_DTYPES(X)
#undef X
    case DType::kInvalid:
      break;
  }
  return "invalid";
}

size_t dtype_size(DType dtype) {
  switch (dtype) {
#define X(id, type, number, name) \
  case DType::id:                 \
    return sizeof(type);
    PENSTOCK_DTYPES(X)
#undef X
    case DType::kInvalid:
      break;
  }
  return 0;
}

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << dtype_name(dtype); }

std::string DTypeSet::to_string() const {
  std::string text = "{";
  const char* separator = "";
#define X(id, type, number, name) \
  if (has(DType::id)) {           \
    text += separator;            \
    text += name;                 \
    separator = ", ";             \
  }
  PENSTOCK_DTYPES(X)
#undef X
  return text + "}";
}

void throw_unexpected_dtype(DType dtype) {
  fail(Code::kInternal, "bug in penstock: a kernel was chosen for dtype ", dtype,
       ", which it has no function for");
}

}  // namespace penstock
