// Who holds the memory: what an error says that found none left.
//
// Nothing is recorded while runs go well: the values of the step that failed are looked at when
// all its kernels have come to rest, and the variables of its session under their locks. What
// other runs and fetched arrays hold is told as one sum.
#pragma once

#include <string>
#include <vector>

#include "runtime/partitions.h"
#include "runtime/step.h"

namespace penstock {

// One line for each of the largest live tensors of the device (bytes, dtype and shape, op and node
// or variable), the largest first, then how much the rest holds. `step` may be null: no value is
// live yet. A name that is none of the partitions' devices stands for the host's.
std::vector<std::string> describe_memory(const Partitions& partitions, Step* step,
                                         const std::string& device);

}  // namespace penstock
