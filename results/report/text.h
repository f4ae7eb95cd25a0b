// text.h - terminal columns of UTF-8 text: how wide it is, padding, wrapping.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normlab::report {

// Columns a terminal gives the text: combining marks 0, East Asian wide characters and emoji 2, broken bytes 1 each.
int Width(std::string_view utf8);

enum class Align { kLeft, kRight };
std::string Pad(std::string_view utf8, int width, Align align);

// Lines of at most `width` columns, broken at blanks; a longer word stands alone.
std::vector<std::string> Wrap(std::string_view utf8, int width);

// Control characters and broken bytes replaced by U+FFFD: what comes from a user's manifest must not steer a terminal.
std::string Printable(std::string_view utf8);

}  // namespace normlab::report
