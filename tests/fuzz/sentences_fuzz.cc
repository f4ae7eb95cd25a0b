// sentences_fuzz.cc - any bytes must come out of the readers of labelled sentences and of SICK as what their imported form
// reads back, or as an error that names file and byte. The first byte chooses the reader.
#include "data/text/sentence_sets.h"
#include "data/text/sick.h"
#include "tests/fuzz/require.h"

namespace {

using normlab::Require;

// Whether `status` is well; if not, it must name file and byte.
bool IsGood(const absl::Status& status) {
  Require(status.ok() || normlab::Message(status).find("fuzz: byte ") == 0);
  return status.ok();
}

void CheckSet(const std::vector<normlab::data::LabelledSentence>& set) {
  if (!set.empty()) {
    const auto again = normlab::data::ParseSentenceSet(normlab::data::FormatSentenceSet(set), "fuzz");
    Require(again.ok() && *again == set);
  }
}

void CheckOfficial(const absl::StatusOr<normlab::data::OfficialSentences>& official) {
  if (IsGood(official.status())) {
    CheckSet(official->sentences);
  }
}

void CheckSick(const normlab::data::SickData& data) {
  const auto again = normlab::data::ParseSick(normlab::data::FormatSick(data), "fuzz");
  Require(again.ok() && again->train == data.train && again->trial == data.trial && again->test == data.test);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  if (size == 0) {
    return 0;
  }
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      CheckOfficial(ParseLabelledLines(content, "fuzz"));
      break;
    case 1:
      CheckOfficial(ParseLinesOfLabel(content, "fuzz", 1));
      break;
    case 2:
      if (const auto set = ParseSentenceSet(content, "fuzz"); IsGood(set.status())) {
        CheckSet(*set);
      }
      break;
    case 3:
      if (const auto pairs = ParseSickFile(content, "fuzz"); IsGood(pairs.status())) {
        CheckSick({*pairs, *pairs, *pairs, ""});
      }
      break;
    default:
      if (const auto sick = ParseSick(content, "fuzz"); IsGood(sick.status())) {
        CheckSick(*sick);
      }
  }
  return 0;
}
