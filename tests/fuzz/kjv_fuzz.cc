// kjv_fuzz.cc - any bytes must come out of the readers of the King James Bible as text or a book file, or as an error that
// names file and byte. The first byte chooses the reader.
#include <cstdlib>

#include "data/text/book_file.h"
#include "data/text/kjv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  if (size == 0) {
    return 0;
  }
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool verses = data[0] % 2 == 0;
  const auto result = verses ? VersesToBookFile(content, "fuzz") : UnpackBible(content, "fuzz");
  const bool good = result.ok() ? !verses || ParseBookFile(*result, "fuzz").ok()
                                : normlab::Message(result.status()).find("fuzz: byte ") == 0;
  if (!good) {
    std::abort();
  }
  return 0;
}
