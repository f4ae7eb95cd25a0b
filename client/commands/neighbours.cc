// `normlab neighbours JOB SENTENCE`: which sentences a skip-thoughts job finds near one, from what it stored at its last
// evaluation: the neighbours of each of its held-out sentences. To encode any other takes the engine, which this program
// has not.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "client/commands/command.h"
#include "data/text/treebank.h"
#include "data/text/unicode.h"

namespace normlab::client {
namespace {

constexpr char kArtifact[] = "neighbours.txt";

struct NeighboursOptions {
  std::string job, sentence;
};

struct Entry {
  std::string_view sentence;
  std::vector<std::pair<std::string_view, std::string_view>> nearest;  // cosine, sentence
};

// The lines of `text` without their ends.
std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// As experiments/skip_thoughts/neighbours.h says it.
std::vector<Entry> Parse(std::string_view text) {
  std::vector<Entry> entries;
  bool begins = false;
  for (const std::string_view line : Lines(text)) {
    if (line.empty()) {
      begins = true;
    } else if (begins) {
      entries.push_back({.sentence = line, .nearest = {}});
      begins = false;
    } else if (!entries.empty() && line.starts_with("  ")) {
      const std::string_view rest = line.substr(2);
      const std::size_t gap = std::min(rest.find("  "), rest.size());
      entries.back().nearest.emplace_back(rest.substr(0, gap), rest.substr(std::min(gap + 2, rest.size())));
    }
  }
  return entries;
}

// In the words of a vocabulary: tokens in lower case.
absl::StatusOr<std::string> Worded(const std::string& sentence) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, data::ToNfc(sentence, "SENTENCE"));
  std::string worded;
  for (const std::string& token : data::Tokenize(text)) {
    worded += worded.empty() ? "" : " ";
    worded += data::ToLower(token);
  }
  return worded;
}

std::set<std::string_view> WordsOf(std::string_view sentence) {
  std::set<std::string_view> words;
  while (!sentence.empty()) {
    const std::size_t end = std::min(sentence.find(' '), sentence.size());
    words.insert(sentence.substr(0, end));
    sentence.remove_prefix(std::min(end + 1, sentence.size()));
  }
  return words;
}

// The three sentences that share most words with one that is not there, as a hint.
std::string Alike(std::vector<Entry> entries, std::string_view worded) {
  const std::set<std::string_view> wanted = WordsOf(worded);
  const auto shared = [&](const Entry& entry) {
    const std::set<std::string_view> words = WordsOf(entry.sentence);
    return std::count_if(words.begin(), words.end(), [&](std::string_view word) { return wanted.contains(word); });
  };
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const Entry& a, const Entry& b) { return shared(a) > shared(b); });
  std::string hint;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, entries.size()); ++i) {
    hint += fmt::format("\n  {}", entries[i].sentence);
  }
  return hint;
}

absl::StatusOr<std::string> ReadNeighbours(Client& client, const std::string& job) {
  NORMLAB_ASSIGN_OR_RETURN(const v1::Job found, client.GetJob(job));
  if (!found.spec().has_skip_thoughts()) {
    return absl::InvalidArgumentError(fmt::format("{} is not a skip_thoughts job; `normlab jobs` lists them", job));
  }
  std::string text;
  const absl::Status read = client.ReadArtifact(job, kArtifact, [&text](std::string_view piece) {
    text += piece;
    return absl::OkStatus();
  });
  if (absl::IsNotFound(read)) {
    return absl::NotFoundError(fmt::format("{} has no neighbours yet; they come with its first evaluation", job));
  }
  NORMLAB_RETURN_IF_ERROR(read);
  return text;
}

absl::StatusOr<int> RunNeighbours(Session& session, const NeighboursOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string worded, Worded(options.sentence));
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, ReadNeighbours(*client, options.job));
  const std::vector<Entry> entries = Parse(text);
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.sentence == worded; });
  if (entry == entries.end()) {
    return absl::NotFoundError(
        fmt::format("'{}' is none of the {} held-out sentences of {}. Those with most of its words:{}", worded,
                    entries.size(), options.job, Alike(entries, worded)));
  }
  if (session.json) {
    Json nearest = Json::array();
    for (const auto& [cosine, sentence] : entry->nearest) {
      nearest.push_back({{"cosine", std::strtod(std::string(cosine).c_str(), nullptr)}, {"sentence", sentence}});
    }
    session.Print(Dump({{"job_id", options.job}, {"sentence", entry->sentence}, {"nearest", nearest}}));
    return kExitOk;
  }
  for (const auto& [cosine, sentence] : entry->nearest) {
    session.Print(fmt::format("{}  {}\n", cosine, sentence));
  }
  return kExitOk;
}

}  // namespace

void AddNeighbours(CLI::App& app, Session& session) {
  CLI::App* command =
      AddCommand(app, session,
                 {kResults,
                  "neighbours",
                  "The sentences that a skip_thoughts job finds nearest to one of its held-out sentences",
                  {"normlab neighbours j17 \"And it came to pass.\""},
                  "job_id, sentence, nearest[]: cosine, sentence."});
  auto options = std::make_shared<NeighboursOptions>();
  command->add_option("JOB", options->job, "a skip_thoughts job that has been evaluated, such as j17")
      ->required()
      ->type_name("");
  command->add_option("SENTENCE", options->sentence, "one of its held-out sentences; capitals and spaces do not count")
      ->required()
      ->type_name("");
  command->callback(
      [&session, options] { session.action = [&session, options] { return RunNeighbours(session, *options); }; });
}

}  // namespace normlab::client
