#include "data/cloze/book_clozes.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/rng.h"
#include "data/cloze/cloze_file.h"
#include "data/cloze/names.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

constexpr std::size_t kLeastQuestion = 5, kMostQuestion = 40;
constexpr std::size_t kLeastSentences = 2, kMostSentences = 8, kMostPassage = 120;
constexpr std::size_t kLeastNames = 2, kMostNames = 12;
constexpr std::size_t kOneIn = 10, kFewBooks = 80;

using Tokens = std::span<const std::uint32_t>;

class BookClozes {
 public:
  explicit BookClozes(const TextCorpus& corpus) : corpus_(corpus), finder_(corpus), number_(corpus.forms.size(), -1) {
    small_.reserve(corpus.forms.size());
    std::transform(corpus.forms.begin(), corpus.forms.end(), std::back_inserter(small_),
                   [](const std::string& form) { return ToLower(form); });
  }

  std::string Make() {
    for (std::size_t book = 0; book < corpus_.Books(); ++book) {
      const std::size_t first = corpus_.book_begin[book], last = corpus_.book_begin[book + 1];
      names_ = &finder_.Find(corpus_.chapter_begin[first], corpus_.chapter_begin[last]);
      for (std::size_t chapter = first; chapter < last; ++chapter) {
        AddChapter(chapter, PartOf(corpus_.Books() < kFewBooks ? chapter : book));
      }
    }
    return std::move(content_);
  }

 private:
  static ClozePart PartOf(std::size_t unit) {
    const std::size_t place = unit % kOneIn;
    return place == kOneIn - 1       ? ClozePart::kTest
           : place == kOneIn / 2 - 1 ? ClozePart::kValidation
                                     : ClozePart::kTraining;
  }

  void AddChapter(std::size_t chapter, ClozePart part) {
    const std::size_t begin = corpus_.chapter_begin[chapter], end = corpus_.chapter_begin[chapter + 1];
    for (std::size_t sentence = begin + kLeastSentences; sentence < end; ++sentence) {
      const std::size_t length = corpus_.Length(sentence);
      const std::size_t from = PassageBegin(begin, sentence);
      if (length >= kLeastQuestion && length <= kMostQuestion && sentence - from >= kLeastSentences) {
        AddQuestion(from, sentence, part);
      }
    }
  }

  // The first sentence of the passage before a question.
  std::size_t PassageBegin(std::size_t chapter, std::size_t question) const {
    std::size_t from = question, tokens = 0;
    while (from > chapter && question - from < kMostSentences && tokens + corpus_.Length(from - 1) <= kMostPassage) {
      tokens += corpus_.Length(--from);
    }
    return from;
  }

  void AddQuestion(std::size_t from, std::size_t sentence, ClozePart part) {
    const Tokens question = corpus_.Sentence(sentence);
    const Tokens passage =
        std::span(corpus_.tokens)
            .subspan(corpus_.sentence_begin[from], corpus_.sentence_begin[sentence] - corpus_.sentence_begin[from]);
    found_.clear();
    FindNames(passage);
    const std::size_t in_passage = found_.size();
    shared_.clear();
    std::copy_if(question.begin(), question.end(), std::back_inserter(shared_),
                 [this](std::uint32_t form) { return number_[form] >= 0; });
    FindNames(question);
    if (!shared_.empty() && in_passage >= kLeastNames && found_.size() <= kMostNames) {
      Write(passage, question, part, Rng(1, "cloze", sentence));
    }
    for (const std::uint32_t form : found_) {
      number_[form] = -1;
    }
  }

  // Numbers the names among the tokens that have no number yet.
  void FindNames(Tokens tokens) {
    for (const std::uint32_t form : tokens) {
      if ((*names_)[form] && number_[form] < 0) {
        number_[form] = static_cast<int>(found_.size());
        found_.push_back(form);
      }
    }
  }

  void Write(Tokens passage, Tokens question, ClozePart part, Rng rng) {
    const std::vector<std::uint32_t> order = rng.Permutation(kMostNames);
    const std::uint32_t answer = shared_[rng.Below(shared_.size())];
    passage_.clear();
    question_.clear();
    Append(passage, order, nullptr, passage_);
    Append(question, order, &answer, question_);
    AppendClozeRecord({.part = part,
                       .passage = passage_,
                       .question = question_,
                       .answer = fmt::format("@entity{}", order[static_cast<std::size_t>(number_[answer])])},
                      content_);
  }

  void Append(Tokens tokens, const std::vector<std::uint32_t>& order, const std::uint32_t* hidden,
              std::string& text) const {
    for (const std::uint32_t form : tokens) {
      text += text.empty() ? "" : " ";
      if (hidden != nullptr && form == *hidden) {
        text += kPlaceholder;
      } else if (number_[form] >= 0) {
        fmt::format_to(std::back_inserter(text), "@entity{}", order[static_cast<std::size_t>(number_[form])]);
      } else {
        text += small_[form];
      }
    }
  }

  const TextCorpus& corpus_;
  NameFinder finder_;
  const std::vector<bool>* names_ = nullptr;  // of the book
  std::vector<std::string> small_;            // by form: in small letters
  std::vector<int> number_;                   // by form: of a name of the question at hand, -1 of all else
  std::vector<std::uint32_t> found_;          // the names with a number
  std::vector<std::uint32_t> shared_;         // the names of the question that its passage has, as often as they occur
  std::string passage_, question_, content_;
};

}  // namespace

std::string MakeBookClozes(const TextCorpus& corpus) { return BookClozes(corpus).Make(); }

}  // namespace normlab::data
