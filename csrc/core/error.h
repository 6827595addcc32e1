// Errors of the native half: a code and a text, nothing else.
//
// `require` is for what a user can get wrong, `invariant` for what only we can.
// The executor adds node, op, device and input shapes to an Error on its way out;
// the bindings turn it into the Python exception of the same code.
#pragma once

#include <exception>
#include <sstream>
#include <string>
#include <utility>

namespace penstock {

// The numbers are those of the public error codes (facts shared with gRPC).
enum class Code : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
};

class Error : public std::exception {
 public:
  Error(Code code, std::string text) : code_(code), text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }
  Code code() const { return code_; }
  const std::string& text() const { return text_; }

 private:
  Code code_;
  std::string text_;
};

// Joins anything printable into one string: concat("axis ", 3, " is out of range").
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(Code code, const Parts&... parts) {
  throw Error(code, concat(parts...));
}

// A user's mistake: InvalidArgument with the joined parts as its text.
template <class... Parts>
inline void require(bool ok, const Parts&... parts) {
  if (__builtin_expect(!ok, 0)) fail(Code::kInvalidArgument, parts...);
}

// Our mistake: Internal, and the text says so.
template <class... Parts>
inline void invariant(bool ok, const Parts&... parts) {
  if (__builtin_expect(!ok, 0)) fail(Code::kInternal, "bug in penstock: ", parts...);
}

}  // namespace penstock
