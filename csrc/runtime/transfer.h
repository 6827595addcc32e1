// The kernels of `_Send`, `_Recv`, `_HostSend` and `_HostRecv`.
//
// A sender puts its value into a channel of the step's rendezvous as it is; the receiver brings
// it into the memory in which its own device wants it. Between CPUs that is the same reference;
// everything else is a copy, made by the devices (device.h). A `_Recv` with attribute `_keep` is
// for a fetch that stays on its device: it leaves the value where it was sent.
#pragma once

#include <memory>
#include <string>

#include "runtime/device.h"
#include "runtime/kernel.h"

namespace penstock {

bool is_send(const std::string& op);
bool is_receive(const std::string& op);
// The key of the node's channel in the root frame.
std::string channel_key(const NodeInfo& node);
// The kernel of a transfer node on `device`, whose channel has this number.
std::unique_ptr<Kernel> make_transfer(const NodeInfo& node, Device& device, int channel);

}  // namespace penstock
