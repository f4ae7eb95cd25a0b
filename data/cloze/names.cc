#include "data/cloze/names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

constexpr std::int32_t kLeastInside = 3, kTimesSmall = 10;

// What begins with a capital before a name, or in place of one.
constexpr std::array<std::string_view, 28> kTitles = {
    "Mr",      "Mr.",   "Mrs",  "Mrs.",  "Ms.",    "Miss",   "Messrs.",      "Dr",       "Dr.",    "Doctor",
    "Sir",     "Lady",  "Lord", "Lords", "Madam",  "Madame", "Mademoiselle", "Monsieur", "Master", "Captain",
    "Colonel", "Major", "St.",  "God",   "Heaven", "Aunt",   "Uncle",        "Rev."};

// A capital, and then nothing but small letters.
bool IsCapitalised(std::string_view form) {
  if (!IsUpperCase(TakeCodePoint(form)) || form.empty()) {
    return false;
  }
  while (!form.empty()) {
    if (!IsLowerCase(TakeCodePoint(form))) {
      return false;
    }
  }
  return true;
}

bool IsTitle(std::string_view form) { return std::find(kTitles.begin(), kTitles.end(), form) != kTitles.end(); }

constexpr std::uint32_t kNoForm = 0xffffffff;

}  // namespace

NameFinder::NameFinder(const TextCorpus& corpus)
    : corpus_(corpus),
      small_(corpus.forms.size()),
      opens_quotation_(corpus.forms.size()),
      inside_(corpus.forms.size()),
      all_(corpus.forms.size()),
      names_(corpus.forms.size()) {
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  for (std::uint32_t form = 0; form < corpus.forms.size(); ++form) {
    numbers[corpus.forms[form]] = form;
  }
  for (std::uint32_t form = 0; form < corpus.forms.size(); ++form) {
    const std::string& text = corpus.forms[form];
    opens_quotation_[form] = text == "``" || text == "`" || text == "\"";
    small_[form] = form;
    if (IsCapitalised(text) && !IsTitle(text)) {
      const auto found = numbers.find(ToLower(text));
      small_[form] = found == numbers.end() ? kNoForm : found->second;
    }
  }
}

void NameFinder::Count(std::span<const std::uint32_t> sentence) {
  bool first = true;
  for (const std::uint32_t form : sentence) {
    ++all_[form];
    inside_[form] += first ? 0 : 1;
    first = opens_quotation_[form];
  }
}

const std::vector<bool>& NameFinder::Find(std::size_t begin, std::size_t end) {
  std::fill(inside_.begin(), inside_.end(), 0);
  std::fill(all_.begin(), all_.end(), 0);
  for (std::size_t sentence = begin; sentence < end; ++sentence) {
    Count(corpus_.Sentence(sentence));
  }
  for (std::uint32_t form = 0; form < small_.size(); ++form) {
    const std::uint32_t small = small_[form];
    const std::int32_t in_small_letters = small == kNoForm ? 0 : all_[small];
    names_[form] = small != form && inside_[form] >= kLeastInside && inside_[form] >= kTimesSmall * in_small_letters;
  }
  return names_;
}

}  // namespace normlab::data
