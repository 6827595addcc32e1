// Attributes of a node as the bindings hand them over: a small sorted table of typed values.
// Kernels read them once, in their constructor.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"
#include "core/tensor.h"

namespace penstock {

// A shape attribute may be partly or wholly unknown.
struct PartialShape {
  bool unknown_rank = false;
  std::vector<int64_t> dims;  // -1: unknown
  // True when `shape` is one that this allows.
  bool allows(const Shape& shape) const;
  std::string to_string() const;
};

using AttrValue =
    std::variant<std::monostate, bool, int64_t, double, std::string, DType, PartialShape, Tensor,
                 std::vector<int64_t>, std::vector<double>, std::vector<std::string>,
                 std::vector<DType>, std::vector<PartialShape>, std::vector<bool>>;

class Attrs {
 public:
  void set(std::string name, AttrValue value) {
    values_.emplace_back(std::move(name), std::move(value));
  }
  const AttrValue* find(std::string_view name) const {
    for (const auto& [key, value] : values_) {
      if (key == name) return &value;
    }
    return nullptr;
  }
  // The attribute as T; InvalidArgument when it is missing or of another type. An empty list
  // (which carries no element type) reads as an empty list of any kind.
  template <class T>
  T get(std::string_view name) const {
    const AttrValue* v = find(name);
    if (v) {
      if (const T* t = std::get_if<T>(v)) return *t;
      if constexpr (is_vector<T>::value) {
        if (const auto* e = std::get_if<std::vector<int64_t>>(v); e && e->empty()) return T();
      }
    }
    fail(Code::kInvalidArgument, v ? "attribute has another type: " : "missing attribute: ", name);
  }
  template <class T>
  T get_or(std::string_view name, T otherwise) const {
    return find(name) ? get<T>(name) : otherwise;
  }
  // The same names, each value replaced by f(name, value).
  template <class F>
  Attrs mapped(F&& f) const {
    Attrs out;
    for (const auto& [key, value] : values_) out.set(key, f(key, value));
    return out;
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }

 private:
  template <class T>
  struct is_vector : std::false_type {};
  template <class T>
  struct is_vector<std::vector<T>> : std::true_type {};
  std::vector<std::pair<std::string, AttrValue>> values_;
};

}  // namespace penstock
