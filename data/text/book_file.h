// book_file.h - the imported form of books: one text file, every paragraph a line.
//
//   BOOK <title>
//   CHAPTER <heading, may be empty>
//   TEXT <paragraph>
//
// Input may be hostile; each error is kDataLoss with file and byte offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/text/book_text.h"

namespace normlab::data {

// Appends `book`, which has text.
void AppendBook(const Book& book, std::string& file);

// A book file taken apart; the parts are of its content. Books and chapters without text are not in it.
struct BookFile {
  struct Paragraph {
    std::string_view text;
    std::uint32_t chapter;
  };
  std::vector<std::string_view> titles;  // by book
  std::vector<std::uint32_t> book_of;    // by chapter
  std::vector<Paragraph> paragraphs;
};
absl::StatusOr<BookFile> ParseBookFile(std::string_view content, std::string_view source);

}  // namespace normlab::data
