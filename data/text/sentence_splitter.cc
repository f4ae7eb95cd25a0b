#include "data/text/sentence_splitter.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "data/handwriting/text_cursor.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

// Each list is sorted: it is searched by halves.

// A name follows.
constexpr std::string_view kTitles[] = {"adm", "brig", "capt",  "cmdr", "col",  "dr",  "esq",    "fr",   "gen",
                                        "gov", "hon",  "lieut", "lt",   "madm", "maj", "messrs", "mgr",  "mlle",
                                        "mm",  "mme",  "mr",    "mrs",  "ms",   "mt",  "pres",   "prof", "rep",
                                        "rev", "sen",  "sergt", "sgt",  "st",   "ste", "supt"};

// May end a sentence or not.
constexpr std::string_view kAbbreviations[] = {
    "abbr", "apr",  "art", "aug", "ave", "bros",  "cf",   "ch",  "chap", "co",   "corp", "cwt", "dec", "dept", "ed",
    "est",  "etc",  "feb", "ff",  "fig", "fri",   "ft",   "hr",  "hrs",  "ibid", "inc",  "jan", "jr",  "jun",  "lb",
    "lbs",  "ltd",  "mar", "mon", "mss", "no",    "nos",  "nov", "oct",  "op",   "oz",   "pp",  "pt",  "rd",   "sat",
    "sec",  "sept", "seq", "sr",  "sun", "thurs", "tues", "viz", "vol",  "vols", "vs",   "wed", "wm",  "yr",   "yrs"};

// In lower case: words that begin sentences far more often than they are parts of names.
constexpr std::string_view kStarters[] = {
    "a",     "after", "all",  "an",   "and",     "another", "as",  "at",   "but",  "by",   "did",  "do",    "every",
    "for",   "from",  "had",  "has",  "have",    "he",      "her", "here", "his",  "how",  "i",    "if",    "in",
    "is",    "it",    "its",  "let",  "many",    "most",    "my",  "no",   "nor",  "not",  "now",  "oh",    "on",
    "once",  "one",   "or",   "our",  "perhaps", "she",     "so",  "some", "such", "that", "the",  "their", "then",
    "there", "these", "they", "this", "those",   "though",  "to",  "was",  "we",   "well", "what", "when",  "where",
    "which", "while", "who",  "why",  "with",    "yes",     "yet", "you",  "your"};

template <std::size_t n>
bool IsInSorted(const std::string_view (&sorted)[n], std::string_view word) {
  return std::binary_search(std::begin(sorted), std::end(sorted), word);
}

constexpr std::string_view kEnders = ".?!";
constexpr std::string_view kClosers = "\"')]}";
constexpr std::string_view kOpeners = "\"'`([{";

bool IsOneOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

char32_t FirstOf(std::string_view text) { return text.empty() ? U' ' : TakeCodePoint(text); }

// The word that ends where `before` does, without what is joined to its front by quotes, brackets, dashes or hyphens.
std::string_view LastWord(std::string_view before) {
  std::size_t begin = before.size();
  while (begin > 0 && !IsBlank(before[begin - 1]) && before[begin - 1] != '-' &&
         !IsOneOf(before[begin - 1], kOpeners)) {
    --begin;
  }
  return before.substr(begin);
}

// The word that begins `after`, behind opening quotes and brackets; up to the next blank.
std::string_view NextWord(std::string_view after) {
  while (!after.empty() && (IsBlank(after.front()) || IsOneOf(after.front(), kOpeners))) {
    after.remove_prefix(1);
  }
  return after.substr(0, std::find_if(after.begin(), after.end(), IsBlank) - after.begin());
}

// "The", "He," but not "A." of "A. Smith".
bool BeginsSentences(std::string_view word) {
  if (!IsUpperCase(FirstOf(word))) {
    return false;
  }
  const std::size_t end = std::min(word.find_first_of(".,;:'-"), word.size());
  return word.substr(end, 1) != "." && IsInSorted(kStarters, ToLower(word.substr(0, end)));
}

// One letter, except the pronoun.
bool IsInitial(std::string_view word) {
  std::string_view rest = word;
  return IsUpperCase(FirstOf(word)) && word != "I" && (TakeCodePoint(rest), rest.empty());
}

// "U.S", "a.m", "i.e": single letters with periods between.
bool HasPeriodsInside(std::string_view word) {
  bool letter_next = true;
  for (std::string_view rest = word; !rest.empty();) {
    const char32_t c = TakeCodePoint(rest);
    if (letter_next != (c != U'.') || (letter_next && !IsUpperCase(c) && !IsLowerCase(c))) {
      return false;
    }
    letter_next = !letter_next;
  }
  return word.size() > 1 && !letter_next;
}

// Whether a sentence ends with a run of periods between `before` and `after`, which begins with white space.
bool PeriodEnds(std::string_view before, std::size_t periods, std::string_view after) {
  const std::string_view word = LastWord(before), next = NextWord(after);
  const char32_t first = FirstOf(next);
  if (periods > 1 || word.empty() || IsDigit(FirstOf(word))) {
    return !IsLowerCase(first) && first != U'.';  // ". . ." is one ellipsis
  }
  const std::string lower = ToLower(word);
  if (IsInSorted(kTitles, lower)) {
    return false;
  }
  if (IsInSorted(kAbbreviations, lower) || IsInitial(word) || HasPeriodsInside(word)) {
    return BeginsSentences(next);
  }
  return true;
}

}  // namespace

std::vector<std::string_view> SplitSentences(std::string_view paragraph) {
  std::vector<std::string_view> sentences;
  std::size_t begin = 0;
  const auto end_at = [&](std::size_t end) {
    if (const std::string_view sentence = Trim(paragraph.substr(begin, end - begin)); !sentence.empty()) {
      sentences.push_back(sentence);
    }
    begin = end;
  };
  for (std::size_t at = paragraph.find_first_of(kEnders); at < paragraph.size();
       at = paragraph.find_first_of(kEnders, at)) {
    const std::size_t run = at;
    bool only_periods = true;
    for (; at < paragraph.size() && IsOneOf(paragraph[at], kEnders); ++at) {
      only_periods = only_periods && paragraph[at] == '.';
    }
    const std::size_t periods = at - run;
    while (at < paragraph.size() && IsOneOf(paragraph[at], kClosers)) {
      ++at;
    }
    if (at < paragraph.size() && IsBlank(paragraph[at]) &&
        (!only_periods || PeriodEnds(paragraph.substr(begin, run - begin), periods, paragraph.substr(at)))) {
      end_at(at);
    }
  }
  end_at(paragraph.size());
  return sentences;
}

}  // namespace normlab::data
