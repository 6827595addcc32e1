// Containers of resources, and variables.
#include "core/resource.h"

namespace penstock {

std::shared_ptr<Resource> ResourceContainer::get_or_make(
    const std::string& name, const std::function<std::shared_ptr<Resource>()>& make) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<Resource>& resource = resources_[name];
  if (!resource) {
    try {
      resource = make();
    } catch (...) {
      resources_.erase(name);
      throw;
    }
  }
  return resource;
}

std::shared_ptr<Resource> ResourceContainer::find(const std::string& name) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = resources_.find(name);
  return it == resources_.end() ? nullptr : it->second;
}

bool ResourceContainer::erase(const std::string& name) {
  std::shared_ptr<Resource> last;  // destroyed after the lock is given up
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = resources_.find(name);
  if (it == resources_.end()) return false;
  last = std::move(it->second);
  resources_.erase(it);
  return true;
}

void ResourceContainer::clear() {
  std::map<std::string, std::shared_ptr<Resource>> all;
  std::lock_guard<std::mutex> lock(mutex_);
  all.swap(resources_);
}

std::map<std::string, std::shared_ptr<Resource>> ResourceContainer::snapshot() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return resources_;
}

bool Variable::is_initialized() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return value_.has_value();
}

Tensor Variable::read() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!value_.has_value()) throw_uninitialized();
  return value_;
}

void Variable::assign(Tensor value) {
  require(value.dtype() == dtype_, "variable \"", name_, "\" holds ", dtype_, ", got a value of ",
          value.dtype());
  std::lock_guard<std::mutex> lock(mutex_);
  std::swap(value_, value);
}

void Variable::update(Allocator& allocator, const std::function<void(Tensor&)>& change) {
  std::lock_guard<std::mutex> lock(mutex_);
  change(writable_value(allocator));
}

Tensor& Variable::writable_value(Allocator& allocator) {
  if (!value_.has_value()) throw_uninitialized();
  if (!value_.is_writable_and_unique()) value_ = deep_copy(value_, allocator);
  return value_;
}

void Variable::throw_uninitialized() const {
  fail(Code::kFailedPrecondition, "variable \"", name_,
       "\" has no value yet: run its initializer, or assign to it, first");
}

}  // namespace penstock
