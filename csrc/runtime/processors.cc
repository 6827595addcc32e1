// How many processors this process may use.
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

#include "runtime/thread_pool.h"

namespace penstock {
namespace {

// The control group's quota in processors, rounded up; 0 where there is none.
int quota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string most;
  double period = 0;
  if (!(file >> most >> period) || most == "max" || period <= 0) return 0;
  try {
    return static_cast<int>((std::stod(most) + period - 1) / period);
  } catch (const std::exception&) {
    return 0;
  }
}

}  // namespace

int available_processors() {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0
                  ? CPU_COUNT(&set)
                  : static_cast<int>(std::thread::hardware_concurrency());
  const int most = quota();
  if (most > 0) count = std::min(count, most);
  return std::max(count, 1);
}

}  // namespace penstock
