// A Trace, or a MemoryLog, as Python lists and tuples.
#pragma once

#include <pybind11/pybind11.h>

#include "runtime/memory_log.h"
#include "runtime/trace.h"

namespace penstock {

// For runtime/tracing.py: one (device, caller, nodes) for each program, the caller's thread by its
// number; of `nodes` each that started is
//   (name, scheduled, start, computed, end, thread, live_start, live_computed, live_end, outputs)
// and of `outputs` each that was set is (slot, dtype, dims, bytes, allocated, address).
pybind11::list object_of_trace(const Trace& trace);

// A MemoryLog as Python lists and tuples, for runtime/memory_log.py: (levels, programs, nodes).
//   levels: one (live, peak) for each device, when the run began
//   programs: (device, slots, fetch_slots, feeds, constants, variables) with slots a list of
//     (node or fed tensor, output); holdings are (slot or name, block, bytes, device, dtype, dims)
//   nodes: (program, name, outputs, variables, dead_slots, levels, levels), as they ended
pybind11::tuple object_of_log(const MemoryLog& log, const Partitions& partitions);

}  // namespace penstock
