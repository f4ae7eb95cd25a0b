// nearest.h - the word somebody probably meant, for "did you mean" in error messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normlab {

// The name nearest to `word` by edit distance (a swap of neighbours counts as one edit), the first of several; empty if
// none is near: more than a third of the word's letters would have to change.
std::string NearestWord(std::string_view word, const std::vector<std::string>& names);

// What an error message ends with: "; did you mean layer?", or nothing if `nearest` is empty.
std::string DidYouMean(std::string_view nearest);

}  // namespace normlab
