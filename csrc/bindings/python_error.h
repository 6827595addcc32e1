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
// Throws the current Python error, which code that a step called has raised, as an Error: one of
// ours keeps its code, a built-in one gets the code that fits, an interrupt stays set and cancels.
[[noreturn]] void throw_kernel_error();
// The text of the current Python error, which is cleared.
std::string take_python_error_text();

}  // namespace penstock
