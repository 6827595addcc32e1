// What outlives a step: variables, random-generator states, later queues and stacks.
//
// A Resource is shared by the container that names it and by the resource tensors (handles)
// that flow along edges. The container belongs to a session and dies with it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/tensor.h"

namespace penstock {

class Resource {
 public:
  virtual ~Resource() = default;
  virtual const char* kind() const = 0;  // "variable": used in messages
};

// One element of a tensor of dtype `resource`.
class ResourceHandle {
 public:
  ResourceHandle() = default;
  ResourceHandle(std::string name, std::shared_ptr<Resource> resource)
      : name_(std::move(name)), resource_(std::move(resource)) {}
  const std::string& name() const { return name_; }
  const std::shared_ptr<Resource>& resource() const { return resource_; }

  // The resource as R; InvalidArgument when the handle is empty or of another kind.
  template <class R>
  R& as() const {
    R* r = dynamic_cast<R*>(resource_.get());
    require(r != nullptr, "resource \"", name_, "\" is ", resource_ ? resource_->kind() : "empty",
            ", not what this op works on");
    return *r;
  }

 private:
  std::string name_;
  std::shared_ptr<Resource> resource_;
};

// Named resources of one session. All methods may be called from any thread.
class ResourceContainer {
 public:
  // The resource of that name, made by `make` where there is none yet.
  std::shared_ptr<Resource> get_or_make(const std::string& name,
                                        const std::function<std::shared_ptr<Resource>()>& make);
  std::shared_ptr<Resource> find(const std::string& name) const;
  bool erase(const std::string& name);
  void clear();
  std::map<std::string, std::shared_ptr<Resource>> snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Resource>> resources_;
};

// A variable: a tensor behind a mutex. Readers share the buffer, so a writer works in place
// only when nobody else holds it and otherwise on a copy: a value once read never changes.
class Variable : public Resource {
 public:
  Variable(std::string name, DType dtype) : name_(std::move(name)), dtype_(dtype) {}
  const char* kind() const override { return "a variable"; }
  const std::string& name() const { return name_; }
  DType dtype() const { return dtype_; }

  bool is_initialized() const;
  // The value; FailedPrecondition, naming the variable, before the first assignment.
  Tensor read() const;
  void assign(Tensor value);
  // Runs `update(value)` under the lock with a tensor that may be written in place
  // (copied first, with `allocator`, when its buffer is shared).
  void update(Allocator& allocator, const std::function<void(Tensor&)>& change);

  // For kernels that update several variables at once: lock, then use `value()`.
  std::mutex& mutex() const { return mutex_; }
  Tensor& value() { return value_; }
  // Under the lock: makes `value()` writable in place. FailedPrecondition if uninitialised.
  Tensor& writable_value(Allocator& allocator);

 private:
  [[noreturn]] void throw_uninitialized() const;
  std::string name_;
  DType dtype_;
  mutable std::mutex mutex_;
  Tensor value_;
};

}  // namespace penstock
