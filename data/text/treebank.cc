#include "data/text/treebank.h"

#include <algorithm>

#include "base/text.h"
#include "data/handwriting/text_cursor.h"
#include "data/text/sentence_splitter.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

// The rules are regular expressions of NLTK's TreebankWordTokenizer, quoted above the function that applies each to `in`, from
// left to right, and appends the result to `out`. White space is ASCII here, as ToTypewriter() makes it.

char At(std::string_view text, std::size_t i) { return i < text.size() ? text[i] : '\0'; }
bool IsOneOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void AppendApart(std::string_view token, std::string& out) {
  out += ' ';
  out += token;
  out += ' ';
}

// (``) -> ' \1 ', also for '...' and '--'
void SetApart(std::string_view token, std::string_view in, std::string& out) {
  for (std::size_t i = 0; i < in.size();) {
    const std::size_t found = std::min(in.find(token, i), in.size());
    out += in.substr(i, found - i);
    if (found < in.size()) {
      AppendApart(token, out);
    }
    i = found + token.size();
  }
}

// [;@#$%&] -> ' \g<0> ', also for other sets
void SetCharactersApart(std::string_view set, std::string_view in, std::string& out) {
  for (const char& c : in) {
    if (IsOneOf(c, set)) {
      AppendApart({&c, 1}, out);
    } else {
      out += c;
    }
  }
}

// ^\" -> '``'
void OpeningQuoteAtStart(std::string_view in, std::string& out) {
  out += in.starts_with('"') ? "``" : "";
  out += in.substr(in.starts_with('"') ? 1 : 0);
}

// ([ (\[{<])" -> '\1 `` '
void OpeningQuotes(std::string_view in, std::string& out) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] == '"' && i > 0 && IsOneOf(in[i - 1], " ([{<")) {
      out += " `` ";
    } else {
      out += in[i];
    }
  }
}

// ([:,])([^\d]) -> ' \1 \2', then ([:,])$ -> ' \1 '
void ColonsAndCommas(std::string_view in, std::string& out) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const char c = in[i];
    if (c != ':' && c != ',') {
      out += c;
    } else if (i + 1 == in.size()) {
      AppendApart({&c, 1}, out);
    } else {
      std::string_view rest = in.substr(i + 1);
      const bool digit = IsDigit(TakeCodePoint(rest));
      if (digit) {
        out += c;
        continue;
      }
      AppendApart({&c, 1}, out);
      const std::size_t next_size = in.size() - i - 1 - rest.size();
      const std::string_view next = in.substr(i + 1, next_size);
      i += next_size;
      // The character behind was taken with this one; at the very end the second rule still sees it.
      if (rest.empty() && (next == ":" || next == ",")) {
        AppendApart(next, out);
      } else {
        out += next;
      }
    }
  }
}

// ([^\.])(\.)([\]\)}>"\']*)\s*$ -> '\1 \2\3 '
void LastPeriod(std::string_view in, std::string& out) {
  std::size_t end = in.size();
  while (end > 0 && IsBlank(in[end - 1])) {
    --end;
  }
  std::size_t period = end;
  while (period > 0 && IsOneOf(in[period - 1], "])}>\"'")) {
    --period;
  }
  if (period < 2 || in[period - 1] != '.' || in[period - 2] == '.') {
    out += in;
    return;
  }
  out += in.substr(0, period - 1);
  out += ' ';
  out += in.substr(period - 1, end - period + 1);
  out += ' ';
}

// ([^'])'  -> "\1 ' " (the pattern ends with a blank)
void LoneApostrophes(std::string_view in, std::string& out) {
  std::size_t free = 0;  // what is before it was taken by the last match
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] == '\'' && i > free && in[i - 1] != '\'' && At(in, i + 1) == ' ') {
      out += " ' ";
      free = ++i + 1;
    } else {
      out += in[i];
    }
  }
}

// \" -> " '' ", then (\S)('') -> '\1 \2 '
void ClosingQuotes(std::string_view in, std::string& out) {
  std::size_t free = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] == '"') {
      out += " '' ";
      free = i + 1;
    } else if (in[i] == '\'' && At(in, i + 1) == '\'' && i > free && !IsBlank(in[i - 1])) {
      out += " '' ";
      free = ++i + 1;
    } else {
      out += in[i];
    }
  }
}

// The length of what matches ('[sS]|'[mM]|'[dD]|') or, if `long_ones`, ('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) at the start of
// `text` with a blank behind it; 0: nothing does.
std::size_t EndingAt(std::string_view text, bool long_ones) {
  if (long_ones) {
    for (const std::string_view ending : {"'ll", "'LL", "'re", "'RE", "'ve", "'VE", "n't", "N'T"}) {
      if (text.starts_with(ending) && At(text, ending.size()) == ' ') {
        return ending.size();
      }
    }
    return 0;
  }
  if (At(text, 0) != '\'') {
    return 0;
  }
  return IsOneOf(At(text, 1), "sSmMdD") && At(text, 2) == ' ' ? 2 : At(text, 1) == ' ' ? 1 : 0;
}

// ([^' ])('[sS]|'[mM]|'[dD]|')  -> '\1 \2 ' and the same of the long ones (each pattern ends with a blank)
void Endings(bool long_ones, std::string_view in, std::string& out) {
  std::size_t free = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::size_t size = i > free && in[i - 1] != '\'' && in[i - 1] != ' ' ? EndingAt(in.substr(i), long_ones) : 0;
    if (size > 0) {
      AppendApart(in.substr(i, size), out);
      i += size;
      free = i + 1;
    } else {
      out += in[i];
    }
  }
}

struct Contraction {
  std::string_view first, second;
  char before, after;  // a blank that is part of the pattern; 0: a boundary of words
};

// (?i)\b(can)(not)\b and the like -> ' \1 \2 '
constexpr Contraction kContractions[] = {
    {"can", "not", 0, 0}, {"d", "'ye", 0, 0},  {"gim", "me", 0, 0},   {"gon", "na", 0, 0},  {"got", "ta", 0, 0},
    {"lem", "me", 0, 0},  {"mor", "'n", 0, 0}, {"wan", "na", 0, ' '}, {"'t", "is", ' ', 0}, {"'t", "was", ' ', 0}};

bool BeginsLike(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) {
    return false;
  }
  for (std::size_t i = 0; i < lower.size(); ++i) {
    if (Lower(text[i]) != lower[i]) {
      return false;
    }
  }
  return true;
}

bool WordCharacterBefore(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && (static_cast<unsigned char>(text[--begin]) & 0xC0) == 0x80) {
  }
  std::string_view rest = text.substr(begin, at - begin);
  return !rest.empty() && IsWordCharacter(TakeCodePoint(rest));
}

bool WordCharacterAt(std::string_view text, std::size_t at) {
  std::string_view rest = text.substr(std::min(at, text.size()));
  return !rest.empty() && IsWordCharacter(TakeCodePoint(rest));
}

// Whether the contraction stands at byte `at`, its own blank in front not counted.
bool Matches(const Contraction& c, std::string_view text, std::size_t at) {
  const std::size_t end = at + c.first.size() + c.second.size();
  return BeginsLike(text.substr(at), c.first) && BeginsLike(text.substr(at + c.first.size()), c.second) &&
         (c.before != 0 ? at > 0 && text[at - 1] == c.before : !WordCharacterBefore(text, at)) &&
         (c.after != 0 ? At(text, end) == c.after : !WordCharacterAt(text, end));
}

void Contractions(std::string_view in, std::string& out) {
  for (std::size_t i = 0; i < in.size();) {
    const Contraction* found = nullptr;
    if (IsOneOf(Lower(in[i]), "cdglmw'")) {
      for (const Contraction& c : kContractions) {
        found = found == nullptr && Matches(c, in, i) ? &c : found;
      }
    }
    if (found == nullptr) {
      out += in[i++];
      continue;
    }
    AppendApart(in.substr(i, found->first.size()), out);
    i += found->first.size();
    AppendApart(in.substr(i, found->second.size()), out);
    i += found->second.size();
  }
}

}  // namespace

const std::vector<std::string_view>& Treebank::Split(std::string_view sentence) {
  text_ = sentence;
  const auto apply = [this](auto&& rule) {
    next_.clear();
    rule(text_, next_);
    text_.swap(next_);
  };
  const auto apart = [&](std::string_view token) {
    if (text_.find(token) != std::string::npos) {
      apply([&](std::string_view in, std::string& out) { SetApart(token, in, out); });
    }
  };
  const auto each_apart = [&](std::string_view set) {
    if (text_.find_first_of(set) != std::string::npos) {
      apply([&](std::string_view in, std::string& out) { SetCharactersApart(set, in, out); });
    }
  };
  apply(OpeningQuoteAtStart);
  apart("``");
  apply(OpeningQuotes);
  apply(ColonsAndCommas);
  apart("...");
  each_apart(";@#$%&");
  apply(LastPeriod);
  each_apart("?!");
  apply(LoneApostrophes);
  each_apart("][(){}<>");
  apart("--");
  text_.insert(0, 1, ' ');
  text_ += ' ';
  apply(ClosingQuotes);
  for (const bool long_ones : {false, true}) {
    apply([&](std::string_view in, std::string& out) { Endings(long_ones, in, out); });
  }
  apply(Contractions);
  tokens_.clear();
  for (auto at = text_.begin(); (at = std::find_if_not(at, text_.end(), IsBlank)) != text_.end();) {
    const auto end = std::find_if(at, text_.end(), IsBlank);
    tokens_.emplace_back(at, end);
    at = end;
  }
  return tokens_;
}

std::vector<std::string> Tokenize(std::string_view text) {
  const std::string typewriter = ToTypewriter(std::string(text));
  Treebank treebank;
  std::vector<std::string> tokens;
  for (const std::string_view sentence : SplitSentences(typewriter)) {
    const auto& words = treebank.Split(sentence);
    tokens.insert(tokens.end(), words.begin(), words.end());
  }
  return tokens;
}

}  // namespace normlab::data
