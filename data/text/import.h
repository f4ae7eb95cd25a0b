// import.h - text a user has, official files or a folder of books, turned into the imported forms (book_file.h,
// sentence_sets.h, sick.h).
//
//   books                an archive or a folder of plain text, every file that ends in .txt a book
//   kjv                  bible.data of Debian's package bible-kjv-text
//   mr, cr, subj, mpqa   the official files of sentences: one with labels, or one for each label
//   sick                 SICK_train.txt, SICK_trial.txt and SICK_test_annotated.txt
//
// A book that cannot be read costs itself, not the import: it is counted under its reason. The result is the same bytes for
// the same files, however they are packed.
#pragma once

#include <string>

#include "base/status.h"
#include "data/registry.h"
#include "data/skipped.h"
#include "data/text/text_corpus.h"

namespace normlab::data {

struct TextImportReport {
  std::string summary;  // "94 books, 4,123 chapters", for a person
  SkippedByReason skipped;
  std::string stored;  // path of the imported file
  std::string sha256;  // of its content
};

// Whether ImportText is the way into this data set, and whether what it stores is a book file.
bool IsImportedText(const DatasetInfo& dataset);
bool IsBooks(const DatasetInfo& dataset);

// Imports what is found at `path` and stores it under `directory`. kNotFound: the files are not there. kDataLoss: a file
// that cannot be read, or, of a data set that is pinned, other content than the registry's.
absl::StatusOr<TextImportReport> ImportText(const DatasetInfo& dataset, const std::string& path,
                                            const std::string& directory, const TextProgress& progress);

}  // namespace normlab::data
