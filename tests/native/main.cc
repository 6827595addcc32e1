// Runs the tests that are named on the command line, or all of them.
#include <algorithm>

#include "check.h"

int main(int argc, char** argv) {
  using namespace penstock::testing;
  const std::vector<std::string> wanted(argv + 1, argv + argc);
  int run = 0;
  for (const Test& test : tests()) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), test.name) == wanted.end()) {
      continue;
    }
    const int before = failures();
    try {
      test.run();
    } catch (const std::exception& error) {
      report(false, test.name, 0, std::string("threw ") + error.what());
    }
    ++run;
    std::cout << (failures() == before ? "ok   " : "FAIL ") << test.name << "\n";
  }
  return run > 0 && failures() == 0 ? 0 : 1;
}
