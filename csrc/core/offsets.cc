// A table of the placed items, sorted by offset, is walked from the bottom for each new one. That
// is quadratic in the number of items and, as the table is short and in one piece, quick: a
// thousand items take about a millisecond.
#include "core/offsets.h"

#include <algorithm>
#include <cstddef>

#include "core/error.h"

namespace penstock {
namespace {

struct Placed {
  int64_t start, end;
  int64_t first, last;
};

// Where the item goes among those placed before it.
int64_t gap_for(const PlannedItem& item, const std::vector<Placed>& table, bool best_fit) {
  int64_t reached = 0;  // the end of what was passed
  int64_t tightest = INT64_MAX, at = -1;
  for (const Placed& other : table) {
    if (other.first > item.last || other.last < item.first) continue;
    const int64_t gap = other.start - reached;
    if (gap >= item.bytes && gap < tightest) {
      if (!best_fit) return reached;
      tightest = gap;
      at = reached;
    }
    reached = std::max(reached, other.end);
  }
  return at >= 0 ? at : reached;
}

}  // namespace

std::vector<int64_t> place_in_order(const std::vector<PlannedItem>& items,
                                    const std::vector<int32_t>& order, bool best_fit) {
  std::vector<int64_t> offsets(items.size(), -1);
  std::vector<Placed> table;
  table.reserve(order.size());
  for (int32_t number : order) {
    invariant(number >= 0 && static_cast<size_t>(number) < items.size(), "item ", number, " of ",
              items.size());
    const PlannedItem& item = items[static_cast<size_t>(number)];
    const int64_t start = gap_for(item, table, best_fit);
    offsets[static_cast<size_t>(number)] = start;
    const auto after =
        std::upper_bound(table.begin(), table.end(), start,
                         [](int64_t value, const Placed& other) { return value < other.start; });
    table.insert(after, {start, start + item.bytes, item.first, item.last});
  }
  return offsets;
}

}  // namespace penstock
