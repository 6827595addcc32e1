// Cells that hold a message, or who waits for it.
#include "runtime/rendezvous.h"

#include <utility>

namespace penstock {

void Rendezvous::send(int channel, Message message) {
  Receiver receiver;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Cell& cell = cells_[static_cast<size_t>(channel)];
    invariant(!cell.sent, "channel ", channel, " was sent twice in one step");
    if (error_) return;
    cell.sent = true;
    if (!cell.receiver) {
      cell.message = std::move(message);
      return;
    }
    receiver = std::exchange(cell.receiver, nullptr);
  }
  receiver(std::move(message), nullptr);
}

std::optional<Message> Rendezvous::try_receive(int channel) {
  std::lock_guard<std::mutex> lock(mutex_);
  Cell& cell = cells_[static_cast<size_t>(channel)];
  if (!cell.sent || error_) return std::nullopt;  // then `receive` tells of the error
  return std::exchange(cell.message, Message());
}

void Rendezvous::receive(int channel, Receiver receiver) {
  std::unique_lock<std::mutex> lock(mutex_);
  Cell& cell = cells_[static_cast<size_t>(channel)];
  if (error_) {
    const RunError error = *error_;
    lock.unlock();
    receiver(Message(), &error);
  } else if (cell.sent) {
    Message message = std::exchange(cell.message, Message());
    lock.unlock();
    receiver(std::move(message), nullptr);
  } else {
    cell.receiver = std::move(receiver);
  }
}

void Rendezvous::abort(const RunError& error) {
  std::vector<Receiver> waiting;
  std::vector<Message> dropped;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (error_) return;
    error_ = error;
    for (Cell& cell : cells_) {
      if (cell.receiver) waiting.push_back(std::exchange(cell.receiver, nullptr));
      dropped.push_back(std::exchange(cell.message, Message()));
    }
  }
  for (Receiver& receiver : waiting) receiver(Message(), &error);
}

void Rendezvous::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (Cell& cell : cells_) cell = Cell();
  error_.reset();
}

}  // namespace penstock
