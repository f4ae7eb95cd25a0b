#include "data/text/book_file.h"

#include <fmt/format.h>

#include "base/text.h"
#include "data/handwriting/text_cursor.h"

namespace normlab::data {
namespace {

constexpr std::string_view kBook = "BOOK ", kChapter = "CHAPTER ", kText = "TEXT ";

void AppendLine(std::string_view word, std::string_view rest, std::string& file) {
  file += word;
  file += rest;
  file += '\n';
}

}  // namespace

void AppendBook(const Book& book, std::string& file) {
  AppendLine(kBook, OneLine(book.title, 200), file);
  for (const Chapter& chapter : book.chapters) {
    AppendLine(kChapter, chapter.heading, file);
    for (const std::string& paragraph : chapter.paragraphs) {
      AppendLine(kText, paragraph, file);
    }
  }
}

absl::StatusOr<BookFile> ParseBookFile(std::string_view content, std::string_view source) {
  if (const auto bad = FirstBadUtf8(content)) {
    return BadInput(source, *bad, "not UTF-8");
  }
  BookFile file;
  std::string_view title;
  bool in_book = false, in_chapter = false;  // whether the last of each has text yet
  TextCursor cursor(content, source);
  while (!cursor.AtEnd()) {
    const std::size_t at = cursor.offset();
    const std::string_view line = cursor.Line();
    if (line.starts_with(kBook)) {
      title = line.substr(kBook.size());
      in_book = in_chapter = false;
    } else if (line.starts_with(kChapter)) {
      in_chapter = false;
    } else if (line.starts_with(kText)) {
      if (!in_book) {
        file.titles.push_back(title);
        in_book = true;
      }
      if (!in_chapter) {
        file.book_of.push_back(static_cast<std::uint32_t>(file.titles.size() - 1));
        in_chapter = true;
      }
      file.paragraphs.push_back({line.substr(kText.size()), static_cast<std::uint32_t>(file.book_of.size() - 1)});
    } else {
      return cursor.At(at, fmt::format("{} begins neither with BOOK nor with CHAPTER nor with TEXT", Quoted(line)));
    }
  }
  if (file.paragraphs.empty()) {
    return BadInput(source, content.size(), "ends without any text");
  }
  return file;
}

}  // namespace normlab::data
