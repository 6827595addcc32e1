// A small test framework: TEST registers a function, CHECK reports and goes on, check_error
// wants an Error of a code and with a text. main.cc runs every test, or those named.
#pragma once

#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "core/error.h"

namespace penstock::testing {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}
inline int& failures() {
  static int count = 0;
  return count;
}

struct Register {
  Register(const char* name, void (*run)()) { tests().push_back(Test{name, run}); }
};

inline void report(bool ok, const char* file, int line, const std::string& text) {
  if (ok) return;
  ++failures();
  std::cerr << file << ":" << line << ": " << text << "\n";
}

inline void check_error(const char* file, int line, Code code, const std::string& part,
                        const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    report(error.code() == code, file, line, "wrong code with: " + error.text());
    report(error.text().find(part) != std::string::npos, file, line,
           "no \"" + part + "\" in: " + error.text());
    return;
  }
  report(false, file, line, "no error was thrown");
}

}  // namespace penstock::testing

#define TEST(name)                                                              \
  static void test_##name();                                                    \
  static const penstock::testing::Register register_##name(#name, test_##name); \
  static void test_##name()
#define CHECK(condition) penstock::testing::report((condition), __FILE__, __LINE__, #condition)
#define CHECK_ERROR(code, part, ...) \
  penstock::testing::check_error(__FILE__, __LINE__, code, part, [&] { __VA_ARGS__; })
