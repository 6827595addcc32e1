// Writing elements as text. Numbers have as many digits as it takes to read them back, nine or
// seventeen where six or fifteen are too few.
#include "cpu/printing.h"

#include <cstdio>
#include <cstdlib>

#include "core/resource.h"

namespace penstock {
namespace {

std::string number(double value, bool wide) {
  char text[40];
  std::snprintf(text, sizeof text, wide ? "%.15g" : "%.6g", value);
  const double back =
      wide ? std::strtod(text, nullptr) : static_cast<double>(std::strtof(text, nullptr));
  if (back != value && value == value) {
    std::snprintf(text, sizeof text, wide ? "%.17g" : "%.9g", value);
  }
  return text;
}

template <class T>
std::string text_of(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "1" : "0";
  } else if constexpr (std::is_integral_v<T>) {
    return std::to_string(value);
  } else {
    return number(static_cast<double>(value), std::is_same_v<T, double>);
  }
}
template <class T>
std::string text_of(std::complex<T> value) {
  return "(" + text_of(value.real()) + "," + text_of(value.imag()) + ")";
}

std::string element(const Tensor& t, int64_t i, bool quoted) {
  if (t.dtype() == DType::kString) {
    const std::string& s = t.data<std::string>()[i];
    return quoted ? '"' + s + '"' : s;
  }
  if (t.dtype() == DType::kResource) return "<resource " + t.data<ResourceHandle>()[i].name() + ">";
  return visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                     uint64_t, float16, bfloat16, bool, complex64, complex128>(
      t.dtype(), [&](auto zero) { return text_of(t.data<decltype(zero)>()[i]); });
}

struct FirstElements {
  const Tensor& tensor;
  int64_t left;      // elements that may still be written
  int64_t next = 0;  // the element to write next
  std::string text;

  void write(int axis) {
    const bool last = axis == tensor.rank() - 1;
    for (int64_t i = 0; i < tensor.dim(axis); ++i) {
      if (left == 0) {
        text += "...";
        return;
      }
      if (last) {
        if (i > 0) text += ' ';
        text += element(tensor, next++, false);
        --left;
      } else {
        text += '[';
        write(axis + 1);
        text += ']';
      }
    }
  }
};

struct EdgeElements {
  const Tensor& tensor;
  int64_t edge;
  std::string text;

  // The entries of one dimension, the first of which is number `first` of all elements.
  void write(int axis, int64_t first) {
    const int64_t size = tensor.dim(axis);
    const int64_t inner = tensor.shape().product(axis + 1, tensor.rank());
    const bool last = axis == tensor.rank() - 1;
    const bool shortened = edge >= 0 && size / 2 >= edge && size > 2 * edge;
    const std::string gap = last
                                ? " "
                                : std::string(static_cast<size_t>(tensor.rank() - axis - 1), '\n') +
                                      std::string(static_cast<size_t>(axis) + 1, ' ');
    text += '[';
    for (int64_t i = 0; i < size; ++i) {
      if (i > 0) text += gap;
      if (shortened && i == edge) {
        text += "...";
        i = size - edge - 1;
        continue;
      }
      if (last) {
        text += element(tensor, first + i, true);
      } else {
        write(axis + 1, first + i * inner);
      }
    }
    text += ']';
  }
};

}  // namespace

std::string first_elements(const Tensor& tensor, int64_t limit) {
  const int64_t count = tensor.num_elements();
  if (count == 0) return "";
  FirstElements writer{tensor, limit < 0 ? count : limit, 0, {}};
  if (tensor.rank() > 0) {
    writer.write(0);
  } else {
    writer.text = limit == 0 ? "..." : element(tensor, 0, false);
  }
  return writer.text;
}

std::string edge_elements(const Tensor& tensor, int64_t edge) {
  if (tensor.rank() == 0) return element(tensor, 0, false);
  if (tensor.num_elements() == 0) return "[]";
  EdgeElements writer{tensor, edge, {}};
  writer.write(0, 0);
  return writer.text;
}

}  // namespace penstock
