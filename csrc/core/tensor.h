// A value: dtype, shape, and a share in a buffer, from `data` on. Copying a Tensor copies
// the handle, not the elements. Elements are dense and row-major; `data` is aligned for the
// dtype but, for a slice of another tensor, not necessarily for a vector register.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/allocator.h"
#include "core/buffer.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace penstock {

class Tensor {
 public:
  Tensor() = default;
  // Uninitialised elements (strings and resources are constructed empty).
  Tensor(Allocator& allocator, DType dtype, const Shape& shape);
  // A view of memory that `buffer` keeps alive.
  Tensor(DType dtype, const Shape& shape, BufferPtr buffer, void* data)
      : dtype_(dtype), shape_(shape), buffer_(std::move(buffer)), data_(data) {}

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int i) const { return shape_[i]; }
  int64_t num_elements() const { return shape_.num_elements(); }
  size_t bytes() const { return static_cast<size_t>(num_elements()) * dtype_size(dtype_); }
  bool has_value() const { return dtype_ != DType::kInvalid; }
  bool is_scalar() const { return shape_.rank() == 0; }

  void* raw() const { return data_; }
  // Elements as T. The caller vouches for the dtype (kernels are chosen by it).
  template <class T>
  const T* data() const {
    return static_cast<const T*>(data_);
  }
  template <class T>
  T* mutable_data() {
    return static_cast<T*>(data_);
  }
  // The value of a one-element tensor.
  template <class T>
  const T& scalar() const {
    return *static_cast<const T*>(data_);
  }

  // The same elements in another shape; the number of elements must agree.
  Tensor reshaped(const Shape& shape) const {
    Tensor t = *this;
    t.shape_ = shape;
    return t;
  }
  // Rows [begin, end) along dimension 0, sharing the buffer.
  Tensor rows(int64_t begin, int64_t end) const;
  // The same bytes read as another dtype of the same size (Bitcast).
  Tensor viewed_as(DType dtype, const Shape& shape) const {
    return Tensor(dtype, shape, buffer_, data_);
  }
  // True when this handle is the buffer's only one and the buffer may be written.
  bool is_writable_and_unique() const { return buffer_ && buffer_->writable && buffer_->unique(); }
  const BufferPtr& buffer() const { return buffer_; }
  void reset() {
    dtype_ = DType::kInvalid;
    buffer_.reset();
    data_ = nullptr;
  }
  // Takes the share in the buffer out. The elements stay readable through this handle as long
  // as the taker keeps the buffer: how an input is forwarded into an output of the same call.
  BufferPtr take_buffer() { return std::move(buffer_); }
  std::string to_string() const;  // "float32[2, 3]": what error messages show

 private:
  DType dtype_ = DType::kInvalid;
  Shape shape_;
  BufferPtr buffer_;
  void* data_ = nullptr;
};

// Reads an int32 or int64 tensor as int64 numbers (shapes, axes, paddings).
std::vector<int64_t> as_int64s(const Tensor& tensor);
// Element by element copy into fresh memory, strings and resources included.
Tensor deep_copy(const Tensor& tensor, Allocator& allocator);

}  // namespace penstock
