// Between our errors and Python's. The interpreter lock is held.
#pragma once

#include <string>

#include "core/error.h"

namespace penstock {

// Sets the Python error for the exception being handled: RunError and Error through the
// factory given to `set_error_factory`, any other as pybind11 would. Call it in a catch block.
void set_python_error();
// Throws pybind11::error_already_set with the current Python error.
[[noreturn]] void throw_python_error();
// The text of the current Python error, which is cleared.
std::string take_python_error_text();

}  // namespace penstock
