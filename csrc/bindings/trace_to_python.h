// A Trace as Python lists and tuples, for runtime/tracing.py.
#pragma once

#include <pybind11/pybind11.h>

#include "runtime/trace.h"

namespace penstock {

// One (device, caller, nodes) for each program, the caller's thread by its number; of `nodes` each
// that started is
//   (name, scheduled, start, computed, end, thread, live_start, live_computed, live_end, outputs)
// and of `outputs` each that was set is (slot, dtype, dims, bytes, allocated, address).
pybind11::list object_of_trace(const Trace& trace);

}  // namespace penstock
