// pen_file_fuzz.cc - any bytes, plain or gzip, must come out of the reader of the cached form as lines that can be
// written, read again and normalised to finite numbers, or as an error that names file and offset.
#include <cmath>
#include <cstdlib>

#include "data/gzip.h"
#include "data/handwriting/pen_file.h"
#include "data/handwriting/sequence.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  const auto content = Uncompressed(std::string(reinterpret_cast<const char*>(data), size), 1 << 16, "fuzz");
  if (!content.ok()) {
    return 0;
  }
  const auto lines = ParsePenFile(*content, "fuzz");
  if (!lines.ok()) {
    if (normlab::Message(lines.status()).find("fuzz: byte ") != 0) {
      std::abort();
    }
    return 0;
  }
  const auto again = ParsePenFile(FormatPenFile(*lines), "again");
  if (!again.ok() || again->size() != lines->size()) {
    std::abort();
  }
  std::vector<PenSequence> sequences;
  for (const PenLine& line : *lines) {
    sequences.push_back(ToSequence(line, {.line_scale = LineScale::kStep,
                                          .points_per_second = 60.0,
                                          .outlier_steps = 30.0,
                                          .max_steps = 500,
                                          .alphabet = Alphabet::kGraves57}));
  }
  Standardize(MeasureOffsets(sequences), sequences);
  for (const PenSequence& sequence : sequences) {
    for (const PenStep& step : sequence.steps) {
      if (!std::isfinite(step.dx) || !std::isfinite(step.dy)) {
        std::abort();
      }
    }
  }
  return 0;
}
