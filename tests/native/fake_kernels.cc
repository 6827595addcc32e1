// The kernels that stand in for real ones.
#include "fake_kernels.h"

#include <thread>

#include "runtime/async_kernel.h"

namespace penstock::testing {
namespace {

void add(KernelContext& ctx) {
  const float x = ctx.input(0).scalar<float>();
  const float y = ctx.input(1).scalar<float>();
  *ctx.forward_or_allocate(0, Shape(), {0, 1}).mutable_data<float>() = x + y;
}

void same(KernelContext& ctx) { ctx.set_output(0, ctx.input(0)); }

void slow(KernelContext& ctx) {
  const auto end = Clock::now() + std::chrono::microseconds(100);
  while (Clock::now() < end) {
  }
  *ctx.allocate_output(0, Shape()).mutable_data<float>() = ctx.input(0).scalar<float>() + 1;
}

void spread(KernelContext& ctx) {
  ctx.parallel_for(6, 30000.0, [](int64_t begin, int64_t end) {
    const auto stop = Clock::now() + std::chrono::microseconds(30) * (end - begin);
    while (Clock::now() < stop) {
    }
  });
  same(ctx);
}

void sleep(KernelContext& ctx) {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  same(ctx);
}

void bad(KernelContext& ctx) {
  if (ctx.input(0).scalar<float>() < 0) {
    same(ctx);
  } else {
    fail(Code::kOutOfRange, "this value is not wanted");
  }
}

void where(KernelContext& ctx) {
  const void* before = ctx.input(0).raw();
  Tensor& out = ctx.forward_or_allocate(0, Shape(), {0});
  *out.mutable_data<float>() = out.raw() == before ? 1.0f : 0.0f;
}

void forget(KernelContext&) {}

// x + 0, set by another thread a little later; 99 comes too late.
class Later final : public AsyncKernel {
 public:
  explicit Later(const NodeInfo&) {}
  bool start(KernelContext& ctx, Rendezvous&, Done done) override {
    if (ctx.input(0).scalar<float>() == 3) {  // now and then at once
      same(ctx);
      return true;
    }
    std::thread([ctx, done = std::move(done)]() mutable {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      if (ctx.input(0).scalar<float>() == 99) {
        done(std::make_exception_ptr(Error(Code::kOutOfRange, "too late")));
        return;
      }
      same(ctx);
      done(nullptr);
    }).detach();
    return false;
  }
};

NodeInfo retval_or_arg(const std::string& op, int64_t index) {
  NodeInfo node;
  node.name = op + std::to_string(index);
  node.op = op;
  node.attrs.set("index", index);
  return node;
}

}  // namespace

const KernelRegistry& fake_registry() {
  static const KernelRegistry* const registry = [] {
    auto* r = new KernelRegistry;
    r->add("Add", kCpu, {}, function<add>);
    r->add("Same", kCpu, {}, function<same>, Cost::kTrivial);
    r->add("Slow", kCpu, {}, function<slow>);
    r->add("Spread", kCpu, {}, function<spread>, Cost::kHeavy);
    r->add("Later", kCpu, {}, make<Later>);
    r->add("Sleep", kCpu, {}, function<sleep>);
    r->add("Bad", kCpu, {}, function<bad>);
    r->add("Where", kCpu, {}, function<where>);
    r->add("Forget", kCpu, {}, function<forget>);
    return r;
  }();
  return *registry;
}

Graph::Graph(const SessionOptions& options) : session(std::make_shared<Session>(options)) { on(0); }

void Graph::on(int number) {
  Device& device = *session->devices()[static_cast<size_t>(number)];
  builders_.push_back(std::make_unique<ProgramBuilder>(fake_registry(), device, channels_));
}

namespace {

Attrs transfer(const Session& session, const std::string& name, int from, int to) {
  const auto& devices = session.devices();
  Attrs attrs;
  attrs.set("tensor_name", name);
  attrs.set("send_device", devices[static_cast<size_t>(from)]->name());
  attrs.set("send_device_incarnation", devices[static_cast<size_t>(from)]->incarnation());
  attrs.set("recv_device", devices[static_cast<size_t>(to)]->name());
  return attrs;
}

}  // namespace

void Graph::send(const std::string& name, int node, int from, int to) {
  builder().add_node(name + "/send", "_Send", "", {Endpoint{node, 0}}, {},
                     transfer(*session, name, from, to), {});
}

int Graph::receive(const std::string& name, int from, int to) {
  return builder().add_node(name + "/recv", "_Recv", "", {}, {}, transfer(*session, name, from, to),
                            {DType::kFloat32});
}

void Graph::plan(const std::vector<std::pair<int, int64_t>>& places, int64_t bytes) {
  std::vector<PlannedOutput> outputs;
  for (const auto& [node, offset] : places) outputs.push_back({node, 0, offset, 64});
  builder().plan_memory(outputs, bytes);
}

int Graph::feed() {
  NodeInfo node = retval_or_arg("_Arg", feeds_++);
  return builder().add_node(node.name, node.op, "", {}, {}, node.attrs, {DType::kFloat32});
}

int Graph::constant(float value) {
  Attrs attrs;
  attrs.set("value", scalar(value));
  return builder().add_node("c", "Const", "", {}, {}, std::move(attrs), {DType::kFloat32});
}

int Graph::node(const std::string& op, const std::vector<int>& inputs,
                const std::vector<int32_t>& controls) {
  std::vector<Endpoint> endpoints;
  for (int i : inputs) endpoints.push_back(Endpoint{i, 0});
  return builder().add_node("my/" + op, op, "/device:CPU:0", std::move(endpoints), controls,
                            Attrs(), {DType::kFloat32});
}

void Graph::fetch(int from) {
  NodeInfo node = retval_or_arg("_Retval", fetches_++);
  builder().add_node(node.name, node.op, "", {Endpoint{from, 0}}, {}, node.attrs, {});
}

std::unique_ptr<Executor> Graph::build() {
  std::vector<std::unique_ptr<Program>> programs;
  for (auto& builder : builders_) programs.push_back(builder->build());
  return std::make_unique<Executor>(Partitions(std::move(programs), channels_.size()));
}

Tensor scalar(float value) {
  Tensor t(host_allocator(), DType::kFloat32, Shape());
  *t.mutable_data<float>() = value;
  return t;
}

std::vector<float> run(Executor& executor, const std::vector<float>& feeds,
                       const RunOptions& options, RunStats* stats) {
  std::vector<Tensor> in;
  for (float value : feeds) in.push_back(scalar(value));
  std::vector<Tensor> out(executor.host().fetch_slots.size());
  executor.run(in.data(), out.data(), options, stats);
  std::vector<float> values;
  for (const Tensor& t : out) values.push_back(t.scalar<float>());
  return values;
}

}  // namespace penstock::testing
