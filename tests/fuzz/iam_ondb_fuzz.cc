// iam_ondb_fuzz.cc - any bytes must come out of the readers of IAM-OnDB's files as lines that are consistent, or as an
// error that names the file. The first byte chooses the kind of file.
#include <cstdlib>

#include "data/handwriting/iam_ondb.h"

namespace {

void RequireNamed(const absl::Status& status) {
  if (!status.ok() && normlab::Message(status).find("fuzz: byte ") != 0) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  if (size == 0) {
    return 0;
  }
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: {
      const auto strokes = ParseLineStrokes(content, "fuzz");
      RequireNamed(strokes.status());
      if (strokes.ok() && (strokes->empty() || strokes->front().empty())) {
        std::abort();
      }
      break;
    }
    case 1:
      RequireNamed(ParseFormWriter(content, "fuzz").status());
      break;
    case 2:
      RequireNamed(ParseTranscription(content, "fuzz").status());
      break;
    default:
      RequireNamed(ParseSplitList(content, "fuzz").status());
  }
  return 0;
}
