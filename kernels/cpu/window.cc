// Reads and checks the attributes of sliding windows, and computes their sizes.
#include "cpu/window.h"

#include <limits>

namespace penstock {
namespace {

// The two spatial numbers of a list [1, height, width, 1].
void read_spatial(const NodeInfo& node, const char* name, int64_t* out) {
  const auto list = node.attrs.get<std::vector<int64_t>>(name);
  require(list.size() == 4, name, " must have 4 elements, got ", list.size());
  require(list[0] == 1 && list[3] == 1, name, " must be 1 for batch and channels, got [", list[0],
          ", ", list[1], ", ", list[2], ", ", list[3], "]");
  for (int i = 0; i < 2; ++i) {
    out[i] = list[static_cast<size_t>(i) + 1];
    require(out[i] > 0 && out[i] <= std::numeric_limits<int32_t>::max(), name,
            " must be positive, got ", out[i]);
  }
}

Padding padding_named(const std::string& name) {
  if (name == "SAME") return Padding::kSame;
  if (name == "VALID") return Padding::kValid;
  if (name == "EXPLICIT") return Padding::kExplicit;
  fail(Code::kInvalidArgument, "padding must be SAME, VALID or EXPLICIT, got ", name);
}

}  // namespace

WindowAttrs::WindowAttrs(const NodeInfo& node)
    : padding(padding_named(node.attrs.get<std::string>("padding"))) {
  read_spatial(node, "strides", stride);
  if (node.attrs.has("dilations")) read_spatial(node, "dilations", dilation);
  if (node.attrs.has("ksize")) read_spatial(node, "ksize", ksize);
  if (padding != Padding::kExplicit) return;
  const auto list = node.attrs.get<std::vector<int64_t>>("explicit_paddings");
  require(list.size() == 8, "explicit_paddings must have 8 elements, got ", list.size());
  for (size_t i = 0; i < 8; ++i) {
    require(list[i] >= 0 && list[i] <= std::numeric_limits<int32_t>::max(),
            "explicit_paddings must not be negative, got ", list[i]);
    const bool spatial = i >= 2 && i < 6;
    require(spatial || list[i] == 0, "explicit_paddings must be 0 for batch and channels");
    if (spatial) explicit_padding[i / 2 - 1][i % 2] = list[i];
  }
}

WindowDim WindowAttrs::along(int dimension, int64_t input, int64_t window) const {
  WindowDim d = {input, window, stride[dimension], dilation[dimension], 0, 0, 0};
  const char* name = dimension == 0 ? "height" : "width";
  require(window > 0, "the window's ", name, " must be positive, got ", window);
  require(window <= std::numeric_limits<int32_t>::max(), "the window's ", name, " is too large");
  const int64_t extent = (window - 1) * d.dilation + 1;
  if (padding == Padding::kSame) {
    d.output = (input + d.stride - 1) / d.stride;
    const int64_t total = std::max<int64_t>(0, (d.output - 1) * d.stride + extent - input);
    d.before = total / 2;
    d.after = total - d.before;
    return d;
  }
  d.before = explicit_padding[dimension][0];
  d.after = explicit_padding[dimension][1];
  const int64_t padded = input + d.before + d.after;
  require(padded >= extent, "the window's ", name, " of ", extent,
          " is larger than the padded input's, ", padded);
  d.output = (padded - extent) / d.stride + 1;
  return d;
}

}  // namespace penstock
