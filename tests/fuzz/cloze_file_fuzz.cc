// cloze_file_fuzz.cc - any bytes must come out of the reader of cached cloze questions as records that are written as they were
// read, or as an error that names file and offset.
#include <cstdlib>

#include "data/cloze/cloze_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const auto records = ParseClozeFile(content, "fuzz");
  if (!records.ok()) {
    if (normlab::Message(records.status()).find("fuzz: byte ") != 0) {
      std::abort();
    }
    return 0;
  }
  std::string again;
  for (const ClozeRecord& record : *records) {
    AppendClozeRecord(record, again);
  }
  if (again != content) {
    std::abort();
  }
  return 0;
}
