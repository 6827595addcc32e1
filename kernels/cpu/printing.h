// Tensors as text, for Print, Assert and StringFormat.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor.h"

namespace penstock {

// The first `limit` elements (all when negative), "..." where some are left out: "[1 2][3...]".
// A vector goes without brackets.
std::string first_elements(const Tensor& tensor, int64_t limit);

// As NumPy writes it: rows below each other, of every longer dimension only the first and last
// `edge` entries (all when negative). Strings are quoted but for a scalar.
std::string edge_elements(const Tensor& tensor, int64_t edge);

}  // namespace penstock
