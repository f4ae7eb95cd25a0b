// text_fuzz.cc - any bytes must come out of the way from a text file to tokens as an error that names file and byte, or as
// text that is a book file and tokens that lost nothing but blanks and quotes.
#include "base/text.h"
#include "data/text/book_file.h"
#include "data/text/sentence_splitter.h"
#include "data/text/treebank.h"
#include "data/text/unicode.h"
#include "tests/fuzz/require.h"

namespace {

using normlab::Require;

std::size_t CountLetters(std::string_view text) {
  std::size_t letters = 0;
  for (const char c : text) {
    letters += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0 ? 1 : 0;
  }
  return letters;
}

void CheckTokens(const std::string& text) {
  const std::string typewriter = normlab::data::ToTypewriter(text);
  std::size_t in_sentences = 0, in_tokens = 0;
  for (const std::string_view sentence : normlab::data::SplitSentences(typewriter)) {
    Require(!sentence.empty());
    in_sentences += CountLetters(sentence);
  }
  for (const std::string& token : normlab::data::Tokenize(text)) {
    Require(!token.empty() && token.find_first_of(" \n\t") == std::string::npos);
    in_tokens += CountLetters(token);
  }
  Require(in_sentences == CountLetters(typewriter) && in_tokens == in_sentences);
}

void CheckBook(const std::string& text) {
  const normlab::data::Book book = normlab::data::ReadBook("title", text);
  std::size_t paragraphs = 0;
  for (const auto& chapter : book.chapters) {
    Require(!chapter.paragraphs.empty());
    paragraphs += chapter.paragraphs.size();
  }
  std::string content;
  AppendBook(book, content);
  const auto file = normlab::data::ParseBookFile(content, "fuzz");
  Require(file.ok() ? file->paragraphs.size() == paragraphs : paragraphs == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  Tokenize(bytes);
  const auto file = ParseBookFile(bytes, "fuzz");
  Require(file.ok() || normlab::Message(file.status()).find("fuzz: byte ") == 0);
  const auto text = ToNfc(bytes, "fuzz");
  if (!text.ok()) {
    Require(normlab::Message(text.status()).find("fuzz: byte ") == 0);
    return 0;
  }
  Require(!normlab::FirstBadUtf8(*text).has_value() && text->find('\r') == std::string::npos);
  Require(*ToNfc(*text, "fuzz") == *text || text->starts_with("\xEF\xBB\xBF"));
  CheckTokens(*text);
  CheckBook(*text);
  return 0;
}
