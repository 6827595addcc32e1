// The planned memory of a step: one block, in which values have places by plan.
//
// A layout (ArenaLayout, part of a Program) gives slots a place: an offset and a number of bytes;
// places of values that are not alive together may overlap. An Arena is the block of one step. The
// thread that runs the step tells, by an ArenaScope, whose outputs are allocated next; an
// allocation of the planned size then gets the place.
// Nothing relies on the order in which kernels run: `take` hands a place out only while nothing
// that overlaps it is in use, and the caller takes fresh memory otherwise. The layout is cut into
// cells where a place begins or ends, each cell is a bit, and a place is a range of bits; taking
// and giving back are one atomic operation for each 64 cells. Values may outlive the step: the
// last one lets go of the block.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/allocator.h"

namespace penstock {

// Where a slot's value goes.
struct PlannedPlace {
  int32_t slot;
  int64_t offset;
  int64_t bytes;
};

// Immutable. Slots of the same place share it.
class ArenaLayout {
 public:
  ArenaLayout() = default;
  // `bytes` is the size of the block. Places lie within it, on multiples of 64 bytes.
  ArenaLayout(const std::vector<PlannedPlace>& places, int64_t bytes, int32_t num_slots);

  struct Place {
    int64_t offset;
    int64_t bytes;
    int32_t begin, end;  // cells
  };
  bool empty() const { return places_.empty(); }
  int64_t bytes() const { return bytes_; }
  int32_t cells() const { return cells_; }
  const std::vector<Place>& places() const { return places_; }
  // The place of a slot, -1 for one that has none.
  int32_t place_of(int64_t slot) const { return place_of_slot_[static_cast<size_t>(slot)]; }

 private:
  int64_t bytes_ = 0;
  int32_t cells_ = 0;
  std::vector<Place> places_;
  std::vector<int32_t> place_of_slot_;
};

// Like `Allocator::allocate`, rounded up to whole pages only: for few large blocks that are asked
// for in the same sizes again.
BufferPtr allocate_pages(Allocator& allocator, size_t bytes);

// Opened and closed by the thread that runs the step; `take` and the release of what it gave may be
// called from any thread in between, the latter also afterwards.
class Arena {
 public:
  explicit Arena(const ArenaLayout& layout) : layout_(layout) {}
  ~Arena();
  Arena(const Arena&) = delete;

  // Gets the block; false when the allocator has no memory for it, and the step runs without.
  bool open(Allocator& allocator);
  void close();
  // The place of one of the slots [first, end) that is as large as an allocation of so many bytes
  // and not in use, nor is a part of it; null if there is none.
  BufferPtr take(int32_t first, int32_t end, size_t bytes);
  // True for a place of any arena: lent for one step, so whoever keeps a value for longer (a
  // variable, a fetch) copies it.
  static bool lent(const Buffer& buffer);

 private:
  struct Block;
  const ArenaLayout& layout_;
  Block* block_ = nullptr;
};

// While it lives, what this thread allocates from `allocator` may come from the arena.
class ArenaScope {
 public:
  ArenaScope(Arena& arena, const Allocator& allocator);
  ~ArenaScope();
  ArenaScope(const ArenaScope&) = delete;

  // The outputs of the node that runs next are slots [first, end).
  void expect(int32_t first, int32_t end) {
    first_ = first;
    end_ = end;
  }
  // For the allocator: the scope of this thread, null outside of any.
  static ArenaScope* current() { return current_; }
  BufferPtr take(const Allocator& allocator, size_t bytes) {
    return first_ != end_ && &allocator == allocator_ ? arena_.take(first_, end_, bytes)
                                                      : BufferPtr();
  }

 private:
  Arena& arena_;
  const Allocator* const allocator_;
  ArenaScope* const outer_;
  int32_t first_ = 0, end_ = 0;
  friend class OutsideArena;
  // Every allocation looks at it, so it is within reach of a register.
  static __thread ArenaScope* current_ __attribute__((tls_model("initial-exec")));
};

// While it lives, this thread allocates nothing from an arena: for what a kernel takes for itself
// before its output, whose place it would have where both are equally large.
class OutsideArena {
 public:
  OutsideArena() : outer_(ArenaScope::current_) { ArenaScope::current_ = nullptr; }
  ~OutsideArena() { ArenaScope::current_ = outer_; }
  OutsideArena(const OutsideArena&) = delete;

 private:
  ArenaScope* const outer_;
};

}  // namespace penstock
