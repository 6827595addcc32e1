// Locking variables for an update.
#include "cpu/variables.h"

#include <algorithm>

namespace penstock {

LockedVariables::LockedVariables(const KernelContext& ctx, int count, DType dtype) {
  std::vector<Variable*> variables;
  for (int i = 0; i < count; ++i) {
    Variable& v = ctx.resource<Variable>(i);
    require(v.dtype() == dtype, "variable \"", v.name(), "\" holds ", v.dtype(),
            ", the update is of ", dtype);
    require(std::find(variables.begin(), variables.end(), &v) == variables.end(), "variable \"",
            v.name(), "\" is given twice: the weight and its slots must be different variables");
    variables.push_back(&v);
  }
  std::vector<Variable*> by_address = variables;
  std::sort(by_address.begin(), by_address.end(), std::less<Variable*>());
  for (Variable* v : by_address) locks_.emplace_back(v->mutex());
  for (Variable* v : variables) {
    values_.push_back(&v->writable_value(*ctx.session().allocator));
    require(values_.back()->shape() == values_[0]->shape(), "variable \"", v->name(),
            "\" has shape ", values_.back()->shape(), ", the weight \"", variables[0]->name(),
            "\" has ", values_[0]->shape());
  }
}

}  // namespace penstock
