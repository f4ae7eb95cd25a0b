// text.h - cutting foreign text to size.
#pragma once

#include <string>

namespace normlab::server {

// At most `size` bytes of `text` and then "...", never half a UTF-8 character: protobuf refuses to send those.
inline std::string CutText(std::string text, std::size_t size) {
  if (text.size() > size) {
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) {
      --size;
    }
    text.resize(size);
    text += "...";
  }
  return text;
}

}  // namespace normlab::server
