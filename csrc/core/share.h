// A share of an allocator: what one run may have of a device's memory, and what it does have.
//
// Blocks that are asked of a share are the allocator's own and count there as always; until they
// are released they count in the share, too, whose `stats` tell of those alone (live, peak,
// allocations), and whose budget bounds them. Nothing is cached in a share.
#pragma once

#include <cstdint>
#include <memory>

#include "core/allocator.h"

namespace penstock {

// `parent` must outlive the share; blocks may outlive it. ResourceExhausted for a block that
// would bring the bytes in use above `budget`.
std::unique_ptr<Allocator> open_share(Allocator& parent, int64_t budget);

}  // namespace penstock
