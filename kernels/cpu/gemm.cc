// Blocking and packing around the register tiles.
//
// B is cut into blocks of at most kDepth x kColumns that are copied into panels as wide as a
// tile, A into blocks of at most kDepth x kRows copied tile by tile, so that the innermost
// loop reads both in order from the nearest cache. A copy that would be read too seldom to
// pay is left out: the tile then reads the operand in place.
#include "cpu/gemm.h"

#include <algorithm>
#include <complex>
#include <type_traits>

#include "core/tensor.h"
#include "cpu/vector/table.h"

namespace penstock {
namespace {

constexpr int64_t kDepth = 256;
constexpr int64_t kColumns = 768;
constexpr int64_t kRows = 128;

template <class T>
const GemmTiles& tiles_of() {
  const GemmLoops& loops = vector_table().gemm;
  if constexpr (std::is_same_v<T, float>) return loops.f32;
  if constexpr (std::is_same_v<T, double>) return loops.f64;
  if constexpr (std::is_same_v<T, int32_t>) return loops.i32;
}

// `total` cut into equal parts of at most `most`, a multiple of `unit` each.
int64_t even_part(int64_t total, int64_t most, int64_t unit) {
  const int64_t parts = (total + most - 1) / most;
  return ((total + parts - 1) / parts + unit - 1) / unit * unit;
}

// One product on one thread.
template <class T>
class BlockedProduct {
 public:
  BlockedProduct(Allocator& allocator, const Product<T>& p) : p_(p), tiles_(tiles_of<T>()) {
    depth_ = even_part(p.k, kDepth, 1);
    block_columns_ = even_part(p.n, kColumns, tiles_.columns);
    tile_rows_ = even_part(p.m, tiles_.rows, 1);
    block_rows_ = std::max<int64_t>(1, kRows / tile_rows_) * tile_rows_;
    packs_a_ = p.n >= 4 * tiles_.columns && p.m * p.k > 512;
    packs_b_ = !is_dots() && (p.b_column != 1 || p.m > 2 * tiles_.rows);
    const int64_t a_size = packs_a_ ? std::min(block_rows_, p.m) * depth_ : 0;
    const int64_t b_size = (packs_b_ ? block_columns_ : tiles_.columns) * depth_;
    if (packs_a_ || packs_b_ || (p.n % tiles_.lanes != 0 && !is_dots())) {
      scratch_ = Tensor(allocator, dtype_of<T>, Shape{a_size + b_size});
      packed_b_ = scratch_.template mutable_data<T>();
      packed_a_ = packed_b_ + b_size;
    }
  }

  void run() {
    for (int64_t j = 0; j < p_.n; j += block_columns_) {
      const int64_t columns = std::min(block_columns_, p_.n - j);
      for (int64_t d = 0; d < p_.k; d += depth_) {
        const int64_t depth = std::min(depth_, p_.k - d);
        pack_b(d, depth, j, columns);
        for (int64_t i = 0; i < p_.m; i += block_rows_) {
          run_block(i, std::min(block_rows_, p_.m - i), j, columns, d, depth);
        }
      }
    }
  }

 private:
  // A matrix times a vector, each row and the vector in order: tiles have a path for it.
  bool is_dots() const { return p_.n == 1 && p_.a_column == 1 && p_.b_row == 1; }

  // Whether the panel of B at column j is read from the copy.
  bool is_packed(int64_t columns_left) const {
    if (is_dots()) return false;
    return packs_b_ || (columns_left < tiles_.columns && columns_left % tiles_.lanes != 0);
  }

  void pack_b(int64_t d, int64_t depth, int64_t j, int64_t columns) {
    T* out = packed_b_;
    for (int64_t c = 0; c < columns; c += tiles_.columns) {
      if (!is_packed(columns - c)) continue;
      pack_panel(out, p_.b + d * p_.b_row + (j + c) * p_.b_column, depth,
                 std::min<int64_t>(tiles_.columns, columns - c));
      out += depth * tiles_.columns;
    }
  }

  void pack_panel(T* out, const T* b, int64_t depth, int64_t columns) const {
    const int64_t width = tiles_.columns;
    if (columns < width) std::fill(out, out + depth * width, T(0));
    if (p_.b_column == 1) {
      for (int64_t q = 0; q < depth; ++q) {
        std::copy(b + q * p_.b_row, b + q * p_.b_row + columns, out + q * width);
      }
      return;
    }
    for (int64_t c = 0; c < columns; c += 4) {
      pack_columns(out + c, b + c * p_.b_column, depth, std::min<int64_t>(4, columns - c));
    }
  }

  // Up to four columns of B at once: what is written then fills more of a cache line.
  void pack_columns(T* out, const T* b, int64_t depth, int64_t columns) const {
    const int64_t width = tiles_.columns;
    if (columns == 4) {
      for (int64_t q = 0; q < depth; ++q) {
        for (int64_t c = 0; c < 4; ++c) out[q * width + c] = b[q * p_.b_row + c * p_.b_column];
      }
      return;
    }
    for (int64_t q = 0; q < depth; ++q) {
      for (int64_t c = 0; c < columns; ++c) out[q * width + c] = b[q * p_.b_row + c * p_.b_column];
    }
  }

  // Copies `rows` rows of A as [depth][rows].
  void pack_tile_of_a(T* out, const T* a, int64_t rows, int64_t depth) const {
    if (p_.a_row == 1) {
      for (int64_t q = 0; q < depth; ++q) {
        const T* from = a + q * p_.a_column;
        for (int64_t i = 0; i < rows; ++i) out[q * rows + i] = from[i];
      }
      return;
    }
    for (int64_t i = 0; i < rows; ++i) {
      const T* from = a + i * p_.a_row;
      for (int64_t q = 0; q < depth; ++q) out[q * rows + i] = from[q * p_.a_column];
    }
  }

  void run_block(int64_t i, int64_t rows, int64_t j, int64_t columns, int64_t d, int64_t depth) {
    if (packs_a_) {
      for (int64_t r = 0; r < rows; r += tile_rows_) {
        pack_tile_of_a(packed_a_ + r * depth, p_.a + (i + r) * p_.a_row + d * p_.a_column,
                       std::min(tile_rows_, rows - r), depth);
      }
    }
    const T* panel = packed_b_;
    for (int64_t c = 0; c < columns; c += tiles_.columns) {
      GemmTile tile;
      tile.depth = depth;
      tile.columns = static_cast<int>(std::min<int64_t>(tiles_.columns, columns - c));
      tile.c_row = p_.c_row;
      tile.accumulate = p_.accumulate || d > 0;
      if (is_packed(columns - c)) {
        tile.b = panel;
        tile.b_step = tiles_.columns;
        panel += depth * tiles_.columns;
      } else {
        tile.b = p_.b + d * p_.b_row + j + c;
        tile.b_step = p_.b_row;
      }
      for (int64_t r = 0; r < rows; r += tile_rows_) {
        tile.rows = static_cast<int>(std::min(tile_rows_, rows - r));
        tile.a = packs_a_ ? packed_a_ + r * depth : p_.a + (i + r) * p_.a_row + d * p_.a_column;
        tile.a_row = packs_a_ ? 1 : p_.a_row;
        tile.a_step = packs_a_ ? tile.rows : p_.a_column;
        tile.c = p_.c + (i + r) * p_.c_row + j + c;
        tiles_.run(tile);
      }
    }
  }

  const Product<T>& p_;
  const GemmTiles& tiles_;
  int64_t depth_, block_columns_, block_rows_, tile_rows_;
  bool packs_a_, packs_b_;
  Tensor scratch_;
  T* packed_a_ = nullptr;
  T* packed_b_ = nullptr;
};

template <class T>
void clear(const Product<T>& p) {
  for (int64_t i = 0; i < p.m; ++i) std::fill(p.c + i * p.c_row, p.c + i * p.c_row + p.n, T(0));
}

// c + x * y; integers wrap around, which signed arithmetic would leave undefined.
template <class T>
T add_product(T c, T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(c) +
                          static_cast<uint64_t>(x) * static_cast<uint64_t>(y));
  } else {
    return c + x * y;
  }
}

template <class T>
void multiply_plainly(const Product<T>& p) {
  if (!p.accumulate) clear(p);
  for (int64_t i = 0; i < p.m; ++i) {
    T* c = p.c + i * p.c_row;
    for (int64_t q = 0; q < p.k; ++q) {
      const T x = p.a[i * p.a_row + q * p.a_column];
      const T* b = p.b + q * p.b_row;
      for (int64_t j = 0; j < p.n; ++j) c[j] = add_product(c[j], x, b[j * p.b_column]);
    }
  }
}

// The same product with the roles of A and B exchanged: only where C is one row.
template <class T>
Product<T> exchanged(const Product<T>& p) {
  return {p.n, 1, p.k, p.b, p.b_column, p.b_row, p.a, p.a_column, p.a_row, p.c, 1, p.accumulate};
}

}  // namespace

template <class T>
void multiply(Allocator& allocator, const Product<T>& p) {
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) {
    if (!p.accumulate) clear(p);
    return;
  }
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double> ||
                std::is_same_v<T, int32_t>) {
    // A row times a transposed matrix would first transpose it in memory.
    if (p.m == 1 && p.n > 1 && p.b_column != 1) return multiply(allocator, exchanged(p));
    BlockedProduct<T>(allocator, p).run();
  } else {
    multiply_plainly(p);
  }
}

template void multiply(Allocator&, const Product<float>&);
template void multiply(Allocator&, const Product<double>&);
template void multiply(Allocator&, const Product<int32_t>&);
template void multiply(Allocator&, const Product<int64_t>&);
template void multiply(Allocator&, const Product<uint8_t>&);
template void multiply(Allocator&, const Product<int8_t>&);
template void multiply(Allocator&, const Product<int16_t>&);
template void multiply(Allocator&, const Product<uint16_t>&);
template void multiply(Allocator&, const Product<uint32_t>&);
template void multiply(Allocator&, const Product<uint64_t>&);
template void multiply(Allocator&, const Product<complex64>&);
template void multiply(Allocator&, const Product<complex128>&);

}  // namespace penstock
