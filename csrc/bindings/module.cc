// The module `penstock._native`: its table of contents.
#include "bindings/bind.h"
#include "bindings/numpy_api.h"

PYBIND11_MODULE(_native, m) {
  m.doc() = "The native half of penstock: sessions, programs, kernels.";
  penstock::import_numpy();
  penstock::bind_errors(m);
  penstock::bind_info(m);
  penstock::bind_session(m);
  penstock::bind_kernels(m);
  penstock::bind_builder(m);
  penstock::bind_program(m);
  penstock::bind_stepper(m);
}
