#include "proto/names.h"

#include <algorithm>
#include <cctype>

namespace normlab {

bool IsName(std::string_view name, bool slash) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.empty() || name.size() > 128 || !alphanumeric(name[0])) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return alphanumeric(c) || c == '.' || c == '_' || c == '-' || (slash && c == '/');
  });
}

bool IsMediaType(std::string_view text) {
  const auto named = [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '+';
    });
  };
  const std::size_t slash = text.find('/');
  return text.size() <= 128 && slash != text.npos && named(text.substr(0, slash)) && named(text.substr(slash + 1));
}

}  // namespace normlab
