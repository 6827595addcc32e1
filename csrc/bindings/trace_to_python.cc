// Records → tuples.
#include "bindings/trace_to_python.h"

#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace penstock {
namespace {

py::tuple object_of_dims(const Shape& shape) {
  py::tuple dims(static_cast<size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) dims[static_cast<size_t>(i)] = shape[i];
  return dims;
}

py::list object_of_outputs(const OutputTrace* outputs, size_t count) {
  py::list made;
  for (size_t slot = 0; slot < count; ++slot) {
    const OutputTrace& output = outputs[slot];
    if (output.dtype == DType::kInvalid) continue;
    made.append(py::make_tuple(slot, static_cast<int>(output.dtype), object_of_dims(output.shape),
                               output.bytes, output.allocated,
                               reinterpret_cast<uintptr_t>(output.data)));
  }
  return made;
}

template <class Name>
py::tuple object_of_held(const Name& name, const Held& held) {
  return py::make_tuple(name, held.block.number, held.block.bytes, held.device,
                        static_cast<int>(held.dtype), object_of_dims(held.shape));
}

py::list object_of_holdings(const std::vector<HeldBySlot>& holdings) {
  py::list made;
  for (const HeldBySlot& h : holdings) made.append(object_of_held(h.slot, h.held));
  return made;
}

py::list object_of_holdings(const std::vector<HeldByName>& holdings) {
  py::list made;
  for (const HeldByName& h : holdings) made.append(object_of_held(h.name, h.held));
  return made;
}

py::list object_of_levels(const std::vector<Level>& levels) {
  py::list made;
  for (const Level& level : levels) made.append(py::make_tuple(level.live, level.peak));
  return made;
}

py::list object_of_slots(const Program& program) {
  std::vector<std::pair<std::string, int32_t>> names(static_cast<size_t>(program.num_slots));
  for (const FeedInfo& feed : program.feeds) names[feed.slot] = {feed.name, 0};
  for (size_t i = 0; i < program.constants.size(); ++i) {
    names[program.constants[i].first] = {program.constant_names[i], 0};
  }
  for (const ProgramNode& node : program.nodes) {
    const int32_t outputs = static_cast<int32_t>(node.info->output_dtypes.size());
    for (int32_t o = 0; o < outputs; ++o) names[node.first_slot + o] = {node.info->name, o};
  }
  return py::cast(names);
}

py::tuple object_of_node(const NodeMemory& node, const Partitions& partitions) {
  const Program& program =
      partitions.program(static_cast<size_t>(partitions.program_of(node.node)));
  const ProgramNode& of = partitions.node(node.node);
  const std::vector<int32_t> dead(program.dead_slots.begin() + of.dead.begin,
                                  program.dead_slots.begin() + of.dead.end);
  return py::make_tuple(program.partition, of.info->name, object_of_holdings(node.outputs),
                        object_of_holdings(node.variables), dead, object_of_levels(node.computed),
                        object_of_levels(node.ended));
}

}  // namespace

py::tuple object_of_log(const MemoryLog& log, const Partitions& partitions) {
  py::list programs;
  for (size_t p = 0; p < log.programs().size(); ++p) {
    const Program& program = partitions.program(p);
    const ProgramMemory& memory = log.programs()[p];
    programs.append(py::make_tuple(program.device->name(), object_of_slots(program),
                                   program.fetch_slots, object_of_holdings(memory.feeds),
                                   object_of_holdings(memory.constants),
                                   object_of_holdings(memory.variables)));
  }
  py::list nodes;
  for (const NodeMemory& node : log.nodes()) nodes.append(object_of_node(node, partitions));
  return py::make_tuple(object_of_levels(log.first_levels()), programs, nodes);
}

py::list object_of_trace(const Trace& trace) {
  const Partitions& partitions = trace.partitions();
  py::list devices;
  for (size_t p = 0; p < partitions.size(); ++p) {
    py::list nodes;
    const Program& program = partitions.program(p);
    for (size_t i = 0; i < program.nodes.size(); ++i) {
      const int32_t number = partitions.first_node(p) + static_cast<int32_t>(i);
      const NodeTrace& node = trace.node(number);
      if (node.start == 0) continue;
      const NodeInfo& info = *program.nodes[i].info;
      nodes.append(
          py::make_tuple(info.name, node.scheduled, node.start, node.computed, node.end,
                         node.thread, node.live_start, node.live_computed, node.live_end,
                         object_of_outputs(trace.outputs(number), info.output_dtypes.size())));
    }
    devices.append(py::make_tuple(program.device->name(), trace.caller(), nodes));
  }
  return devices;
}

}  // namespace penstock
