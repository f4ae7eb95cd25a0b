// captions_fuzz.cc - any bytes must come out of the readers of captions and of lists of hashes as what they are written back as,
// or an error.
#include <cstdint>
#include <cstdlib>

#include "data/coco/captions.h"
#include "data/sha256_sums.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto lines = ParseCaptions(text, "fuzz"); lines.ok()) {
    std::string again;
    for (const std::string& caption : lines->captions) {
      again += caption + "\n";
    }
    const auto second = ParseCaptions(again, "fuzz");
    if (!second.ok() || second->captions != lines->captions || second->without_words != lines->without_words) {
      std::abort();
    }
  }
  if (const auto sums = ParseSums(text, "fuzz"); sums.ok() && !ParseSums(FormatSums(*sums), "fuzz").ok()) {
    std::abort();
  }
  return 0;
}
