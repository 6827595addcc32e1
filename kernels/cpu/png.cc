// The smallest writer of PNG: chunks with their checksums, and a zlib stream of stored blocks.
#include "cpu/png.h"

#include <algorithm>
#include <array>

namespace penstock {
namespace {

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

// CRC-32 with the polynomial of PNG, least bit first.
uint32_t crc32(const std::string& bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> t = {};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = (c & 1u) ? 0xEDB88320u ^ (c >> 1) : c >> 1;
      t[i] = c;
    }
    return t;
  }();
  uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes)
    crc = table[(crc ^ static_cast<uint8_t>(byte)) & 0xFFu] ^ (crc >> 8);
  return ~crc;
}

uint32_t adler32(const std::string& bytes) {
  uint32_t a = 1, b = 0;
  for (const char byte : bytes) {
    a = (a + static_cast<uint8_t>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

std::string chunk(const std::string& kind, const std::string& data) {
  const std::string body = kind + data;
  return big_endian(static_cast<uint32_t>(data.size())) + body + big_endian(crc32(body));
}

// A zlib stream whose blocks are not compressed.
std::string stored(const std::string& data) {
  constexpr size_t kBlock = 65535;
  std::string out = "\x78\x01";
  for (size_t at = 0; at < data.size() || at == 0; at += kBlock) {
    const size_t size = std::min(kBlock, data.size() - at);
    const auto low = static_cast<char>(size & 0xFFu), high = static_cast<char>(size >> 8);
    out += static_cast<char>(at + size == data.size() ? 1 : 0);
    out += {low, high, static_cast<char>(~low), static_cast<char>(~high)};
    out.append(data, at, size);
  }
  return out + big_endian(adler32(data));
}

}  // namespace

std::string png_file(const uint8_t* pixels, int64_t height, int64_t width, int64_t channels) {
  constexpr char kColors[] = {0, 0, 4, 2, 6};  // the kind of colour by the number of channels
  std::string rows;
  const int64_t row = width * channels;
  for (int64_t y = 0; y < height; ++y) {
    rows += '\0';  // no filter
    rows.append(reinterpret_cast<const char*>(pixels + y * row), static_cast<size_t>(row));
  }
  std::string header =
      big_endian(static_cast<uint32_t>(width)) + big_endian(static_cast<uint32_t>(height));
  header += {8, kColors[channels], 0, 0, 0};
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", stored(rows)) +
         chunk("IEND", "");
}

}  // namespace penstock
