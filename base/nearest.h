// nearest.h - the word somebody probably meant, for "did you mean" in error messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normlab {

// The name nearest to `word` by edit distance (a swap of neighbours counts as one edit), the first of several; empty if
// none is near: more than a third of the word's letters would have to change.
std::string NearestWord(std::string_view word, const std::vector<std::string>& names);

}  // namespace normlab
