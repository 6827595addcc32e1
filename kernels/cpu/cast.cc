// Cast between any two plain dtypes.
//
// A float that the integer cannot hold gives, as on x86 and in TensorFlow: for int32 and int64
// the smallest integer, for uint64 2^63, for narrower integers the low bits of its int32 (for
// uint32: int64) value; never undefined behaviour. Complex to real keeps the real part. To bool:
// anything but zero, NaN included, is true. 16-bit floats go by way of float32.
#include <complex>
#include <limits>
#include <type_traits>

#include "cpu/loops.h"
#include "cpu/register.h"
#include "cpu/vector/bits.h"
#include "cpu/vector/shapes.h"

namespace penstock {
namespace {

template <class T>
constexpr bool is_complex = std::is_same_v<T, complex64> || std::is_same_v<T, complex128>;

// The integer part of x; where `To` cannot hold it, the smallest number of `To`.
template <class To, class From>
To integer_of(From x) {
  constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
  constexpr From kEnd = -kLow;  // one beyond the largest, a power of two
  // float64 holds numbers just below -2^31 that still round to it.
  const bool fits = (sizeof(From) > sizeof(To) ? x > kLow - From(1) : x >= kLow) & (x < kEnd);
  return fits ? static_cast<To>(x) : std::numeric_limits<To>::min();
}

template <class To, class From>
To convert(const From& x) {
  if constexpr (is_complex<From>) {
    if constexpr (is_complex<To>)
      return To(x);
    else if constexpr (std::is_same_v<To, bool>)
      return x != From(0);
    else
      return convert<To>(x.real());
  } else if constexpr (is_complex<To>) {
    return To(static_cast<typename To::value_type>(x));
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if constexpr (std::is_same_v<To, uint64_t>) {
      constexpr From kHalf = From(0x1p63);
      if (x >= kHalf && x < 2 * kHalf) return uint64_t{1} << 63 | integer_of<int64_t>(x - kHalf);
      return static_cast<uint64_t>(integer_of<int64_t>(x));
    } else if constexpr (sizeof(To) == 8 || std::is_same_v<To, uint32_t>) {
      return static_cast<To>(integer_of<int64_t>(x));
    } else {
      return static_cast<To>(integer_of<int32_t>(x));
    }
  } else {
    return static_cast<To>(x);
  }
}

template <class To>
struct CastTo {
  template <class From>
  static To at(const From& x) {
    return convert<To>(x);
  }
};

#define EVERY_COMPUTED_TYPE                                                                      \
  float, double, int32_t, int64_t, int8_t, int16_t, uint8_t, uint16_t, uint32_t, uint64_t, bool, \
      complex64, complex128

MapFn cast_loop(DType from, DType to) {
  return visit_dtype<EVERY_COMPUTED_TYPE>(from, [to](auto x) {
    using From = decltype(x);
    return visit_dtype<EVERY_COMPUTED_TYPE>(to, [](auto y) -> MapFn {
      using To = decltype(y);
      return map_loop<CastTo<To>, From, To>;
    });
  });
}

// With attribute Truncate: the bits that the narrower float has no room for are cleared, so
// that the conversion after it finds nothing to round.
template <int bits>
struct ClearLow32 {
  static float at(float x) { return float_of(bits_of(x) & ~((uint32_t{1} << bits) - 1u)); }
};
template <int bits>
struct ClearLow64 {
  static float at(double x) {
    return static_cast<float>(double_of(bits_of(x) & ~((uint64_t{1} << bits) - 1u)));
  }
};

MapFn truncating_loop(DType from, DType to) {
  if (from == DType::kFloat32 && to == DType::kFloat16) return map_loop<ClearLow32<13>, float>;
  if (from == DType::kFloat32 && to == DType::kBFloat16) return map_loop<ClearLow32<16>, float>;
  if (from == DType::kFloat64 && to == DType::kFloat32) {
    return map_loop<ClearLow64<29>, double, float>;
  }
  if (from == DType::kFloat64 && to == DType::kFloat16) {
    return map_loop<ClearLow64<42>, double, float>;
  }
  if (from == DType::kFloat64 && to == DType::kBFloat16) {
    return map_loop<ClearLow64<45>, double, float>;
  }
  return nullptr;
}

void pass_through(KernelContext& ctx) { ctx.set_output(0, ctx.input(0)); }

std::unique_ptr<Kernel> cast(const NodeInfo& node) {
  const DType from = node.input_dtypes[0];
  const DType to = node.output_dtypes[0];
  if (from == to) return std::make_unique<FunctionKernel>(pass_through);
  MapFn loop = node.attrs.get_or("Truncate", false) ? truncating_loop(from, to) : nullptr;
  if (loop == nullptr) loop = cast_loop(compute_dtype(from), compute_dtype(to));
  return std::make_unique<MapKernel>(node, MapSpec{loop, 0.5});
}

}  // namespace

void register_cast(KernelRegistry& r) {
  r.add("Cast", kCpu, {{"SrcT", kPlain}, {"DstT", kPlain}}, cast);
}

}  // namespace penstock
