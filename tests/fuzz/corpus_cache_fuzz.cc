// corpus_cache_fuzz.cc - any bytes must come out of the reader of cached corpora as a corpus whose tables fit together, or
// as nothing. The checksum is made right first: it would keep the fuzzer out.
#include <cstdlib>

#include "base/crc32c.h"
#include "data/text/corpus_cache.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  std::string content = FormatCorpus({});
  content.resize(content.find('\n') + 1);
  content.append(reinterpret_cast<const char*>(data), size);
  const std::uint64_t checksum = normlab::Crc32c(content);
  content.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  const auto corpus = ParseCorpus(content);
  if (!corpus.has_value()) {
    return 0;
  }
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < corpus->Sentences(); ++i) {
    for (const std::uint32_t form : corpus->Sentence(i)) {
      tokens += corpus->forms.at(form).size() < content.size() ? 1 : 0;
    }
  }
  if (tokens != corpus->tokens.size() || corpus->chapter_begin.back() != corpus->Sentences() ||
      corpus->book_begin.back() != corpus->Chapters() || corpus->titles.size() != corpus->Books()) {
    std::abort();
  }
  return 0;
}
