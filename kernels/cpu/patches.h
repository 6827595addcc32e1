// Patches of an NHWC image as rows of a matrix: what turns a convolution into a product.
//
// Row p of the matrix holds the window elements of output pixel p (row-major over height and
// width of one image), height by width by channels; padding reads as zero.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/conv.h"

namespace penstock {

// Calls visit(offset into the row, offset into the image, length) for the runs of elements of
// pixel p's patch that lie on the image. Runs are as long as memory allows.
template <class Visit>
void visit_patch(const ConvSizes& s, int64_t p, Visit&& visit) {
  const int64_t oh = p / s.width.output, ow = p % s.width.output;
  const int64_t w_first = s.width.first(ow), w_last = s.width.last(ow);
  const int64_t h_last = s.height.last(oh);
  for (int64_t i = s.height.first(oh); i < h_last; ++i) {
    const int64_t y = s.height.start(oh) + i * s.height.dilation;
    const int64_t row = i * s.width.window;
    const int64_t line = y * s.width.input + s.width.start(ow);
    if (s.width.dilation == 1) {
      if (w_first < w_last) {
        visit((row + w_first) * s.in_channels, (line + w_first) * s.in_channels,
              (w_last - w_first) * s.in_channels);
      }
      continue;
    }
    for (int64_t j = w_first; j < w_last; ++j) {
      visit((row + j) * s.in_channels, (line + j * s.width.dilation) * s.in_channels,
            s.in_channels);
    }
  }
}

// Whether every element of pixel p's patch lies on the image.
inline bool is_inside(const ConvSizes& s, int64_t p) {
  const int64_t oh = p / s.width.output, ow = p % s.width.output;
  return s.height.first(oh) == 0 && s.height.last(oh) == s.height.window &&
         s.width.first(ow) == 0 && s.width.last(ow) == s.width.window;
}

// The patches of pixels [begin, end) of `image` into the rows of `patches`.
template <class T>
void gather_patches(const ConvSizes& s, const T* image, int64_t begin, int64_t end, T* patches) {
  const int64_t patch = s.patch();
  for (int64_t p = begin; p < end; ++p, patches += patch) {
    if (!is_inside(s, p)) std::fill(patches, patches + patch, T(0));
    visit_patch(s, p, [&](int64_t to, int64_t from, int64_t n) {
      std::copy(image + from, image + from + n, patches + to);
    });
  }
}

// Adds the rows of `patches` to where they came from.
template <class T>
void scatter_patches(const ConvSizes& s, const T* patches, int64_t begin, int64_t end, T* image) {
  for (int64_t p = begin; p < end; ++p, patches += s.patch()) {
    visit_patch(s, p, [&](int64_t from, int64_t to, int64_t n) {
      for (int64_t i = 0; i < n; ++i) image[to + i] += patches[from + i];
    });
  }
}

}  // namespace penstock
