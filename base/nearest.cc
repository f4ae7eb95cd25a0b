#include "base/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace normlab {
namespace {

// Optimal string alignment distance. Rows are kept for two steps back, for the swap.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::string NearestWord(std::string_view word, const std::vector<std::string>& names) {
  // A longer word than any name of ours is no misspelling, and hostile input must not cost its square.
  constexpr std::size_t kLongest = 64;
  if (word.empty() || word.size() > kLongest) {
    return "";
  }
  std::string nearest;
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& name : names) {
    if (const std::size_t d = EditDistance(word, name); d < best) {
      best = d;
      nearest = name;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view nearest) {
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

}  // namespace normlab
