#include "data/text/text_corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "base/log.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "data/locate.h"
#include "data/text/book_file.h"
#include "data/text/corpus_cache.h"
#include "data/text/sentence_splitter.h"
#include "data/text/treebank.h"

namespace normlab::data {
namespace {

// Work is cut by the text alone, so that any number of threads does the same. A wave bounds what is held twice.
constexpr std::size_t kPieceBytes = std::size_t{1} << 17;
constexpr std::size_t kPiecesOfWave = 32;
constexpr std::uint64_t kSplitSeed = 1;  // of the data set, not of a job: every job is judged on the same sentences

// Numbers strings in the order in which they are met.
class FormTable {
 public:
  std::uint32_t Number(std::string_view form) {
    const auto found = numbers_.find(form);
    if (found != numbers_.end()) {
      return found->second;
    }
    forms_.emplace_back(form);
    const auto number = static_cast<std::uint32_t>(forms_.size() - 1);
    numbers_.emplace(forms_.back(), number);
    return number;
  }
  const std::deque<std::string>& forms() const { return forms_; }

 private:
  std::deque<std::string> forms_;  // stay where they are
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
};

// What becomes of some paragraphs in a row.
struct Piece {
  struct Sentence {
    std::uint32_t chapter, words;
  };
  std::span<const BookFile::Paragraph> paragraphs;
  FormTable forms;
  std::vector<std::uint32_t> tokens;
  std::vector<Sentence> sentences;
};

void TokenizePiece(Piece& piece) {
  Treebank treebank;
  for (const BookFile::Paragraph& paragraph : piece.paragraphs) {
    for (const std::string_view sentence : SplitSentences(paragraph.text)) {
      const std::vector<std::string_view>& words = treebank.Split(sentence);
      for (const std::string_view word : words) {
        piece.tokens.push_back(piece.forms.Number(word));
      }
      piece.sentences.push_back({paragraph.chapter, static_cast<std::uint32_t>(words.size())});
    }
  }
}

// Puts pieces together in their order.
class CorpusBuilder {
 public:
  CorpusBuilder(const BookFile& file, std::size_t bytes) : file_(file) { corpus_.tokens.reserve(bytes / 4); }

  void Add(const Piece& piece) {
    std::vector<std::uint32_t> numbers;
    for (const std::string& form : piece.forms.forms()) {
      numbers.push_back(forms_.Number(form));
    }
    for (const std::uint32_t token : piece.tokens) {
      corpus_.tokens.push_back(numbers[token]);
    }
    for (const Piece::Sentence& sentence : piece.sentences) {
      BeginChapter(sentence.chapter);
      corpus_.sentence_begin.push_back(words_);
      words_ += sentence.words;
    }
  }

  TextCorpus Finish() {
    corpus_.book_begin.push_back(static_cast<std::uint32_t>(corpus_.chapter_begin.size()));
    corpus_.chapter_begin.push_back(static_cast<std::uint32_t>(corpus_.sentence_begin.size()));
    corpus_.sentence_begin.push_back(words_);
    corpus_.forms.assign(forms_.forms().begin(), forms_.forms().end());
    return std::move(corpus_);
  }

 private:
  void BeginChapter(std::uint32_t chapter) {
    if (chapter == chapter_) {
      return;
    }
    if (chapter_ == kNone || file_.book_of[chapter] != file_.book_of[chapter_]) {
      corpus_.book_begin.push_back(static_cast<std::uint32_t>(corpus_.chapter_begin.size()));
      corpus_.titles.emplace_back(file_.titles[file_.book_of[chapter]]);
    }
    corpus_.chapter_begin.push_back(static_cast<std::uint32_t>(corpus_.sentence_begin.size()));
    chapter_ = chapter;
  }

  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  const BookFile& file_;
  TextCorpus corpus_;
  FormTable forms_;
  std::uint64_t words_ = 0;
  std::uint32_t chapter_ = kNone;
};

std::vector<std::span<const BookFile::Paragraph>> CutIntoPieces(const BookFile& file) {
  std::vector<std::span<const BookFile::Paragraph>> pieces;
  std::size_t begin = 0, bytes = 0;
  for (std::size_t i = 0; i < file.paragraphs.size(); ++i) {
    bytes += file.paragraphs[i].text.size();
    if (bytes >= kPieceBytes || i + 1 == file.paragraphs.size()) {
      pieces.push_back(std::span(file.paragraphs).subspan(begin, i + 1 - begin));
      begin = i + 1;
      bytes = 0;
    }
  }
  return pieces;
}

}  // namespace

absl::StatusOr<TextCorpus> TokenizeBooks(std::string_view content, std::string_view source,
                                         const TextProgress& progress) {
  NORMLAB_ASSIGN_OR_RETURN(const BookFile file, ParseBookFile(content, source));
  const auto cut = CutIntoPieces(file);
  CorpusBuilder builder(file, content.size());
  for (std::size_t first = 0; first < cut.size(); first += kPiecesOfWave) {
    std::vector<Piece> wave(std::min(kPiecesOfWave, cut.size() - first));
    parallel_for(static_cast<std::ptrdiff_t>(wave.size()), [&](std::ptrdiff_t i) {
      Piece& piece = wave[static_cast<std::size_t>(i)];
      piece.paragraphs = cut[first + static_cast<std::size_t>(i)];
      TokenizePiece(piece);
    });
    for (const Piece& piece : wave) {
      builder.Add(piece);
    }
    if (progress) {
      const std::string_view last = wave.back().paragraphs.back().text;
      progress(last.data() + last.size() - content.data(), static_cast<std::int64_t>(content.size()));
    }
  }
  TextCorpus corpus = builder.Finish();
  if (corpus.tokens.empty()) {
    return absl::DataLossError(fmt::format("{}: byte {}: ends without a sentence", source, content.size()));
  }
  corpus.sha256 = Sha256Hex(content);
  return corpus;
}

absl::StatusOr<TextCorpus> LoadTextCorpus(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                          const std::string& cache_folder, const TextProgress& progress) {
  const DataFile& file = dataset.files.front();
  NORMLAB_ASSIGN_OR_RETURN(std::string content, LocateAndRead(dataset, file, directories));
  const std::string sha256 = Sha256Hex(content);
  if (!cache_folder.empty()) {
    if (auto cached = ReadCorpusCache(cache_folder, sha256); cached.has_value()) {
      return *std::move(cached);
    }
  }
  NORMLAB_ASSIGN_OR_RETURN(TextCorpus corpus, TokenizeBooks(content, dataset.name + "/" + file.name, progress));
  content = std::string();  // the memory is given back
  if (!cache_folder.empty()) {
    if (const absl::Status written = WriteCorpusCache(cache_folder, corpus); !written.ok()) {
      Log(LogLevel::kWarning, "corpus_not_cached", {{"dataset", dataset.name}, {"why", Message(written)}});
    }
  }
  return corpus;
}

std::vector<bool> HeldOutChapters(const TextCorpus& corpus, std::size_t one_in) {
  std::vector<bool> held_out(corpus.Chapters(), false);
  const bool by_book = corpus.Books() >= one_in;
  const std::size_t units = by_book ? corpus.Books() : corpus.Chapters();
  const std::size_t wanted = units < 2 ? 0 : std::max<std::size_t>(1, units / one_in);
  const auto order = Rng(kSplitSeed, "held out").Permutation(static_cast<std::uint32_t>(units));
  for (std::size_t i = 0; i < wanted; ++i) {
    const std::uint32_t begin = by_book ? corpus.book_begin[order[i]] : order[i];
    const std::uint32_t end = by_book ? corpus.book_begin[order[i] + 1] : order[i] + 1;
    std::fill(held_out.begin() + begin, held_out.begin() + end, true);
  }
  return held_out;
}

}  // namespace normlab::data
