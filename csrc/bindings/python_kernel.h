// Kernels written in Python, for devices that Python code drives.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "bindings/python_device.h"
#include "runtime/kernel.h"

namespace penstock {

// A kernel that calls compute(*inputs) under the interpreter lock. An input is an array of the
// device, a NumPy array where `host_inputs` says so, a `DeviceVariable` for a resource; what comes
// back is one output or a sequence of them. With the lock.
std::unique_ptr<Kernel> make_python_kernel(const pybind11::object& compute, PythonDevice& device,
                                           std::vector<bool> host_inputs,
                                           std::vector<bool> host_outputs);

}  // namespace penstock
