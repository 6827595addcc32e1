// The dtype table: number (TensorFlow's DataType), C++ type, name. One row per dtype;
// engine/penstock/dtypes.py holds the same rows and import checks that the two agree.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/half.h"

namespace penstock {

class ResourceHandle;  // core/resource.h

using complex64 = std::complex<float>;
using complex128 = std::complex<double>;

// X(enumerator, C++ type, number, name)
#define PENSTOCK_DTYPES(X)                     \
  X(kFloat32, float, 1, "float32")             \
  X(kFloat64, double, 2, "float64")            \
  X(kInt32, int32_t, 3, "int32")               \
  X(kUInt8, uint8_t, 4, "uint8")               \
  X(kInt16, int16_t, 5, "int16")               \
  X(kInt8, int8_t, 6, "int8")                  \
  X(kString, std::string, 7, "string")         \
  X(kComplex64, complex64, 8, "complex64")     \
  X(kInt64, int64_t, 9, "int64")               \
  X(kBool, bool, 10, "bool")                   \
  X(kBFloat16, bfloat16, 14, "bfloat16")       \
  X(kUInt16, uint16_t, 17, "uint16")           \
  X(kComplex128, complex128, 18, "complex128") \
  X(kFloat16, float16, 19, "float16")          \
  X(kResource, ResourceHandle, 20, "resource") \
  X(kUInt32, uint32_t, 22, "uint32")           \
  X(kUInt64, uint64_t, 23, "uint64")

enum class DType : int32_t {
  kInvalid = 0,
#define X(id, type, number, name) id = number,
  PENSTOCK_DTYPES(X)
#undef X
};

// dtype_of<float> == DType::kFloat32
template <class T>
inline constexpr DType dtype_of = DType::kInvalid;
#define X(id, type, number, name) \
  template <>                     \
  inline constexpr DType dtype_of<type> = DType::id;
PENSTOCK_DTYPES(X)
#undef X

const char* dtype_name(DType dtype);
// Bytes of one element; for strings and resources the size of the C++ object.
size_t dtype_size(DType dtype);
// Strings and resources have constructors and destructors; all others may be copied as bytes.
inline bool is_plain(DType d) { return d != DType::kString && d != DType::kResource; }
std::ostream& operator<<(std::ostream& out, DType dtype);

// A set of dtypes, one bit per number.
class DTypeSet {
 public:
  constexpr DTypeSet() = default;
  constexpr DTypeSet(DType d) : bits_(1u << static_cast<int>(d)) {}  // NOLINT: implicit on purpose
  constexpr DTypeSet(std::initializer_list<DType> list) {
    for (DType d : list) bits_ |= 1u << static_cast<int>(d);
  }
  constexpr bool has(DType d) const { return (bits_ >> static_cast<int>(d)) & 1u; }
  constexpr DTypeSet operator|(DTypeSet o) const { return DTypeSet(bits_ | o.bits_, 0); }
  constexpr DTypeSet operator-(DTypeSet o) const { return DTypeSet(bits_ & ~o.bits_, 0); }
  constexpr bool has_all(DTypeSet o) const { return (o.bits_ & ~bits_) == 0; }
  std::string to_string() const;  // "{float32, float64}"

 private:
  constexpr DTypeSet(uint32_t bits, int) : bits_(bits) {}
  uint32_t bits_ = 0;
};

inline constexpr DTypeSet kFloat2{DType::kFloat32, DType::kFloat64};
inline constexpr DTypeSet kHalf2{DType::kFloat16, DType::kBFloat16};
inline constexpr DTypeSet kFloating = kFloat2 | kHalf2;
inline constexpr DTypeSet kSignedInt{DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64};
inline constexpr DTypeSet kUnsignedInt{DType::kUInt8, DType::kUInt16, DType::kUInt32,
                                       DType::kUInt64};
inline constexpr DTypeSet kInteger = kSignedInt | kUnsignedInt;
inline constexpr DTypeSet kReal = kFloating | kInteger;
inline constexpr DTypeSet kComplex{DType::kComplex64, DType::kComplex128};
inline constexpr DTypeSet kNumber = kReal | kComplex;
inline constexpr DTypeSet kPlain = kNumber | DTypeSet(DType::kBool);  // copied as bytes
inline constexpr DTypeSet kIndex{DType::kInt32, DType::kInt64};
inline constexpr DTypeSet kAnyType = kPlain | DTypeSet{DType::kString, DType::kResource};

[[noreturn]] void throw_unexpected_dtype(DType dtype);

// Calls f(T()) with the C++ type of `dtype`, which must be one of Ts: for choosing a typed
// function once, when a kernel is made. Returns what f returns.
template <class T, class... Ts, class F>
auto visit_dtype(DType dtype, F&& f) {
  if (dtype == dtype_of<T>) return f(T());
  if constexpr (sizeof...(Ts) > 0) {
    return visit_dtype<Ts...>(dtype, static_cast<F&&>(f));
  } else {
    throw_unexpected_dtype(dtype);
    return f(T());
  }
}

}  // namespace penstock
