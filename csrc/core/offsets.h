// Where items go in one block of memory, so that those that are needed at the same time do not
// overlap.
//
// Items have bytes and a first and a last time. One after the other, in an order that the caller
// tries, they go into a gap among those before them that they live with: into the first that is
// wide enough, or into the tightest. The search for good orders is engine/penstock/memory's.
#pragma once

#include <cstdint>
#include <vector>

namespace penstock {

struct PlannedItem {
  int64_t bytes;
  int64_t first, last;  // both included
};

// Returns the offsets, by item. `order` names each item at most once; those it leaves out get -1.
std::vector<int64_t> place_in_order(const std::vector<PlannedItem>& items,
                                    const std::vector<int32_t>& order, bool best_fit);

}  // namespace penstock
