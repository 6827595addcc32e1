// ImageSummary: the first images of a batch as PNG files in a serialized Summary.
//
// Floats are scaled, each image for itself: so that the largest becomes 255 or, where there are
// negative ones, so that zero becomes 128. Pixels that are not finite get the bad colour.
#include "cpu/image_summary.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cpu/png.h"
#include "cpu/wire_writer.h"

namespace penstock {
namespace {

struct Scaling {
  float scale, offset;
};

// How the finite values of an image become 0 to 255.
template <class T>
Scaling scaling_of(const T* values, int64_t n) {
  constexpr float kNothing = 1e-6f;
  float least = 0, largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float v = static_cast<float>(values[i]);
    if (!std::isfinite(v)) continue;
    least = std::min(least, v);
    largest = std::max(largest, v);
  }
  if (least < 0) {
    const float span = std::max(-least, largest);
    return {span < kNothing ? 0.0f : 127.0f / span, 128.0f};
  }
  return {largest < kNothing ? 0.0f : 255.0f / largest, 0.0f};
}

class ImageSummary final : public Kernel {
 public:
  explicit ImageSummary(const NodeInfo& node)
      : max_images_(node.attrs.get_or<int64_t>("max_images", 3)) {
    const Tensor color = node.attrs.get<Tensor>("bad_color");
    require(color.dtype() == DType::kUInt8 && color.rank() == 1,
            "bad_color must be a uint8 vector, got ", color.to_string());
    bad_color_.assign(color.data<uint8_t>(), color.data<uint8_t>() + color.dim(0));
    require(max_images_ >= 1, "max_images must be at least 1, got ", max_images_);
  }

  void compute(KernelContext& ctx) override {
    const Tensor& tag = ctx.input(0);
    const Tensor& images = ctx.input(1);
    require(tag.is_scalar(), "tag must be a scalar, got shape ", tag.shape());
    const bool fits = images.rank() == 4 && images.dim(1) > 0 && images.dim(2) > 0 &&
                      images.dim(1) <= INT32_MAX && images.dim(2) <= INT32_MAX;
    require(fits && (images.dim(3) == 1 || images.dim(3) == 3 || images.dim(3) == 4),
            "images must have shape [batch, height, width, 1, 3 or 4], got ", images.shape());
    require(static_cast<int64_t>(bad_color_.size()) >= images.dim(3), "bad_color has ",
            bad_color_.size(), " channels, the images have ", images.dim(3));
    const int64_t count = std::min(max_images_, images.dim(0));
    const int64_t size = images.dim(1) * images.dim(2) * images.dim(3);
    WireWriter summary;
    for (int64_t i = 0; i < count; ++i) {
      std::string name = tag.scalar<std::string>() + "/image";
      if (max_images_ > 1) name += "/" + std::to_string(i);
      summary.put_bytes(1, value(name, pixels_of(images, i * size, size), images));
    }
    *ctx.allocate_output(0, {}).mutable_data<std::string>() = summary.bytes();
  }

 private:
  std::vector<uint8_t> pixels_of(const Tensor& images, int64_t first, int64_t n) const {
    if (images.dtype() == DType::kUInt8) {
      const uint8_t* from = images.data<uint8_t>() + first;
      return {from, from + n};
    }
    return visit_dtype<float, double, float16>(images.dtype(), [&](auto zero) {
      return scaled(images.data<decltype(zero)>() + first, n, images.dim(3));
    });
  }

  template <class T>
  std::vector<uint8_t> scaled(const T* values, int64_t n, int64_t channels) const {
    const Scaling s = scaling_of(values, n);
    std::vector<uint8_t> pixels(static_cast<size_t>(n));
    for (int64_t first = 0; first < n; first += channels) {
      const bool good = std::all_of(values + first, values + first + channels,
                                    [](T v) { return std::isfinite(static_cast<float>(v)); });
      for (int64_t c = 0; c < channels; ++c) {
        const float v = static_cast<float>(values[first + c]) * s.scale + s.offset;
        pixels[static_cast<size_t>(first + c)] =
            good ? static_cast<uint8_t>(std::clamp(v, 0.0f, 255.0f))
                 : bad_color_[static_cast<size_t>(c)];
      }
    }
    return pixels;
  }

  // A Summary.Value with an image.
  static std::string value(const std::string& tag, const std::vector<uint8_t>& pixels,
                           const Tensor& images) {
    WireWriter image, out;
    for (int d = 1; d <= 3; ++d) image.put_int(d, images.dim(d));
    image.put_bytes(4, png_file(pixels.data(), images.dim(1), images.dim(2), images.dim(3)));
    out.put_bytes(1, tag);
    out.put_bytes(4, image.bytes());
    return out.bytes();
  }

  int64_t max_images_;
  std::vector<uint8_t> bad_color_;
};

}  // namespace

std::unique_ptr<Kernel> make_image_summary(const NodeInfo& node) {
  return std::make_unique<ImageSummary>(node);
}

}  // namespace penstock
