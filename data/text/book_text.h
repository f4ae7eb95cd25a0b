// book_text.h - a plain text of a book, as people keep it, as chapters of paragraphs.
//
//   - What Project Gutenberg puts around a text, between its "*** START OF" and "*** END OF" lines and the ends of the
//     file, is no part of the book.
//   - A paragraph is a line, if most of the text stands in long lines; else paragraphs are lines between empty ones.
//   - A short paragraph that reads like "CHAPTER IV.", "Book the First", "12" or "XII. A STORM" begins a chapter; so does a
//     line of a paragraph, behind the end of a sentence.
//   - Paragraphs without a letter or digit (rows of stars) are left out, and the underscores that stand for italics.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normlab::data {

struct Chapter {
  std::string heading;                  // empty: the text begins without one
  std::vector<std::string> paragraphs;  // typewriter form (unicode.h), one blank between words
};

struct Book {
  std::string title;
  std::vector<Chapter> chapters;  // each with a paragraph; none: there is no text
};

// `text` in NFC. The title is the caller's.
Book ReadBook(std::string title, std::string_view text);

}  // namespace normlab::data
