// A channels-last tensor as rows of channels, for sums over all rows and maps of all rows.
//
// Few channels are taken several rows at a time, as one longer row with parameters repeated,
// so that the vector loops have something to run over. Sums are taken in blocks whose cut
// depends on the shape only, then added in double: no thread count changes a result.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "runtime/kernel.h"

namespace penstock {

class ChannelRows {
 public:
  explicit ChannelRows(const Shape& shape)
      : channels_(shape[shape.rank() - 1]),
        rows_(shape.product(0, shape.rank() - 1)),
        together_(std::max<int64_t>(1, std::min(rows_, kWide / std::max<int64_t>(1, channels_)))) {}

  int64_t channels() const { return channels_; }
  int64_t rows() const { return rows_; }

  // The numbers of each channel, repeated as often as rows are taken together.
  std::vector<float> repeated(const float* per_channel) const {
    std::vector<float> out;
    for (int64_t i = 0; i < together_; ++i) {
      out.insert(out.end(), per_channel, per_channel + channels_);
    }
    return out;
  }

  // For each channel the sum of what add(first element, rows, columns, acc) adds to acc.
  template <class Add>
  std::vector<double> sums(const KernelContext& ctx, const Add& add) const {
    const int64_t wide = together_ * channels_;
    const int64_t blocks = (rows_ + kBlockRows - 1) / kBlockRows;
    Tensor partial = ctx.allocate_temp(DType::kFloat32, Shape{blocks, wide});
    float* out = partial.mutable_data<float>();
    ctx.parallel_for(blocks, cost(kBlockRows), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        float* acc = out + b * wide;
        std::fill(acc, acc + wide, 0.0f);
        for_pieces(
            b * kBlockRows, std::min(rows_, (b + 1) * kBlockRows),
            [&](int64_t first, int64_t rows, int64_t columns) { add(first, rows, columns, acc); });
      }
    });
    std::vector<double> total(static_cast<size_t>(channels_), 0.0);
    for (int64_t i = 0; i < blocks * together_; ++i) {
      for (int64_t c = 0; c < channels_; ++c)
        total[static_cast<size_t>(c)] += out[i * channels_ + c];
    }
    return total;
  }

  // Runs map(first element, rows, columns) over all rows.
  template <class Map>
  void map(const KernelContext& ctx, const Map& map) const {
    const int64_t blocks = (rows_ + kBlockRows - 1) / kBlockRows;
    ctx.parallel_for(blocks, cost(kBlockRows), [&](int64_t begin, int64_t end) {
      for_pieces(begin * kBlockRows, std::min(rows_, end * kBlockRows), map);
    });
  }

 private:
  static constexpr int64_t kWide = 128;        // elements that rows are put together to
  static constexpr int64_t kBlockRows = 1024;  // of the tensor

  double cost(int64_t rows) const { return 0.3 * static_cast<double>(rows * channels_); }

  // Rows [begin, end) as one matrix of rows put together and one of what is left.
  template <class Piece>
  void for_pieces(int64_t begin, int64_t end, const Piece& piece) const {
    const int64_t whole = (end - begin) / together_;
    if (whole > 0) piece(begin * channels_, whole, together_ * channels_);
    const int64_t left = end - begin - whole * together_;
    if (left > 0) piece((end - left) * channels_, left, channels_);
  }

  int64_t channels_, rows_, together_;
};

}  // namespace penstock
