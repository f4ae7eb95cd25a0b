#include "client/commands/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_split.h"
#include "base/parse_number.h"

namespace normlab::client {
namespace {

constexpr std::uint64_t kMaxSeeds = 1000;  // what one BatchCreateJobs takes

}  // namespace

std::vector<std::uint64_t> ParseSeeds(const std::string& text, std::vector<FieldViolation>& violations) {
  std::vector<std::uint64_t> seeds;
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  for (const std::string& part : parts) {
    const std::size_t dash = part.find('-');
    const auto first = ParseWhole<std::uint64_t>(part.substr(0, dash));
    const auto last = dash == std::string::npos ? first : ParseWhole<std::uint64_t>(part.substr(dash + 1));
    if (!first || !last || *last < *first) {
      violations.push_back(
          {"--seeds", fmt::format("is {}; expected numbers and ranges such as 1-6 or 1,3,10-12", text)});
      return {};
    }
    if (*last - *first >= kMaxSeeds || seeds.size() + (*last - *first) >= kMaxSeeds) {
      violations.push_back({"--seeds", fmt::format("is {}; expected at most {} seeds", text, kMaxSeeds)});
      return {};
    }
    for (std::uint64_t more = 0; more <= *last - *first; ++more) {  // a seed itself may be the largest there is
      if (std::find(seeds.begin(), seeds.end(), *first + more) == seeds.end()) {
        seeds.push_back(*first + more);
      }
    }
  }
  return seeds;
}

std::map<std::string, std::string> ParseLabels(const std::vector<std::string>& labels,
                                               std::vector<FieldViolation>& violations) {
  std::map<std::string, std::string> result;
  for (const std::string& label : labels) {
    const std::size_t equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      violations.push_back({"--label", fmt::format("is {}; expected KEY=VALUE", label)});
    } else if (!result.emplace(label.substr(0, equals), label.substr(equals + 1)).second) {
      violations.push_back({"--label", fmt::format("gives {} twice", label.substr(0, equals))});
    }
  }
  return result;
}

std::vector<Pairs> ExpandGrid(const Pairs& fields) {
  std::vector<Pairs> grid = {{}};
  for (const auto& [name, values] : fields) {
    std::vector<std::string> choices;
    for (const std::string& choice : std::vector<std::string>(absl::StrSplit(values, ','))) {
      if (std::find(choices.begin(), choices.end(), choice) == choices.end()) {
        choices.push_back(choice);
      }
    }
    std::vector<Pairs> next;
    for (const Pairs& pairs : grid) {
      for (const std::string& choice : choices) {
        next.push_back(pairs);
        next.back().emplace_back(name, choice);
      }
    }
    grid = std::move(next);
  }
  return grid;
}

Pairs ParseExtras(const std::vector<std::string>& extras, std::vector<FieldViolation>& violations) {
  Pairs pairs;
  for (std::size_t i = 0; i < extras.size(); ++i) {
    const std::string& word = extras[i];
    if (word.rfind("--", 0) != 0) {
      violations.push_back({word, "is not expected here; fields are given as --name value"});
      continue;
    }
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
      pairs.emplace_back(word.substr(2, equals - 2), word.substr(equals + 1));
    } else if (i + 1 < extras.size() && extras[i + 1].rfind("--", 0) != 0) {
      pairs.emplace_back(word.substr(2), extras[++i]);
    } else {
      pairs.emplace_back(word.substr(2), "");
    }
  }
  return pairs;
}

}  // namespace normlab::client
