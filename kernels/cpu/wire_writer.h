// Protocol buffer messages written by hand: fields in the order of the calls, into a string.
// Fields that hold their default (zero, empty) are left out, as the format wants it of proto3.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

class WireWriter {
 public:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
    out_.push_back(static_cast<char>(value));
  }
  void put_int(int field, int64_t value) {
    tag(field, 0);
    varint(static_cast<uint64_t>(value));
  }
  void put_float(int field, float value) { fixed(field, value, 5); }
  void put_double(int field, double value) {
    if (value != 0) fixed(field, value, 1);
  }
  void put_bytes(int field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    out_.append(value);
  }
  // A packed list.
  void put_doubles(int field, const std::vector<double>& values) {
    const size_t bytes = values.size() * sizeof(double);
    put_bytes(field, {reinterpret_cast<const char*>(values.data()), bytes});
  }
  const std::string& bytes() const { return out_; }

 private:
  void tag(int field, unsigned type) { varint(static_cast<uint64_t>(field) << 3 | type); }
  template <class T>
  void fixed(int field, T value, unsigned type) {
    tag(field, type);
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out_.append(raw, sizeof(T));
  }

  std::string out_;
};

// Reads what a WireWriter wrote, or anybody else: field by field.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  // The next field; false at the end or, with `broken` set, where the bytes are no message.
  // `value` is the content of a length-delimited field, empty for the other kinds.
  bool next(int& field, std::string_view& value) {
    uint64_t key = 0, size = 0;
    if (broken_ || rest_.empty() || !varint(key)) return false;
    value = {};
    field = static_cast<int>(key >> 3);
    switch (key & 7) {
      case 0:
        return varint(size) && field > 0;
      case 1:
        return take(8, value) && field > 0;
      case 2:
        return varint(size) && take(size, value) && field > 0;
      case 5:
        return take(4, value) && field > 0;
      default:
        broken_ = true;
        return false;
    }
  }
  bool broken() const { return broken_; }

 private:
  bool varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return true;
    }
    broken_ = true;
    return false;
  }
  bool take(uint64_t count, std::string_view& value) {
    if (count > rest_.size()) {
      broken_ = true;
      return false;
    }
    value = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return true;
  }

  std::string_view rest_;
  bool broken_ = false;
};

}  // namespace penstock
