// The patches of an image under a sliding window, side by side in the channels. Elements are
// moved, not looked at; outside of the image they are zero.
#include <algorithm>
#include <string>
#include <vector>

#include "cpu/elements.h"
#include "cpu/register_structure.h"
#include "cpu/window.h"

namespace penstock {
namespace {

std::vector<int64_t> read_sizes(const NodeInfo& node, const char* name) {
  auto sizes = node.attrs.get<std::vector<int64_t>>(name);
  require(sizes.size() == 4 && sizes[0] == 1 && sizes[3] == 1, name,
          " must have 4 elements, the first and the last of which are 1");
  for (int64_t size : sizes) {
    require(size >= 1 && size < (int64_t{1} << 31), name, " must be positive, got ", size);
  }
  return sizes;
}

class ExtractImagePatches final : public Kernel {
 public:
  explicit ExtractImagePatches(const NodeInfo& node)
      : window_(read_sizes(node, "ksizes")),
        stride_(read_sizes(node, "strides")),
        rate_(read_sizes(node, "rates")),
        same_(node.attrs.get<std::string>("padding") == "SAME") {}

  void compute(KernelContext& ctx) override {
    const Tensor& x = ctx.input(0);
    require(x.rank() == 4, "images must have rank 4, got shape ", x.shape());
    const WindowDim height = along(1, x.dim(1)), width = along(2, x.dim(2));
    const int64_t channels = x.dim(3);
    int64_t depth;
    require(!__builtin_mul_overflow(window_[1] * window_[2], channels, &depth),
            "a patch has too many elements");
    const int64_t dims[4] = {x.dim(0), height.output, width.output, depth};
    Tensor& out = ctx.allocate_output(0, Shape::checked(dims, 4));
    if (out.num_elements() == 0) return;
    clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
    visit_element(x.dtype(), [&](auto zero) {
      using E = decltype(zero);
      const int64_t pixels = height.output * width.output;
      ctx.parallel_for(x.dim(0) * pixels, move_cost(x.dtype()) * static_cast<double>(depth),
                       [&](int64_t begin, int64_t end) {
                         for (int64_t p = begin; p < end; ++p) {
                           const int64_t image = p / pixels * height.input * width.input;
                           copy_patch(height, width, p % pixels, channels,
                                      x.data<E>() + image * channels,
                                      out.mutable_data<E>() + p * depth);
                         }
                       });
    });
  }

 private:
  WindowDim along(size_t d, int64_t input) const {
    const int64_t reach = (window_[d] - 1) * rate_[d] + 1;
    WindowDim w{input, window_[d], stride_[d], rate_[d], 0, 0, 0};
    if (same_) {
      w.output = (input + stride_[d] - 1) / stride_[d];
      const int64_t padding = std::max<int64_t>(0, (w.output - 1) * stride_[d] + reach - input);
      w.before = padding / 2;
      w.after = padding - w.before;
    } else {
      require(input >= reach, "a window of ", reach, " does not fit into an input of ", input);
      w.output = (input - reach) / stride_[d] + 1;
    }
    return w;
  }

  template <class E>
  static void copy_patch(const WindowDim& height, const WindowDim& width, int64_t pixel,
                         int64_t channels, const E* image, E* to) {
    const int64_t row = pixel / width.output, column = pixel % width.output;
    const int64_t bottom = height.last(row), right = width.last(column);
    for (int64_t i = height.first(row); i < bottom; ++i) {
      const int64_t y = height.start(row) + i * height.dilation;
      for (int64_t j = width.first(column); j < right; ++j) {
        const int64_t x = width.start(column) + j * width.dilation;
        std::copy_n(image + (y * width.input + x) * channels, channels,
                    to + (i * width.window + j) * channels);
      }
    }
  }

  std::vector<int64_t> window_, stride_, rate_;
  bool same_;
};

}  // namespace

void register_image_patches(KernelRegistry& r) {
  r.add("ExtractImagePatches", kCpu, {{"T", kPlain}}, make<ExtractImagePatches>);
}

}  // namespace penstock
