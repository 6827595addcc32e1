// The shape of a tensor that exists: up to kMaxRank dimensions, all known and >= 0,
// their product checked against overflow when it is made from outside.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

#include "core/error.h"

namespace penstock {

inline constexpr int kMaxRank = 8;

class Shape {
 public:
  Shape() = default;  // a scalar
  Shape(std::initializer_list<int64_t> dims) : Shape(dims.begin(), static_cast<int>(dims.size())) {}
  Shape(const int64_t* dims, int rank) {
    if (rank > kMaxRank) throw_rank(rank);
    rank_ = rank;
    for (int i = 0; i < rank; ++i) dims_[i] = dims[i];
  }
  explicit Shape(const std::vector<int64_t>& dims)
      : Shape(dims.data(), static_cast<int>(dims.size())) {}

  // Copies the dimensions there are: most shapes are short, and the copy of a tensor's handle
  // is mostly the copy of its shape.
  Shape(const Shape& o) : rank_(o.rank_) { copy_dims(o); }
  Shape& operator=(const Shape& o) {
    rank_ = o.rank_;
    copy_dims(o);
    return *this;
  }

  // From untrusted numbers: refuses negative dimensions and products beyond int64.
  static Shape checked(const int64_t* dims, int rank);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  void set(int i, int64_t value) { dims_[i] = value; }
  const int64_t* dims() const { return dims_; }
  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + rank_; }
  void push_back(int64_t dim) {
    if (rank_ >= kMaxRank) throw_rank(rank_ + 1);
    dims_[rank_++] = dim;
  }
  int64_t num_elements() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= dims_[i];
    return n;
  }
  // Product of dimensions [first, last).
  int64_t product(int first, int last) const {
    int64_t n = 1;
    for (int i = first; i < last; ++i) n *= dims_[i];
    return n;
  }
  bool operator==(const Shape& o) const {
    if (rank_ != o.rank_) return false;
    for (int i = 0; i < rank_; ++i) {
      if (dims_[i] != o.dims_[i]) return false;
    }
    return true;
  }
  bool operator!=(const Shape& o) const { return !(*this == o); }
  std::string to_string() const;  // "[2, 3]"

 private:
  [[noreturn]] static void throw_rank(int rank);
  void copy_dims(const Shape& o) {
    for (int i = 0; i < o.rank_; ++i) dims_[i] = o.dims_[i];
  }
  int rank_ = 0;
  int64_t dims_[kMaxRank];
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);

// The shape that x and y broadcast to, NumPy's rule; InvalidArgument where they do not.
Shape broadcast_shapes(const Shape& x, const Shape& y);

}  // namespace penstock
