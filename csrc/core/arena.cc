// Cells as bits, 63 to a word; the last bit of a word says that the step has left the block. From
// then on each word is counted once when its other bits are gone, by whoever sees that, and the
// last one counted deletes the block. AddressSanitizer is told which places are in use.
#include "core/arena.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "core/error.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) static_cast<void>(0)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) static_cast<void>(0)
#endif

namespace penstock {
namespace {

constexpr int kCellsPerWord = 63;
constexpr uint64_t kLeft = uint64_t{1} << kCellsPerWord;

// The bits of cells [begin, end) that are in word `word`.
inline uint64_t mask_of(int32_t begin, int32_t end, int32_t word) {
  const int32_t from = std::max(begin - word * kCellsPerWord, 0);
  const int32_t to = std::min(end - word * kCellsPerWord, kCellsPerWord);
  return ((uint64_t{1} << (to - from)) - 1) << from;
}

}  // namespace

ArenaLayout::ArenaLayout(const std::vector<PlannedPlace>& places, int64_t bytes, int32_t num_slots)
    : bytes_(bytes), place_of_slot_(static_cast<size_t>(num_slots), -1) {
  std::vector<int64_t> cuts;
  for (const PlannedPlace& place : places) {
    invariant(place.slot >= 0 && place.slot < num_slots && place.offset >= 0 && place.bytes > 0 &&
                  place.offset % 64 == 0 && place.offset + place.bytes <= bytes,
              "slot ", place.slot, " of ", num_slots, " is planned at ", place.offset, " for ",
              place.bytes, " bytes of ", bytes);
    cuts.push_back(place.offset);
    cuts.push_back(place.offset + place.bytes);
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  cells_ = cuts.empty() ? 0 : static_cast<int32_t>(cuts.size()) - 1;
  const auto cell = [&](int64_t at) {
    return static_cast<int32_t>(std::lower_bound(cuts.begin(), cuts.end(), at) - cuts.begin());
  };
  std::map<std::pair<int64_t, int64_t>, int32_t> known;
  for (const PlannedPlace& place : places) {
    const auto found =
        known.emplace(std::pair(place.offset, place.bytes), static_cast<int32_t>(places_.size()));
    if (found.second) {
      places_.push_back(
          {place.offset, place.bytes, cell(place.offset), cell(place.offset + place.bytes)});
    }
    place_of_slot_[static_cast<size_t>(place.slot)] = found.first->second;
  }
}

struct Arena::Block {
  struct Piece : Buffer {
    Block* block = nullptr;
    int32_t begin = 0, end = 0;  // cells
  };

  explicit Block(const ArenaLayout& layout)
      : num_pieces(layout.places().size()),
        num_words((layout.cells() + kCellsPerWord - 1) / kCellsPerWord),
        pieces(new Piece[num_pieces]),
        words(new std::atomic<uint64_t>[static_cast<size_t>(num_words)]),
        uncounted(num_words + 1) {
    for (int32_t w = 0; w < num_words; ++w) words[w].store(0, std::memory_order_relaxed);
    for (size_t i = 0; i < num_pieces; ++i) {
      const ArenaLayout::Place& place = layout.places()[i];
      Piece& piece = pieces[i];
      piece.refs.store(0, std::memory_order_relaxed);
      piece.block = this;
      piece.begin = place.begin;
      piece.end = place.end;
      piece.bytes = static_cast<size_t>(place.bytes);
      piece.release = &give_back;
    }
  }

  void move_to(const ArenaLayout& layout, BufferPtr to) {
    memory = std::move(to);
    ASAN_POISON_MEMORY_REGION(memory->data, static_cast<size_t>(layout.bytes()));
    if (memory->data == base) return;
    base = static_cast<char*>(memory->data);
    for (size_t i = 0; i < num_pieces; ++i) {
      pieces[i].data = base + layout.places()[i].offset;
      pieces[i].owner = memory->owner;
    }
  }

  bool take(const Piece& piece) {
    const int32_t first = piece.begin / kCellsPerWord;
    for (int32_t w = first; w * kCellsPerWord < piece.end; ++w) {
      const uint64_t mask = mask_of(piece.begin, piece.end, w);
      uint64_t mine = 0;  // the bits that were set here, and not by others before
      if ((words[w].load(std::memory_order_relaxed) & mask) == 0) {
        mine = mask & ~words[w].fetch_or(mask, std::memory_order_acquire);
      }
      if (mine == mask) continue;
      words[w].fetch_and(~mine, std::memory_order_release);
      while (w-- > first) {
        words[w].fetch_and(~mask_of(piece.begin, piece.end, w), std::memory_order_release);
      }
      return false;
    }
    return true;
  }

  // What `Buffer::release` of a piece does: from the last atomic operation on, the piece is
  // somebody else's, and the block may be gone.
  static void give_back(Buffer* buffer) {
    const Piece& piece = *static_cast<Piece*>(buffer);
    Block& block = *piece.block;
    const int32_t begin = piece.begin, end = piece.end;
    ASAN_POISON_MEMORY_REGION(piece.data, piece.bytes);
    for (int32_t w = begin / kCellsPerWord; w * kCellsPerWord < end; ++w) {
      const uint64_t mask = mask_of(begin, end, w);
      const uint64_t before = block.words[w].fetch_and(~mask, std::memory_order_acq_rel);
      if (__builtin_expect((before & ~mask) == kLeft, 0)) block.count(1);
    }
  }

  void drop_memory() {
    if (memory) ASAN_UNPOISON_MEMORY_REGION(memory->data, memory->bytes);
    memory.reset();
  }

  ~Block() { drop_memory(); }

  bool in_use() const {
    for (int32_t w = 0; w < num_words; ++w) {
      if (words[w].load(std::memory_order_acquire) != 0) return true;
    }
    return false;
  }

  // The step needs the block no more, values in it are still in use.
  void leave() {
    int32_t unused = 1;
    for (int32_t w = 0; w < num_words; ++w) {
      if (words[w].fetch_or(kLeft, std::memory_order_acq_rel) == 0) ++unused;
    }
    count(unused);
  }

  void count(int32_t n) {
    if (uncounted.fetch_sub(n, std::memory_order_acq_rel) == n) delete this;
  }

  const size_t num_pieces;
  const int32_t num_words;
  const std::unique_ptr<Piece[]> pieces;
  const std::unique_ptr<std::atomic<uint64_t>[]> words;
  std::atomic<int32_t> uncounted;
  BufferPtr memory;
  char* base = nullptr;
};

Arena::~Arena() {
  if (block_) close();
  delete block_;
}

bool Arena::open(Allocator& allocator) {
  BufferPtr memory;
  try {
    memory = allocate_pages(allocator, static_cast<size_t>(layout_.bytes()));
  } catch (const Error& error) {
    if (error.code() != Code::kResourceExhausted) throw;
    return false;
  }
  if (!block_) block_ = new Block(layout_);
  block_->move_to(layout_, std::move(memory));
  return true;
}

void Arena::close() {
  if (block_->in_use()) {
    std::exchange(block_, nullptr)->leave();
  } else {
    block_->drop_memory();
  }
}

BufferPtr Arena::take(int32_t first, int32_t end, size_t bytes) {
  const size_t wanted = (bytes + 63) / 64 * 64;
  for (int32_t slot = first; slot < end; ++slot) {
    const int32_t place = layout_.place_of(slot);
    if (place < 0) continue;
    Block::Piece& piece = block_->pieces[place];
    if (piece.bytes != wanted || !block_->take(piece)) continue;
    piece.refs.store(1, std::memory_order_relaxed);
    piece.writable = true;
    ASAN_UNPOISON_MEMORY_REGION(piece.data, piece.bytes);
    return BufferPtr::adopt(&piece);
  }
  return {};
}

bool Arena::lent(const Buffer& buffer) { return buffer.release == &Block::give_back; }

__thread ArenaScope* ArenaScope::current_ = nullptr;

ArenaScope::ArenaScope(Arena& arena, const Allocator& allocator)
    : arena_(arena), allocator_(&allocator), outer_(std::exchange(current_, this)) {}
ArenaScope::~ArenaScope() { current_ = outer_; }

}  // namespace penstock
