// Chooses the vector table of this process: asks the processor once, on first use.
#include <cstdlib>
#include <cstring>

#include "cpu/vector/table.h"

#define DECLARE(type, member) void fill(type& loops);
namespace penstock::baseline {
PENSTOCK_VECTOR_FAMILIES(DECLARE)
}
#if defined(__x86_64__)
namespace penstock::avx2 {
PENSTOCK_VECTOR_FAMILIES(DECLARE)
}
namespace penstock::avx512 {
PENSTOCK_VECTOR_FAMILIES(DECLARE)
}
#endif
#undef DECLARE

namespace penstock {
namespace {

#define FILL_BASELINE(type, member) baseline::fill(table.member);
#define FILL_AVX2(type, member) avx2::fill(table.member);
#define FILL_AVX512(type, member) avx512::fill(table.member);

// How far the processor reaches: 0 baseline, 1 avx2, 2 avx512, bounded by the environment.
int isa_level() {
  int level = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) level = 1;
  if (level == 1 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    level = 2;
  }
#endif
  const char* wish = std::getenv("PENSTOCK_ISA");
  if (wish != nullptr && std::strcmp(wish, "baseline") == 0) level = 0;
  if (wish != nullptr && std::strcmp(wish, "avx2") == 0 && level > 1) level = 1;
  return level;
}

VectorTable make_table() {
  VectorTable table = {};
  const int level = isa_level();
  if (level == 0) {
    table.isa = "baseline";
    PENSTOCK_VECTOR_FAMILIES(FILL_BASELINE)
  }
#if defined(__x86_64__)
  if (level == 1) {
    table.isa = "avx2";
    PENSTOCK_VECTOR_FAMILIES(FILL_AVX2)
  }
  if (level == 2) {
    table.isa = "avx512";
    PENSTOCK_VECTOR_FAMILIES(FILL_AVX512)
  }
#endif
  return table;
}

}  // namespace

const VectorTable& vector_table() {
  static const VectorTable table = make_table();
  return table;
}

}  // namespace penstock
