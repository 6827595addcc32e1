// Writing PNG files: 8 bits for each channel, rows without filters, stored and not compressed.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

// The file of an image [height, width, channels]; 1 channel is grey, 3 red green blue, 2 and 4
// the same with opacity. Sizes are at least 1.
std::string png_file(const uint8_t* pixels, int64_t height, int64_t width, int64_t channels);

}  // namespace penstock
