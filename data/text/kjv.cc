#include "data/text/kjv.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "data/handwriting/text_cursor.h"
#include "data/text/book_file.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

constexpr std::string_view kMagic = "EC02Compressed Data File";
constexpr std::size_t kSizesAt = 84, kOffsetsAt = 92, kNumberBytes = 4;
constexpr std::uint32_t kMostWindowBytes = 1 << 20;
constexpr std::string_view kCompressHeader = "\x1f\x9d\x90";  // codes of up to 16 bits, in blocks

std::uint32_t NumberAt(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

// At most `most` bytes of what `packed`, with its header, holds; one byte more shows that there are more.
absl::StatusOr<std::string> Uncompress(std::string_view packed, std::size_t most) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), &archive_read_free);
  archive_read_support_filter_compress(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  std::string out(most + 1, '\0');
  std::size_t size = 0;
  la_ssize_t got = -1;
  if (archive_read_open_memory(reader.get(), packed.data(), packed.size()) == ARCHIVE_OK &&
      archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    while (size < out.size() && (got = archive_read_data(reader.get(), out.data() + size, out.size() - size)) > 0) {
      size += static_cast<std::size_t>(got);
    }
  }
  if (got < 0) {
    const char* why = archive_error_string(reader.get());
    return absl::DataLossError(why != nullptr ? why : "cannot be unpacked");
  }
  out.resize(size);
  return out;
}

struct Verse {
  std::string_view book, chapter, text;
};

// "1Sm17:4 And there went out ..."; no book: not a verse.
Verse ParseVerse(std::string_view line) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::size_t colon = line.find(':'), blank = line.find(' ');
  if (colon == std::string_view::npos || blank == std::string_view::npos || colon > blank || colon + 1 == blank) {
    return {};
  }
  std::size_t chapter = colon;
  while (chapter > 0 && is_digit(line[chapter - 1])) {
    --chapter;
  }
  const std::string_view verse = line.substr(colon + 1, blank - colon - 1);
  if (chapter == 0 || chapter == colon || !std::all_of(verse.begin(), verse.end(), is_digit)) {
    return {};
  }
  return {line.substr(0, chapter), line.substr(chapter, colon - chapter), Trim(line.substr(blank))};
}

}  // namespace

absl::StatusOr<std::string> UnpackBible(std::string_view bytes, std::string_view source) {
  if (!bytes.starts_with(kMagic) || bytes.size() < kOffsetsAt) {
    return BadInput(source, 0, fmt::format("does not begin with '{}'", kMagic));
  }
  const std::uint32_t window_bytes = NumberAt(bytes, kSizesAt), windows = NumberAt(bytes, kSizesAt + kNumberBytes);
  if (window_bytes == 0 || window_bytes > kMostWindowBytes) {
    return BadInput(source, kSizesAt,
                    fmt::format("windows of {} bytes; expected 1 to {}", window_bytes, kMostWindowBytes));
  }
  if (windows >= (bytes.size() - kOffsetsAt) / kNumberBytes) {
    return BadInput(source, kSizesAt + kNumberBytes,
                    fmt::format("{} windows, more than the file has room for", windows));
  }
  std::string text;
  for (std::uint32_t i = 0; i < windows; ++i) {
    const std::size_t entry = kOffsetsAt + i * kNumberBytes;
    const std::size_t begin = NumberAt(bytes, entry), end = NumberAt(bytes, entry + kNumberBytes);
    if (begin > end || end > bytes.size()) {
      return BadInput(source, entry, fmt::format("a window from {} to {} of {} bytes", begin, end, bytes.size()));
    }
    const std::string packed = std::string(kCompressHeader).append(bytes.substr(begin, end - begin));
    const absl::StatusOr<std::string> window = Uncompress(packed, window_bytes);
    if (!window.ok()) {
      return BadInput(source, begin, Message(window.status()));
    }
    if (window->size() > window_bytes || (window->size() < window_bytes && i + 1 < windows)) {
      return BadInput(source, begin, fmt::format("a window that does not hold {} bytes", window_bytes));
    }
    text += *window;
  }
  return text;
}

absl::StatusOr<std::string> VersesToBookFile(std::string_view text, std::string_view source) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string nfc, ToNfc(text, source));
  TextCursor cursor(nfc, source);
  cursor.Line();  // the title
  std::string file;
  Book book;
  const auto end_book = [&] {
    if (!book.chapters.empty()) {
      AppendBook(book, file);
    }
  };
  while (!cursor.AtEnd()) {
    const std::size_t at = cursor.offset();
    const std::string_view line = cursor.Line();
    const Verse verse = ParseVerse(line);
    if (verse.book.empty() || verse.text.empty()) {
      return cursor.At(at, fmt::format("{} is no verse; expected like 'Ge1:1 In the beginning'", Quoted(line)));
    }
    if (book.title != verse.book) {
      end_book();
      book = {.title = std::string(verse.book), .chapters = {}};
    }
    if (book.chapters.empty() || book.chapters.back().heading != verse.chapter) {
      book.chapters.push_back({std::string(verse.chapter), {}});
    }
    book.chapters.back().paragraphs.emplace_back(verse.text);
  }
  end_book();
  if (file.empty()) {
    return BadInput(source, text.size(), "ends without a verse");
  }
  return file;
}

}  // namespace normlab::data
