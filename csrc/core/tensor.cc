// Tensors of strings and resources own constructed objects: their buffers get a release
// function that destroys these first.
#include "core/tensor.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "core/error.h"
#include "core/resource.h"

namespace penstock {
namespace {

template <class T>
void construct(Buffer& buffer, size_t count) {
  T* first = static_cast<T*>(buffer.data);
  for (size_t i = 0; i < count; ++i) new (first + i) T();
  buffer.bytes = count * sizeof(T);  // what the release function counts by
  buffer.release = [](Buffer* b) {
    T* element = static_cast<T*>(b->data);
    for (size_t n = b->bytes / sizeof(T); n > 0; --n, ++element) element->~T();
    Allocator::release_block(b);
  };
}

[[noreturn]] void throw_too_large(DType dtype, const Shape& shape) {
  for (int64_t dim : shape) invariant(dim >= 0, "a tensor of shape ", shape);
  fail(Code::kResourceExhausted, "a tensor of ", dtype, shape, " does not fit into memory");
}

// The bytes of such a tensor; throws when an int64 cannot count them.
inline size_t checked_bytes(DType dtype, const Shape& shape) {
  int64_t bytes = static_cast<int64_t>(dtype_size(dtype));
  bool bad = false;
  for (int64_t dim : shape) bad |= dim < 0 || __builtin_mul_overflow(bytes, dim, &bytes);
  if (__builtin_expect(bad, 0)) throw_too_large(dtype, shape);
  return static_cast<size_t>(bytes);
}

}  // namespace

Tensor::Tensor(Allocator& allocator, DType dtype, const Shape& shape)
    : dtype_(dtype),
      shape_(shape),
      buffer_(allocator.allocate(checked_bytes(dtype, shape))),
      data_(buffer_->data) {
  if (__builtin_expect(is_plain(dtype), 1)) return;
  const size_t count = static_cast<size_t>(num_elements());
  if (dtype == DType::kString) construct<std::string>(*buffer_.get(), count);
  if (dtype == DType::kResource) construct<ResourceHandle>(*buffer_.get(), count);
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  invariant(rank() > 0 && begin >= 0 && begin <= end && end <= dim(0), "rows [", begin, ", ", end,
            ") of ", to_string());
  Shape shape = shape_;
  shape.set(0, end - begin);
  const int64_t row = shape_.product(1, rank()) * static_cast<int64_t>(dtype_size(dtype_));
  return Tensor(dtype_, shape, buffer_, static_cast<char*>(data_) + begin * row);
}

std::string Tensor::to_string() const {
  return has_value() ? dtype_name(dtype_) + shape_.to_string() : "no value";
}

std::vector<int64_t> as_int64s(const Tensor& tensor) {
  const size_t n = static_cast<size_t>(tensor.num_elements());
  std::vector<int64_t> values(n);
  if (tensor.dtype() == DType::kInt64) {
    std::copy_n(tensor.data<int64_t>(), n, values.begin());
  } else {
    require(tensor.dtype() == DType::kInt32, "expected int32 or int64 numbers, got ",
            tensor.to_string());
    std::copy_n(tensor.data<int32_t>(), n, values.begin());
  }
  return values;
}

Tensor deep_copy(const Tensor& tensor, Allocator& allocator) {
  Tensor copy(allocator, tensor.dtype(), tensor.shape());
  const size_t n = static_cast<size_t>(tensor.num_elements());
  if (is_plain(tensor.dtype())) {
    if (n > 0) std::memcpy(copy.raw(), tensor.raw(), tensor.bytes());
  } else if (tensor.dtype() == DType::kString) {
    std::copy_n(tensor.data<std::string>(), n, copy.mutable_data<std::string>());
  } else {
    std::copy_n(tensor.data<ResourceHandle>(), n, copy.mutable_data<ResourceHandle>());
  }
  return copy;
}

}  // namespace penstock
