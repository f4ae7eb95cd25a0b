#include "data/text/book_text.h"

#include <algorithm>

#include "base/text.h"
#include "data/handwriting/text_cursor.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

constexpr std::size_t kLongLine = 100;       // longer than wrapped text has them
constexpr std::size_t kLongestHeading = 80;  // bytes
constexpr std::size_t kLongestHeadingInText = 40;
constexpr std::string_view kSentenceEnds = ".?!\"')";
constexpr std::string_view kDivisions[] = {"act",   "book",    "canto", "chapter", "letter", "part",
                                           "scene", "section", "stave", "vol",     "volume"};
constexpr std::string_view kNumberWords[] = {
    "one",        "two",        "three",     "four",       "five",       "six",       "seven",     "eight",
    "nine",       "ten",        "eleven",    "twelve",     "first",      "second",    "third",     "fourth",
    "fifth",      "sixth",      "seventh",   "eighth",     "ninth",      "tenth",     "eleventh",  "twelfth",
    "thirteen",   "fourteen",   "fifteen",   "sixteen",    "seventeen",  "eighteen",  "nineteen",  "twenty",
    "thirty",     "forty",      "fifty",     "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth", "the",        "last"};
constexpr std::string_view kAlone[] = {"prologue", "epilogue", "preface", "introduction", "conclusion", "finis"};

template <std::size_t n>
bool IsIn(const std::string_view (&list)[n], std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

// The lines between Project Gutenberg's own, or all of `text`.
std::string_view WithoutGutenberg(std::string_view text) {
  std::size_t begin = 0, end = text.size();
  TextCursor cursor(text, "");
  while (!cursor.AtEnd()) {
    const std::size_t at = cursor.offset();
    const std::string_view line = Trim(cursor.Line());
    const bool gutenberg = line.find("PROJECT GUTENBERG") != std::string_view::npos ||
                           line.find("Project Gutenberg") != std::string_view::npos;
    if (line.starts_with("*END") && line.find("SMALL PRINT") != std::string_view::npos) {
      begin = cursor.offset();
    } else if (gutenberg && line.starts_with("***") && line.find("START OF") != std::string_view::npos) {
      begin = cursor.offset();
    } else if (gutenberg && at > begin &&
               ((line.starts_with("***") && line.find("END OF") != std::string_view::npos) ||
                line.starts_with("End of the Project Gutenberg") || line.starts_with("End of Project Gutenberg"))) {
      end = at;
      break;
    }
  }
  return text.substr(begin, end - begin);
}

bool HasLongLines(std::string_view text) {
  std::size_t in_long = 0;
  TextCursor cursor(text, "");
  while (!cursor.AtEnd()) {
    const std::size_t size = cursor.Line().size();
    in_long += size > kLongLine ? size : 0;
  }
  return in_long > text.size() / 2;
}

// Words with one blank between. "_So_," is in italics: its underscores go.
void AppendWords(std::string_view line, std::string& out) {
  TextCursor cursor(line, "");
  for (std::string_view word = cursor.Word(); !word.empty(); word = cursor.Word()) {
    const std::size_t first = word.find_first_not_of("_\"'`([-"), last = word.find_last_not_of("_.,;:!?'\")]-");
    std::string bare;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (word[i] != '_' || (first != std::string_view::npos && i > first && i < last)) {
        bare += word[i];
      }
    }
    out += out.empty() || bare.empty() ? "" : " ";
    out += bare;
  }
}

bool HasWords(std::string_view text) {
  while (!text.empty()) {
    if (const char32_t c = TakeCodePoint(text); IsWordCharacter(c) && c != U'_') {
      return true;
    }
  }
  return false;
}

// "12", "XII"
bool IsNumeral(std::string_view word) {
  return !word.empty() && (word.find_first_not_of("0123456789") == std::string_view::npos ||
                           word.find_first_not_of("IVXLC") == std::string_view::npos);
}

// "THIRD", "Twenty-One", and "the" of "Book the Third".
bool IsNumberWord(std::string_view word) { return IsIn(kNumberWords, ToLower(word.substr(0, word.find('-')))); }

bool HasLowerCase(std::string_view text) {
  while (!text.empty()) {
    if (IsLowerCase(TakeCodePoint(text))) {
      return true;
    }
  }
  return false;
}

std::string_view WithoutPunctuation(std::string_view word) {
  return word.substr(0, word.find_last_not_of(".,:;-") + 1);
}

bool IsHeading(std::string_view paragraph) {
  if (paragraph.empty() || paragraph.size() > kLongestHeading) {
    return false;
  }
  TextCursor cursor(paragraph, "");
  const std::string_view marked = cursor.Word(), first = WithoutPunctuation(marked);
  const std::string_view second = WithoutPunctuation(cursor.Word());
  if (IsUpperCase(static_cast<unsigned char>(first.empty() ? ' ' : first.front())) &&
      IsIn(kDivisions, ToLower(first))) {
    return IsNumeral(second) || IsNumberWord(second);  // "Part of the plan failed." is text
  }
  if (IsNumeral(first)) {
    return second.empty() || (marked.ends_with('.') && !HasLowerCase(paragraph));
  }
  return second.empty() && IsIn(kAlone, ToLower(first));
}

class BookBuilder {
 public:
  explicit BookBuilder(Book& book) : book_(book) {}

  void AddLine(std::string_view line) {
    AppendWords(line, paragraph_);
    is_title_ = is_title_ && !HasLowerCase(line);
  }

  // Wrapped text may have no empty line, not even around its headings: they follow titles or the end of a sentence.
  bool IsHeadingInText(std::string_view line) const {
    const bool may_follow = is_title_ || kSentenceEnds.find(paragraph_.back()) != std::string_view::npos;
    return line.size() <= kLongestHeadingInText && may_follow && IsHeading(line);
  }

  void EndParagraph() {
    if (HasWords(paragraph_)) {
      if (IsHeading(paragraph_)) {
        heading_ = std::move(paragraph_);
        begins_ = true;
      } else {
        if (begins_) {
          book_.chapters.push_back({std::move(heading_), {}});
          heading_.clear();
          begins_ = false;
        }
        book_.chapters.back().paragraphs.push_back(std::move(paragraph_));
      }
    }
    paragraph_.clear();
    is_title_ = true;
  }

 private:
  Book& book_;
  std::string paragraph_, heading_;
  bool is_title_ = true;  // paragraph_ is empty or in capitals
  bool begins_ = true;    // a chapter, with the next paragraph
};

}  // namespace

Book ReadBook(std::string title, std::string_view text) {
  Book book{.title = std::move(title), .chapters = {}};
  const std::string typewriter = ToTypewriter(std::string(WithoutGutenberg(text)));
  const bool long_lines = HasLongLines(typewriter);
  BookBuilder builder(book);
  TextCursor cursor(typewriter, "");
  while (!cursor.AtEnd()) {
    const std::string_view line = Trim(cursor.Line());
    const bool heading = builder.IsHeadingInText(line);
    if (heading) {
      builder.EndParagraph();
    }
    builder.AddLine(line);
    if (heading || long_lines || line.empty()) {
      builder.EndParagraph();
    }
  }
  builder.EndParagraph();
  return book;
}

}  // namespace normlab::data
