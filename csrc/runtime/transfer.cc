// Sending and receiving.
#include "runtime/transfer.h"

#include <utility>

#include "runtime/async_kernel.h"

namespace penstock {
namespace {

class Send final : public AsyncKernel {
 public:
  Send(int channel, Device* memory) : channel_(channel), memory_(memory) {}

  bool start(KernelContext& ctx, Rendezvous& rendezvous, Done) override {
    rendezvous.send(channel_, Message{ctx.input(0), memory_});
    return true;
  }

 private:
  const int channel_;
  Device* const memory_;
};

class Receive final : public AsyncKernel {
 public:
  // With `keep` the value stays in the memory where it was sent.
  Receive(int channel, Device* memory, bool keep)
      : channel_(channel), memory_(memory), keep_(keep) {}

  bool start(KernelContext& ctx, Rendezvous& rendezvous, Done done) override {
    if (std::optional<Message> message = rendezvous.try_receive(channel_)) {
      ctx.set_output(0, brought(std::move(*message)));
      return true;
    }
    rendezvous.receive(channel_, [this, ctx, done = std::move(done)](
                                     Message message, const RunError* error) mutable {
      try {
        if (error) throw *error;
        ctx.set_output(0, brought(std::move(message)));
      } catch (...) {
        done(std::current_exception());
        return;
      }
      done(nullptr);
    });
    return false;
  }

 private:
  // The value in the memory that this end wants it in.
  Tensor brought(Message message) const {
    if (message.memory == memory_ || keep_) return std::move(message.value);
    if (!memory_) return message.memory->to_host(message.value);
    if (!message.memory) return memory_->from_host(message.value);
    return memory_->from_device(message.value, *message.memory);
  }

  const int channel_;
  Device* const memory_;
  const bool keep_;
};

}  // namespace

bool is_send(const std::string& op) { return op == "_Send" || op == "_HostSend"; }
bool is_receive(const std::string& op) { return op == "_Recv" || op == "_HostRecv"; }

std::string channel_key(const NodeInfo& node) {
  return concat(node.attrs.get<std::string>("send_device"), ';',
                node.attrs.get<int64_t>("send_device_incarnation"), ';',
                node.attrs.get<std::string>("recv_device"), ';',
                node.attrs.get<std::string>("tensor_name"), ";0:0");
}

std::unique_ptr<Kernel> make_transfer(const NodeInfo& node, Device& device, int channel) {
  const bool on_host = node.op == "_HostSend" || node.op == "_HostRecv" || !device.has_own_memory();
  Device* const memory = on_host ? nullptr : &device;
  if (is_send(node.op)) return std::make_unique<Send>(channel, memory);
  const bool keep = node.attrs.get_or<bool>("_keep", false);
  return std::make_unique<Receive>(channel, memory, keep);
}

}  // namespace penstock
