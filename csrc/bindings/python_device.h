// A device whose memory only Python code can reach: the native face of penstock.kernel_api.Device.
//
// A value there is an array object of the device's own class; a tensor holds a reference to it and
// has no elements of its own (`raw()` is null). Needs no interpreter lock unless said otherwise.
#pragma once

#include <string>

#include "bindings/numpy_api.h"
#include "runtime/device.h"

namespace penstock {

class PythonDevice final : public Device {
 public:
  // `device` is a kernel_api.Device, `transfer` is kernel_api.transfer. With the lock.
  PythonDevice(std::string name, const SessionState& shared, Allocator& host, PyObject* device,
               PyObject* transfer);
  ~PythonDevice() override;

  Tensor from_host(const Tensor& value) override;
  Tensor to_host(const Tensor& value) override;
  Tensor from_device(const Tensor& value, Device& source) override;
  bool has_own_memory() const override { return true; }
  void synchronize() override;
  bool owns(const Buffer& buffer) const override { return buffer.owner == this; }
  MemoryBlock block_of(const Tensor& tensor) override;
  MemoryStats memory_stats() override;
  int begin_window() override;
  int64_t end_window(int window) override;
  void reset_peak() override;
  void set_memory_limit(int64_t bytes) override;
  int64_t trim() override;
  void close() override;

  // With the lock: the tensor of a device array, which must be of that dtype.
  Tensor wrap(PyObject* array, DType dtype);
  // With the lock: the array of a tensor of this device, borrowed.
  PyObject* array_of(const Tensor& tensor) const;
  // With the lock: the tensor of another library's array that lies in this device's memory; none
  // when it lies elsewhere or has another dtype.
  Tensor adopt(PyObject* array, DType dtype);

 private:
  PyRef device_;
  PyRef transfer_;
};

// With the lock: the array of a tensor in any such device's memory, borrowed; null for others.
PyObject* device_array_of(const Tensor& tensor);
// With the lock: the tensor of a host array that nobody else writes to, which must be of that
// dtype.
Tensor tensor_of_host_array(PyObject* array, DType dtype, Allocator& allocator);
// With the lock: a read-only view of a host tensor as an array; a copy where elements are objects.
PyRef view_of_tensor(const Tensor& tensor);

}  // namespace penstock
