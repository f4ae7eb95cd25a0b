// text_bench - books from plain text to a corpus of tokens against their bars, and a table; exit code 1 if a bar is missed.
//
//   text_bench [FOLDER [THREADS]]      a folder or archive of .txt files; none: 75 MB of made-up English
//
// The bars are of the clock, on a quiet machine; the processor's seconds, of all threads, say something on a busy one too.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "base/fs.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/temporary_directory.h"
#include "data/text/import.h"
#include "data/text/length_order.h"
#include "data/text/text_corpus.h"
#include "data/text/triplets.h"
#include "data/text/vocabulary.h"
#include "tests/peak_memory.h"

namespace normlab::data {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMostSeconds = 20, kMostMegabytes = 400;
constexpr std::size_t kMadeBytes = 75'000'000, kMadeBooks = 94;

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    fmt::print(stderr, "text_bench: {}\n", Message(value.status()));
    std::exit(2);
  }
  return *std::move(value);
}

// Words of about five letters, the frequent ones frequent, with the marks that prose has.
void AppendSentence(Rng& rng, std::string& text) {
  const std::uint64_t words = 4 + rng.Below(28);
  const bool quoted = rng.Below(4) == 0;
  text += quoted ? "\"" : "";
  for (std::uint64_t i = 0; i < words; ++i) {
    auto rank = static_cast<std::uint64_t>(std::exp2(16 * rng.Uniform()));
    std::string word;
    for (rank += 26; rank > 0; rank /= 13) {
      word += static_cast<char>('a' + rank * 7 % 26);
    }
    word[0] = static_cast<char>(i == 0 ? word[0] - 'a' + 'A' : word[0]);
    text += word;
    text += i + 1 == words ? (quoted ? "!\" " : ". ") : rng.Below(11) == 0 ? ", " : rng.Below(40) == 0 ? "'s " : " ";
  }
}

void MakeBooks(const std::string& folder) {
  Rng rng(1, "books");
  for (std::size_t book = 0; book < kMadeBooks; ++book) {
    std::string text;
    for (int sentence = 0; text.size() < kMadeBytes / kMadeBooks; ++sentence) {
      text += sentence % 1000 == 0 ? fmt::format("\nCHAPTER {}\n", sentence / 1000 + 1) : "";
      AppendSentence(rng, text);
      text += sentence % 5 == 4 ? "\n" : "";
    }
    const absl::Status written = PosixFileSystem().AtomicWrite(fmt::format("{}/{:03}.txt", folder, book), text);
    OrDie(written.ok() ? absl::StatusOr<bool>(true) : written);
  }
}

// Runs a step and prints what it took; returns what it made.
template <typename Step>
auto Timed(const char* name, double& seconds, Step&& step) {
  const auto from = Clock::now();
  const std::clock_t cpu_from = std::clock();
  auto made = step();
  const double took = std::chrono::duration<double>(Clock::now() - from).count();
  const double cpu = static_cast<double>(std::clock() - cpu_from) / CLOCKS_PER_SEC;
  fmt::print("  {:<44} {:>8.2f} s   of processors {:>6.2f} s\n", name, took, cpu);
  seconds += took;
  return made;
}

int Run(const std::string& books, int threads) {
  const DatasetInfo& dataset = *FindDataset("books");
  const TemporaryDirectory scratch = OrDie(TemporaryDirectory::Make("text_bench"));
  const std::string cache = scratch.path() + "/cache";
  SetThreads(threads);
  ForgetPeakMemory();
  double prepared = 0, later = 0;
  fmt::print("text_bench, {} threads\n", threads);
  const TextImportReport report = OrDie(
      Timed("import: read, compose, store", prepared, [&] { return ImportText(dataset, books, scratch.path(), {}); }));
  {
    const TextCorpus corpus =
        OrDie(Timed("tokenise and cache", prepared, [&] { return LoadTextCorpus(dataset, {scratch.path()}, cache); }));
    fmt::print("  {}, {} sentences, {} tokens, {} distinct\n", report.summary, corpus.Sentences(), corpus.tokens.size(),
               corpus.forms.size());
  }
  const TextCorpus corpus = OrDie(
      Timed("load again, from the cache", later, [&] { return LoadTextCorpus(dataset, {scratch.path()}, cache); }));
  const std::vector<bool> held_out = HeldOutChapters(corpus, 20);
  const Vocabulary vocabulary = Timed("20,000 words", later, [&] { return MakeVocabulary(corpus, held_out, 20'000); });
  const SentenceIds ids = Timed("sentences as numbers", later, [&] { return ToIds(corpus, vocabulary); });
  const auto middles = Timed("triplets", later, [&] { return MakeTriplets(corpus, held_out, false, 30); });
  std::vector<std::uint32_t> lengths;
  for (const std::uint32_t middle : middles) {
    lengths.push_back(static_cast<std::uint32_t>(ids.Sentence(middle).size()));
  }
  EqualLengthOrder order(1, lengths, 64);
  Timed("order of a pass", later, [&] { return order.Batch(0).size(); });
  const double megabytes = static_cast<double>(PeakMemory()) / (1 << 20);
  fmt::print("  {:<44} {:>8.2f} s   bar {}\n", "prepared", prepared, kMostSeconds);
  fmt::print("  {:<44} {:>8.2f} MiB bar {}\n", "memory at the peak", megabytes, kMostMegabytes);
  return prepared < kMostSeconds && megabytes < kMostMegabytes ? 0 : 1;
}

}  // namespace
}  // namespace normlab::data

int main(int argc, char** argv) {
  const int threads = argc > 2 ? std::clamp(std::atoi(argv[2]), 1, normlab::kMaxThreads) : 2;
  if (argc > 1) {
    return normlab::data::Run(argv[1], threads);
  }
  const auto made = normlab::data::OrDie(normlab::TemporaryDirectory::Make("text_bench_books"));
  normlab::data::MakeBooks(made.path());
  return normlab::data::Run(made.path(), threads);
}
