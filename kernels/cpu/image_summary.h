// Images for a dashboard: the kernel of ImageSummary.
#pragma once

#include <memory>

#include "runtime/kernel.h"

namespace penstock {

std::unique_ptr<Kernel> make_image_summary(const NodeInfo& node);

}  // namespace penstock
