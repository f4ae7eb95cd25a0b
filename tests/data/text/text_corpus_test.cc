#include "data/text/text_corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>

#include "base/crc32c.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "data/text/corpus_cache.h"
#include "tests/data/testing.h"

namespace normlab::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kTwoBooks =
    "BOOK a\nCHAPTER 1\nTEXT He came. The end.\nTEXT It was.\nCHAPTER 2\nTEXT So he came.\nBOOK b\nCHAPTER \nTEXT The "
    "he.\n";

TextCorpus Corpus(std::string_view content) {
  auto corpus = TokenizeBooks(content, "books.txt");
  EXPECT_TRUE(corpus.ok()) << corpus.status();
  return *std::move(corpus);
}

std::vector<std::string> Words(const TextCorpus& corpus, std::size_t sentence) {
  std::vector<std::string> words;
  for (const std::uint32_t form : corpus.Sentence(sentence)) {
    words.push_back(corpus.forms[form]);
  }
  return words;
}

// Many paragraphs of random words, in books and chapters: more than one wave of work.
std::string ManyBooks() {
  Rng rng(7, "books");
  std::string content;
  for (int book = 0; book < 9; ++book) {
    content += "BOOK b" + std::to_string(book) + "\n";
    for (int chapter = 0; chapter < 20; ++chapter) {
      content += "CHAPTER \n";
      for (int paragraph = 0; paragraph < 40; ++paragraph) {
        content += "TEXT";
        for (int word = 0; word < 120; ++word) {
          content += " w" + std::to_string(rng.Below(word % 10 == 0 ? 100'000 : 500)) + (word % 12 == 11 ? "." : "");
        }
        content += '\n';
      }
    }
  }
  return content;
}

DatasetInfo Books() { return *FindDataset("books"); }

TEST(TextCorpus, KeepsSentencesChaptersBooksAndCapitals) {
  const TextCorpus corpus = Corpus(kTwoBooks);
  EXPECT_THAT(corpus.titles, ElementsAre("a", "b"));
  ASSERT_EQ(corpus.Sentences(), 5u);
  EXPECT_THAT(Words(corpus, 0), ElementsAre("He", "came", "."));
  EXPECT_THAT(Words(corpus, 2), ElementsAre("It", "was", "."));
  EXPECT_THAT(Words(corpus, 4), ElementsAre("The", "he", "."));
  EXPECT_THAT(corpus.chapter_begin, ElementsAre(0, 3, 4, 5));
  EXPECT_THAT(corpus.book_begin, ElementsAre(0, 2, 3));
  EXPECT_THAT(corpus.forms, ElementsAre("He", "came", ".", "The", "end", "It", "was", "So", "he"));
  EXPECT_EQ(corpus.sha256, Sha256Hex(kTwoBooks));
}

TEST(TextCorpus, IsTheSameForAnyNumberOfThreads) {
  const std::string content = ManyBooks();
  ASSERT_GT(content.size(), std::size_t{4} << 20);
  SetThreads(1);
  const TextCorpus one = Corpus(content);
  EXPECT_EQ(one.Books(), 9u);
  EXPECT_EQ(one.Chapters(), 180u);
  EXPECT_EQ(one.Sentences(), 180u * 40 * 10);
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    EXPECT_TRUE(Corpus(content) == one) << threads;
  }
  SetThreads(1);
}

TEST(TextCorpus, SaysHowFarItIs) {
  const std::string content = ManyBooks();
  std::vector<std::int64_t> done;
  ASSERT_TRUE(TokenizeBooks(content, "f", [&](std::int64_t at, std::int64_t total) {
                EXPECT_EQ(total, static_cast<std::int64_t>(content.size()));
                done.push_back(at);
              }).ok());
  EXPECT_GT(done.size(), 1u);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), static_cast<std::int64_t>(content.size()) - 1);
}

TEST(TextCorpus, OfTextWithoutATokenIsAnError) {
  EXPECT_THAT(Message(TokenizeBooks("BOOK a\nCHAPTER \nTEXT \n", "f").status()), HasSubstr("f: byte 22: ends without"));
  EXPECT_THAT(Message(TokenizeBooks("nonsense", "f").status()), HasSubstr("f: byte 0"));
}

TEST(TextCorpus, HoldsOutWholeBooksOrElseChapters) {
  std::string content;
  for (int book = 0; book < 12; ++book) {
    content += "BOOK b\nCHAPTER \nTEXT One.\nCHAPTER \nTEXT Two.\n";
  }
  const TextCorpus corpus = Corpus(content);
  const std::vector<bool> held_out = HeldOutChapters(corpus, 4);
  EXPECT_EQ(std::count(held_out.begin(), held_out.end(), true), 6);
  for (std::size_t book = 0; book < 12; ++book) {
    EXPECT_EQ(held_out[2 * book], held_out[2 * book + 1]);
  }
  EXPECT_EQ(HeldOutChapters(corpus, 4), held_out);
  const std::vector<bool> chapters = HeldOutChapters(Corpus(kTwoBooks), 100);
  EXPECT_EQ(std::count(chapters.begin(), chapters.end(), true), 1);
  EXPECT_THAT(HeldOutChapters(Corpus("BOOK a\nCHAPTER \nTEXT One."), 2), ElementsAre(false));
}

class CorpusCache : public testing::Test {
 protected:
  CorpusCache() { directory_.Write("books/books.txt", kTwoBooks); }

  std::string Cache() const { return directory_.path() + "/cache"; }
  std::string Path() const { return CorpusCachePath(Cache(), Sha256Hex(kTwoBooks)); }
  // Whether loading made the corpus anew.
  bool MadeByLoading() {
    bool made = false;
    const auto corpus = LoadTextCorpus(Books(), {directory_.path()}, Cache(), [&](auto, auto) { made = true; });
    EXPECT_TRUE(corpus.ok()) << corpus.status();
    EXPECT_TRUE(*corpus == Corpus(kTwoBooks));
    return made;
  }
  std::string Stored() const {
    std::ifstream file(Path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Store(std::string_view content) const { std::ofstream(Path(), std::ios::binary) << content; }

  TestDirectory directory_;
};

TEST_F(CorpusCache, IsMadeOnce) {
  EXPECT_TRUE(MadeByLoading());
  EXPECT_FALSE(MadeByLoading());
}

TEST_F(CorpusCache, ThatIsDamagedIsMadeAgain) {
  MadeByLoading();
  const std::string whole = Stored();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    ASSERT_FALSE(ParseCorpus(damaged).has_value()) << at;
    ASSERT_FALSE(ParseCorpus(whole.substr(0, at)).has_value()) << at;
  }
  Store(whole.substr(0, whole.size() / 2));
  EXPECT_TRUE(MadeByLoading());
  EXPECT_FALSE(MadeByLoading());
  Store("");
  EXPECT_TRUE(MadeByLoading());
}

TEST_F(CorpusCache, OfAnotherTextOrVersionIsMadeAgain) {
  MadeByLoading();
  TextCorpus other = Corpus("BOOK a\nCHAPTER \nTEXT Other.\n");
  Store(FormatCorpus(other));
  EXPECT_TRUE(MadeByLoading());
  std::string newer = Stored();
  ++newer[newer.find(" 1\n") + 1];
  const std::size_t end = newer.size() - 8;
  const std::uint64_t crc = Crc32c(std::string_view(newer).substr(0, end));
  newer.replace(end, 8, reinterpret_cast<const char*>(&crc), 8);
  Store(newer);
  EXPECT_TRUE(MadeByLoading());
}

// Right checksum, wrong numbers: what nobody writes must not be believed either.
TEST_F(CorpusCache, ThatContradictsItselfIsNone) {
  const TextCorpus good = Corpus(kTwoBooks);
  ASSERT_TRUE(ParseCorpus(FormatCorpus(good)).has_value());
  const auto refused = [&](auto&& change) {
    TextCorpus bad = good;
    change(bad);
    return !ParseCorpus(FormatCorpus(bad)).has_value();
  };
  EXPECT_TRUE(refused([](TextCorpus& c) { c.tokens[0] = 9; }));
  EXPECT_TRUE(refused([](TextCorpus& c) { c.sentence_begin.back() += 1; }));
  EXPECT_TRUE(refused([](TextCorpus& c) { c.sentence_begin[1] = c.sentence_begin[2]; }));
  EXPECT_TRUE(refused([](TextCorpus& c) { c.chapter_begin[0] = 1; }));
  EXPECT_TRUE(refused([](TextCorpus& c) { c.book_begin.clear(); }));
  EXPECT_TRUE(refused([](TextCorpus& c) { c.titles.pop_back(); }));
}

TEST_F(CorpusCache, ThatCannotBeWrittenCostsNothingButTime) {
  directory_.Write("cache", "a file where a folder should be");
  EXPECT_TRUE(MadeByLoading());
  EXPECT_TRUE(MadeByLoading());
}

TEST_F(CorpusCache, MissingTextSaysHowToGetIt) {
  const auto missing = LoadTextCorpus(*FindDataset("kjv"), {directory_.path()}, Cache());
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(missing.status()), HasSubstr("normlab data fetch kjv"));
}

}  // namespace
}  // namespace normlab::data
