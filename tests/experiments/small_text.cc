#include "small_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"

namespace normlab {
namespace {

constexpr std::size_t kSubjects = 4, kSentencesOfOne = 12;

// A word of a subject, whose own are a quarter of all.
std::uint32_t WordOf(Rng& rng, std::size_t subject, std::size_t words) {
  const std::size_t own = (words - data::kFirstWord) / kSubjects;
  return static_cast<std::uint32_t>(data::kFirstWord + subject * own + rng.Below(own));
}

std::string TextOf(Rng& rng, std::size_t subject, std::size_t words, std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    text += fmt::format("{}w{}", i == 0 ? "" : " ", WordOf(rng, subject, words));
  }
  return text;
}

std::vector<data::SickPair> Pairs(Rng& rng, std::size_t count, std::size_t words) {
  std::vector<data::SickPair> pairs;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t a = rng.Below(kSubjects), b = rng.Below(2) == 0 ? a : rng.Below(kSubjects);
    pairs.push_back({.id = static_cast<std::int64_t>(i),
                     .a = TextOf(rng, a, words, 5),
                     .b = TextOf(rng, b, words, 5),
                     .relatedness = (a == b ? 4.0 : 1.5) + rng.Uniform()});
  }
  return pairs;
}

}  // namespace

SkipThoughtsData SmallText(std::size_t sentences, std::size_t words) {
  Rng rng(19, "small text");
  std::vector<std::string> names;
  for (std::size_t i = data::kFirstWord; i < words; ++i) {
    names.push_back(fmt::format("w{}", i));
  }
  SkipThoughtsData data{
      .vocabulary = data::Vocabulary(std::move(names)), .text = {}, .train = {}, .test = {}, .transfer = {}};
  data.text.begin.push_back(0);
  for (std::size_t i = 0; i < sentences; ++i) {
    const std::size_t length = 1 + rng.Below(7);
    for (std::size_t t = 0; t < length; ++t) {
      data.text.ids.push_back(WordOf(rng, i / kSentencesOfOne % kSubjects, words));
    }
    data.text.begin.push_back(data.text.ids.size());
    if (i > 0 && i + 1 < sentences) {
      (i < sentences - sentences / 10 ? data.train : data.test).push_back(static_cast<std::uint32_t>(i));
    }
  }
  for (int i = 0; i < 120; ++i) {
    const int label = i < 60 ? 0 : 1;
    data.transfer.sets["mr"].push_back(
        {.label = label, .text = TextOf(rng, static_cast<std::size_t>(label), words, 4)});
  }
  data.transfer.sick = data::SickData{
      .train = Pairs(rng, 80, words), .trial = Pairs(rng, 40, words), .test = Pairs(rng, 40, words), .sha256 = ""};
  return data;
}

}  // namespace normlab
