// The parts of the module `penstock._native`, each bound by one function. Bindings convert
// and delegate, nothing more. Only files in this folder include Python.h.
#pragma once

#include <pybind11/pybind11.h>

namespace penstock {

void bind_errors(pybind11::module_& m);   // python_error.cc
void bind_info(pybind11::module_& m);     // bind_info.cc
void bind_session(pybind11::module_& m);  // bind_session.cc
void bind_program(pybind11::module_& m);  // bind_program.cc
void bind_kernels(pybind11::module_& m);  // python_kernel.cc
void bind_stepper(pybind11::module_& m);  // bind_stepper.cc
void bind_builder(pybind11::module_& m);  // bind_builder.cc

}  // namespace penstock
