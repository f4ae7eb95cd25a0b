#include "data/text/corpus_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/crc32c.h"
#include "base/fs.h"

namespace normlab::data {
namespace {

// Rises with every change of the rules by which text becomes tokens, and of this form.
constexpr int kVersion = 1;

std::string Magic() { return fmt::format("normlab text corpus {}\n", kVersion); }

template <typename T>
std::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += line;
    text += '\n';
  }
  return text;
}

// Takes parts off the front of a file; after a part that is not there, nothing is.
class PartReader {
 public:
  explicit PartReader(std::string_view rest) : rest_(rest) {}

  std::string_view Take(std::uint64_t bytes) {
    ok_ = ok_ && bytes <= rest_.size();
    const std::string_view part = rest_.substr(0, ok_ ? static_cast<std::size_t>(bytes) : 0);
    rest_.remove_prefix(part.size());
    return part;
  }
  std::uint64_t Number() {
    std::uint64_t number = 0;
    if (const std::string_view bytes = Take(sizeof(number)); ok_) {
      std::memcpy(&number, bytes.data(), sizeof(number));
    }
    return number;
  }
  template <typename T>
  std::vector<T> Table() {
    const std::uint64_t count = Number();
    ok_ = ok_ && count <= rest_.size() / sizeof(T);
    std::vector<T> values(ok_ ? static_cast<std::size_t>(count) : 0);
    const std::string_view bytes = Take(values.size() * sizeof(T));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(values.data()));
    return values;
  }
  std::vector<std::string> Lines() {
    std::vector<std::string> lines;
    for (std::string_view text = Take(Number()); !text.empty();) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      lines.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
  }
  bool WholeAndRead() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// Begins of things that none is empty of, over `total` of what they are made of.
template <typename T>
bool IsTable(const std::vector<T>& begins, std::size_t total) {
  return begins.size() >= 2 && begins.front() == 0 && begins.back() == total &&
         std::adjacent_find(begins.begin(), begins.end(), std::greater_equal<>()) == begins.end();
}

bool IsConsistent(const TextCorpus& corpus) {
  const auto known = [&](std::uint32_t token) { return token < corpus.forms.size(); };
  return IsTable(corpus.sentence_begin, corpus.tokens.size()) && IsTable(corpus.chapter_begin, corpus.Sentences()) &&
         IsTable(corpus.book_begin, corpus.Chapters()) && corpus.titles.size() == corpus.Books() &&
         std::all_of(corpus.tokens.begin(), corpus.tokens.end(), known);
}

void AppendNumber(std::uint64_t number, std::string& out) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

}  // namespace

std::string CorpusCachePath(const std::string& folder, const std::string& sha256) {
  return fmt::format("{}/text-{}-{}.tokens", folder, sha256, kVersion);
}

std::string FormatCorpus(const TextCorpus& corpus) {
  const std::string forms = Joined(corpus.forms), titles = Joined(corpus.titles);
  std::string content = Magic();
  content.reserve(content.size() + forms.size() + titles.size() + 4 * corpus.tokens.size() +
                  8 * corpus.sentence_begin.size() + 4 * corpus.chapter_begin.size() + 4 * corpus.book_begin.size() +
                  256);
  const auto append_text = [&](std::string_view text) {
    AppendNumber(text.size(), content);
    content += text;
  };
  const auto append_table = [&](const auto& values) {
    AppendNumber(values.size(), content);
    content += BytesOf(values);
  };
  append_text(corpus.sha256);
  append_text(forms);
  append_text(titles);
  append_table(corpus.tokens);
  append_table(corpus.sentence_begin);
  append_table(corpus.chapter_begin);
  append_table(corpus.book_begin);
  AppendNumber(Crc32c(content), content);
  return content;
}

std::optional<TextCorpus> ParseCorpus(std::string_view content) {
  const std::string magic = Magic();
  if (content.size() < magic.size() + sizeof(std::uint64_t) || !content.starts_with(magic)) {
    return std::nullopt;
  }
  const std::string_view checked = content.substr(0, content.size() - sizeof(std::uint64_t));
  PartReader checksum(content.substr(checked.size()));
  if (checksum.Number() != Crc32c(checked)) {
    return std::nullopt;
  }
  PartReader reader(checked.substr(magic.size()));
  TextCorpus corpus;
  corpus.sha256 = reader.Take(reader.Number());
  corpus.forms = reader.Lines();
  corpus.titles = reader.Lines();
  corpus.tokens = reader.Table<std::uint32_t>();
  corpus.sentence_begin = reader.Table<std::uint64_t>();
  corpus.chapter_begin = reader.Table<std::uint32_t>();
  corpus.book_begin = reader.Table<std::uint32_t>();
  if (!reader.WholeAndRead() || !IsConsistent(corpus)) {
    return std::nullopt;
  }
  return corpus;
}

std::optional<TextCorpus> ReadCorpusCache(const std::string& folder, const std::string& sha256) {
  const absl::StatusOr<std::string> content = PosixFileSystem().Read(CorpusCachePath(folder, sha256));
  std::optional<TextCorpus> corpus = content.ok() ? ParseCorpus(*content) : std::nullopt;
  return corpus.has_value() && corpus->sha256 == sha256 ? std::move(corpus) : std::nullopt;
}

absl::Status WriteCorpusCache(const std::string& folder, const TextCorpus& corpus) {
  FileSystem& files = PosixFileSystem();
  NORMLAB_RETURN_IF_ERROR(files.MakeDirectories(folder));
  return files.AtomicWrite(CorpusCachePath(folder, corpus.sha256), FormatCorpus(corpus));
}

}  // namespace normlab::data
