// Diagonals put into matrices and taken out of them: of a tensor seen as one square matrix
// (Diag), or of each innermost matrix of a stack, one diagonal or a band of them.
//
// Diagonals are numbered from the main one, 0, upwards. A band of them is stored as a matrix, the
// uppermost first, each aligned to the left or right where it is shorter than the longest.
#include <algorithm>
#include <string>

#include "cpu/axes.h"
#include "cpu/elements.h"
#include "cpu/register_structure.h"
#include "cpu/strided.h"

namespace penstock {
namespace {

// ---- a tensor and the matrix that has it as its diagonal

void compute_diag(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  require(x.rank() >= 1, "the diagonal is a scalar: it must have one dimension at least");
  require(2 * x.rank() <= kMaxRank, "the result would have ", 2 * x.rank(), " dimensions; at most ",
          kMaxRank, " are supported");
  Shape shape = x.shape();
  for (int d = 0; d < x.rank(); ++d) shape.push_back(x.dim(d));
  Tensor& out = ctx.allocate_output(0, Shape::checked(shape.dims(), shape.rank()));
  clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  StridedCopy copy;
  copy.add(x.num_elements(), x.num_elements() + 1, 1);
  copy_strided(ctx, x.dtype(), out.raw(), x.raw(), copy);
}

void compute_diag_part(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int half = x.rank() / 2;
  const Shape shape(x.shape().dims(), half);
  require(half >= 1 && x.rank() % 2 == 0 && Shape(x.shape().dims() + half, half) == shape,
          "the input must have an even rank and equal halves of its shape, got ", x.shape());
  Tensor& out = ctx.allocate_output(0, shape);
  StridedCopy copy;
  copy.add(out.num_elements(), 1, out.num_elements() + 1);
  copy_strided(ctx, x.dtype(), out.raw(), x.raw(), copy);
}

// ---- bands of diagonals

// The sizes of innermost matrices and of the diagonals [low, high] of them.
struct Band {
  int64_t rows, columns, low, high;

  int64_t count() const { return high - low + 1; }
  int64_t length(int64_t d) const {
    return std::min(rows + std::min<int64_t>(d, 0), columns - std::max<int64_t>(d, 0));
  }
  int64_t longest() const {
    return std::min(rows + std::min<int64_t>(high, 0), columns - std::max<int64_t>(low, 0));
  }
  // Where diagonal d starts in its matrix.
  int64_t start(int64_t d) const { return d >= 0 ? d : -d * columns; }
};

// One diagonal number, or the lowest and highest of a band.
void read_diagonals(const Tensor& k, int64_t* low, int64_t* high) {
  require(k.rank() <= 1 && k.num_elements() >= 1 && k.num_elements() <= 2,
          "k must be a number or two, got shape ", k.shape());
  *low = int_at(k, 0);
  *high = int_at(k, k.num_elements() - 1);
  require(*low <= *high, "k is [", *low, ", ", *high, "]: the lower diagonal comes first");
}

void check_diagonals(const Band& band) {
  const auto inside = [&](int64_t d) { return (d > -band.rows && d < band.columns) || d == 0; };
  require(inside(band.low) && inside(band.high), "diagonals ", band.low, " to ", band.high,
          " are not all in a matrix of ", band.rows, " rows and ", band.columns, " columns");
}

enum class Side : uint8_t { kLeft, kRight };

struct Alignment {
  Side upper = Side::kLeft, lower = Side::kLeft;
  Alignment() = default;
  explicit Alignment(const NodeInfo& node) {
    const auto text = node.attrs.get_or<std::string>("align", "RIGHT_LEFT");
    upper = text.rfind("RIGHT", 0) == 0 ? Side::kRight : Side::kLeft;
    lower = text.size() > 6 && text.substr(text.size() - 5) == "RIGHT" ? Side::kRight : Side::kLeft;
  }
  // What is left free in front of diagonal d.
  int64_t offset(const Band& band, int64_t d) const {
    const bool right = (d >= 0 ? upper : lower) == Side::kRight;
    return right ? band.longest() - band.length(d) : 0;
  }
};

// Calls visit(matrix, stored diagonals, d) for each diagonal of each matrix of a stack, where the
// first two are element numbers of its start.
template <class Visit>
void for_diagonals(const KernelContext& ctx, const Band& band, const Alignment& align,
                   int64_t matrices, const Visit& visit) {
  const int64_t size = band.rows * band.columns, width = band.longest(), count = band.count();
  ctx.parallel_for(matrices, 2.0 * static_cast<double>(count * width),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t m = begin; m < end; ++m) {
                       for (int64_t d = band.high; d >= band.low; --d) {
                         const int64_t line = m * count + (band.high - d);
                         visit(m * size + band.start(d), line * width + align.offset(band, d), d);
                       }
                     }
                   });
}

void put_diagonals(const KernelContext& ctx, const Band& band, const Alignment& align,
                   const Tensor& diagonals, Tensor& out) {
  if (out.num_elements() == 0 || diagonals.num_elements() == 0) return;
  const int64_t matrices = out.num_elements() / (band.rows * band.columns);
  visit_element(out.dtype(), [&](auto zero) {
    using E = decltype(zero);
    const E* from = diagonals.data<E>();
    E* to = out.mutable_data<E>();
    for_diagonals(ctx, band, align, matrices, [&](int64_t at, int64_t stored, int64_t d) {
      for (int64_t i = 0, n = band.length(d); i < n; ++i) {
        to[at + i * (band.columns + 1)] = from[stored + i];
      }
    });
  });
}

// `padding` (null: zero) stands where a diagonal is shorter than the longest.
void take_diagonals(const KernelContext& ctx, const Band& band, const Alignment& align,
                    const Tensor& x, const Tensor* padding, Tensor& out) {
  if (out.num_elements() == 0) return;
  if (padding) {
    fill_elements(ctx, out.dtype(), out.raw(), padding->raw(), out.num_elements());
  } else {
    clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  }
  if (x.num_elements() == 0) return;
  visit_element(out.dtype(), [&](auto zero) {
    using E = decltype(zero);
    const E* from = x.data<E>();
    E* to = out.mutable_data<E>();
    const int64_t matrices = x.num_elements() / (band.rows * band.columns);
    for_diagonals(ctx, band, align, matrices, [&](int64_t at, int64_t stored, int64_t d) {
      for (int64_t i = 0, n = band.length(d); i < n; ++i) {
        to[stored + i] = from[at + i * (band.columns + 1)];
      }
    });
  });
}

// The dimensions of a stack of matrices before the last `inner` ones.
Shape stack_of(const Tensor& x, int inner, const char* what) {
  require(x.rank() >= inner, what, " must have rank ", inner, " at least, got shape ", x.shape());
  return Shape(x.shape().dims(), x.rank() - inner);
}

Shape with(Shape stack, std::initializer_list<int64_t> dims) {
  for (int64_t dim : dims) stack.push_back(dim);
  return Shape::checked(stack.dims(), stack.rank());
}

// The shape in which the band's diagonals are stored: a band of one has no dimension of its own.
Shape stored_shape(const Shape& stack, const Band& band) {
  return band.count() == 1 ? with(stack, {band.longest()})
                           : with(stack, {band.count(), band.longest()});
}

void compute_matrix_diag(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Shape stack = stack_of(x, 1, "the diagonal");
  const int64_t n = x.dim(x.rank() - 1);
  Tensor& out = ctx.allocate_output(0, with(stack, {n, n}));
  clear_elements(ctx, out.dtype(), out.raw(), out.num_elements());
  put_diagonals(ctx, {n, n, 0, 0}, Alignment(), x, out);
}

void compute_matrix_diag_part(KernelContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Shape stack = stack_of(x, 2, "the input");
  const Band band{x.dim(x.rank() - 2), x.dim(x.rank() - 1), 0, 0};
  take_diagonals(ctx, band, Alignment(), x, nullptr,
                 ctx.allocate_output(0, stored_shape(stack, band)));
}

void set_diagonals(KernelContext& ctx, const Alignment& align, int64_t low, int64_t high) {
  const Tensor x = ctx.input(0);
  const Tensor& diagonals = ctx.input(1);
  const Shape stack = stack_of(x, 2, "the input");
  const Band band{x.dim(x.rank() - 2), x.dim(x.rank() - 1), low, high};
  check_diagonals(band);
  const Shape wanted = stored_shape(stack, band);
  require(diagonals.shape() == wanted, "the diagonal must have shape ", wanted,
          " for an input of shape ", x.shape(), ", got ", diagonals.shape());
  const Tensor kept = diagonals;
  put_diagonals(ctx, band, align, kept, copy_to_output(ctx, 0, 0));
}

void compute_matrix_set_diag(KernelContext& ctx) { set_diagonals(ctx, Alignment(), 0, 0); }

// A band's number of rows or columns: as given, or -1 for the least that holds the diagonals.
int64_t size_or(const Tensor& given, int64_t least, const char* what) {
  const int64_t size = int_scalar(given, what);
  require(size == -1 || size >= 0, what, " is ", size, ", expected -1 or a size");
  return size == -1 ? least : size;
}

class MatrixDiagV3 final : public Kernel {
 public:
  explicit MatrixDiagV3(const NodeInfo& node) : align_(node) {}
  void compute(KernelContext& ctx) override {
    const Tensor &x = ctx.input(0), &padding = ctx.input(4);
    int64_t low, high;
    read_diagonals(ctx.input(1), &low, &high);
    const int inner = low == high ? 1 : 2;
    const Shape stack = stack_of(x, inner, "the diagonal");
    require(inner == 1 || x.dim(x.rank() - 2) == high - low + 1, "there are ",
            inner == 1 ? 1 : x.dim(x.rank() - 2), " diagonals, but k asks for ", high - low + 1);
    const int64_t width = x.dim(x.rank() - 1);
    require(padding.num_elements() == 1, "padding_value must be a scalar, got shape ",
            padding.shape());
    const int64_t least_rows = width - std::min<int64_t>(high, 0);
    const int64_t least_columns = width + std::max<int64_t>(low, 0);
    const bool free_rows = int_scalar(ctx.input(2), "num_rows") == -1;
    const bool free_columns = int_scalar(ctx.input(3), "num_cols") == -1;
    int64_t rows = size_or(ctx.input(2), least_rows, "num_rows");
    int64_t columns = size_or(ctx.input(3), least_columns, "num_cols");
    if (free_rows && free_columns) rows = columns = std::max(rows, columns);
    const Band band{rows, columns, low, high};
    check_diagonals(band);
    require(band.longest() == width, "a matrix of ", rows, " rows and ", columns,
            " columns has diagonals of length ", band.longest(), " there, not ", width);
    Tensor& out = ctx.allocate_output(0, with(stack, {rows, columns}));
    if (out.num_elements() == 0) return;
    fill_elements(ctx, out.dtype(), out.raw(), padding.raw(), out.num_elements());
    put_diagonals(ctx, band, align_, x, out);
  }

 private:
  Alignment align_;
};

class MatrixDiagPartV3 final : public Kernel {
 public:
  explicit MatrixDiagPartV3(const NodeInfo& node) : align_(node) {}
  void compute(KernelContext& ctx) override {
    const Tensor &x = ctx.input(0), &padding = ctx.input(2);
    const Shape stack = stack_of(x, 2, "the input");
    Band band{x.dim(x.rank() - 2), x.dim(x.rank() - 1), 0, 0};
    read_diagonals(ctx.input(1), &band.low, &band.high);
    check_diagonals(band);
    require(padding.num_elements() == 1, "padding_value must be a scalar, got shape ",
            padding.shape());
    take_diagonals(ctx, band, align_, x, &padding,
                   ctx.allocate_output(0, stored_shape(stack, band)));
  }

 private:
  Alignment align_;
};

class MatrixSetDiagV3 final : public Kernel {
 public:
  explicit MatrixSetDiagV3(const NodeInfo& node) : align_(node) {}
  void compute(KernelContext& ctx) override {
    int64_t low, high;
    read_diagonals(ctx.input(2), &low, &high);
    set_diagonals(ctx, align_, low, high);
  }

 private:
  Alignment align_;
};

// ---- bands kept as they are, zero around them

int64_t band_limit(const Tensor& t, int64_t size, const char* what) {
  const int64_t n = int_scalar(t, what);
  require(n <= size, what, " is ", n, ", expected at most ", size, ", or less than 0 for all");
  return n < 0 ? size : n;
}

void compute_band_part(KernelContext& ctx) {
  stack_of(ctx.input(0), 2, "the input");
  const int64_t rows = ctx.input(0).dim(ctx.input(0).rank() - 2);
  const int64_t columns = ctx.input(0).dim(ctx.input(0).rank() - 1);
  const int64_t lower = band_limit(ctx.input(1), rows, "num_lower");
  const int64_t upper = band_limit(ctx.input(2), columns, "num_upper");
  Tensor& out = copy_to_output(ctx, 0, 0);
  if (out.num_elements() == 0) return;
  const DType dtype = out.dtype();
  visit_element(dtype, [&](auto zero) {
    using E = decltype(zero);
    E* data = out.mutable_data<E>();
    ctx.parallel_for(out.num_elements() / columns, 0.5 * static_cast<double>(columns),
                     [&](int64_t begin, int64_t end) {
                       for (int64_t line = begin; line < end; ++line) {
                         const int64_t row = line % rows;
                         E* at = data + line * columns;
                         const int64_t first = std::clamp<int64_t>(row - lower, 0, columns);
                         const int64_t last = std::min(columns, row + upper + 1);
                         std::fill_n(at, first, zero);
                         std::fill(at + std::max(first, last), at + columns, zero);
                       }
                     });
  });
}

}  // namespace

void register_diagonals(KernelRegistry& r) {
  const DTypeSet numbers = kFloating | kComplex | kIndex;
  r.add("Diag", kCpu, {{"T", numbers}}, function<compute_diag>);
  r.add("DiagPart", kCpu, {{"T", numbers}}, function<compute_diag_part>);
  r.add("MatrixDiag", kCpu, {}, function<compute_matrix_diag>);
  r.add("MatrixDiagPart", kCpu, {}, function<compute_matrix_diag_part>);
  r.add("MatrixSetDiag", kCpu, {}, function<compute_matrix_set_diag>);
  r.add("MatrixDiagV3", kCpu, {}, make<MatrixDiagV3>);
  r.add("MatrixDiagPartV3", kCpu, {}, make<MatrixDiagPartV3>);
  r.add("MatrixSetDiagV3", kCpu, {}, make<MatrixSetDiagV3>);
  r.add("MatrixBandPart", kCpu, {}, function<compute_band_part>);
}

}  // namespace penstock
