// The six comparisons, for the loops of every instruction set and for the portable ones.
#pragma once

namespace penstock {
namespace {

struct Equal {
  template <class T>
  static bool at(const T& x, const T& y) {
    return x == y;
  }
};
struct NotEqual {
  template <class T>
  static bool at(const T& x, const T& y) {
    return x != y;
  }
};
struct Less {
  template <class T>
  static bool at(T x, T y) {
    return x < y;
  }
};
struct LessEqual {
  template <class T>
  static bool at(T x, T y) {
    return x <= y;
  }
};
struct Greater {
  template <class T>
  static bool at(T x, T y) {
    return x > y;
  }
};
struct GreaterEqual {
  template <class T>
  static bool at(T x, T y) {
    return x >= y;
  }
};

}  // namespace
}  // namespace penstock
