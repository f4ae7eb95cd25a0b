// question_file_fuzz.cc - any bytes must come out of the reader of CNN questions as a question whose sentences can be chosen and
// written to the cached form and read again, or as an error that names file and offset.
#include <cstdlib>

#include "data/cloze/cloze_file.h"
#include "data/cloze/question_file.h"
#include "data/cloze/relevance.h"

namespace {

std::string Joined(std::span<const std::string_view> tokens) {
  std::string text;
  for (const std::string_view token : tokens) {
    text += text.empty() ? "" : " ";
    text += token;
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  const auto file = ParseQuestionFile({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!file.ok()) {
    if (normlab::Message(file.status()).find("fuzz: byte ") != 0) {
      std::abort();
    }
    return 0;
  }
  const auto sentences = SplitPassage(file->passage);
  std::size_t tokens = 0;
  for (const auto& sentence : sentences) {
    tokens += sentence.size();
  }
  const auto best = MostRelevant(sentences, file->question, 4);
  if (tokens != file->passage.size() || best.empty() || best.size() > 4 || best.back() >= sentences.size()) {
    std::abort();
  }
  std::string content;
  AppendClozeRecord({.part = ClozePart::kTest,
                     .passage = Joined(sentences[best.front()]),
                     .question = Joined(file->question),
                     .answer = file->answer},
                    content);
  if (!ParseClozeFile(content, "again").ok()) {
    std::abort();
  }
  return 0;
}
