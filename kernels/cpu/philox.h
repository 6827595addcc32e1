// Philox 4x32, ten rounds: a counter-based random generator. A 64-bit key and a 128-bit
// counter give four 32-bit words; any counter may be asked for, so elements are made in
// parallel and a stream is a number.
#pragma once

#include <array>
#include <cstdint>

namespace penstock {

using Words = std::array<uint32_t, 4>;

inline Words philox_rounds(Words counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(a)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

// A place in a stream: the next counter value to use.
struct Philox {
  uint64_t key = 0;
  uint64_t low = 0, high = 0;

  // The words of the counter value that is `ahead` from here.
  Words at(uint64_t ahead) const {
    const uint64_t l = low + ahead, h = high + (l < low ? 1 : 0);
    return philox_rounds({static_cast<uint32_t>(l), static_cast<uint32_t>(l >> 32),
                          static_cast<uint32_t>(h), static_cast<uint32_t>(h >> 32)},
                         static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32));
  }
  void skip(uint64_t count) {
    low += count;
    high += low < count ? 1 : 0;
  }
};

}  // namespace penstock
