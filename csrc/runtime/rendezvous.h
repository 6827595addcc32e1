// Where the partitions of one step hand values to each other.
//
// A transfer is a channel, known by the key
//   source device;incarnation;destination device;tensor;frame:iteration
// Channels of the root frame (0:0) are numbered when a program is loaded (`ChannelTable`), so a
// step looks nothing up. A sender never blocks and may come first or last; a receiver that comes
// first leaves a function that the sender's thread calls. `abort` calls all functions left with
// the error, and from then on every message is dropped and every receiver is refused.
// Thread-safe; one mutex, never held while a receiver runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "runtime/run_error.h"

namespace penstock {

class Device;

// A value on its way. `memory` is the device whose own memory it lies in; null: host memory.
struct Message {
  Tensor value;
  Device* memory = nullptr;
};

class Rendezvous {
 public:
  // Called once: with the message, or with the error that ended the step.
  using Receiver = std::function<void(Message message, const RunError* error)>;

  explicit Rendezvous(int channels) : cells_(static_cast<size_t>(channels)) {}

  void send(int channel, Message message);
  // The message of the channel if it is there already.
  std::optional<Message> try_receive(int channel);
  // Calls `receiver` now or later, on this thread or the sender's.
  void receive(int channel, Receiver receiver);
  void abort(const RunError& error);
  // Forgets everything: ready for the next step. Nobody may be waiting.
  void clear();

 private:
  struct Cell {
    bool sent = false;
    Message message;
    Receiver receiver;
  };
  std::mutex mutex_;
  std::vector<Cell> cells_;
  std::optional<RunError> error_;
};

// Numbers the channels of one plan by their keys.
class ChannelTable {
 public:
  int number_of(const std::string& key) {
    return numbers_.emplace(key, static_cast<int>(numbers_.size())).first->second;
  }
  int size() const { return static_cast<int>(numbers_.size()); }

 private:
  std::map<std::string, int> numbers_;
};

}  // namespace penstock
