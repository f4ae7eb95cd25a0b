// corpus_cache.h - a tokenised corpus as a file, so that a text is tokenised once on a machine.
//
// The file is named after the hash of the text it was made from and the version of the rules. It begins with a line of
// text that says what it is, holds counts and tables in the machine's byte order, and ends with a checksum. Whatever is
// wrong with it, it is as if it were not there.
//
// Thread safety: free functions, any thread; the file is replaced whole.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "data/text/text_corpus.h"

namespace normlab::data {

std::string CorpusCachePath(const std::string& folder, const std::string& sha256);

// Nothing: not there, of other rules, damaged, or of another text.
std::optional<TextCorpus> ReadCorpusCache(const std::string& folder, const std::string& sha256);

absl::Status WriteCorpusCache(const std::string& folder, const TextCorpus& corpus);

// The content of the file, and back: nothing for any other bytes.
std::string FormatCorpus(const TextCorpus& corpus);
std::optional<TextCorpus> ParseCorpus(std::string_view content);

}  // namespace normlab::data
