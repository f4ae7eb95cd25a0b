// iam_ondb.h - the official files of IAM-OnDB, one function a kind of file. Which files there are and how they fit
// together is import_iam_ondb.h's business.
//
// Errors are kDataLoss with the file (`source`) and the byte offset.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/handwriting/pen_line.h"

namespace normlab::data {

// lineStrokes/a01/a01-000/a01-000u-01.xml: the strokes of one line, turned y up. At least one point.
absl::StatusOr<std::vector<Stroke>> ParseLineStrokes(std::string_view xml, std::string_view source);

// original/a01/a01-000/strokesu.xml: the writerID of the form.
absl::StatusOr<std::string> ParseFormWriter(std::string_view xml, std::string_view source);

// ascii/a01/a01-000/a01-000u.txt: the lines of text under "CSR:". They need not be ASCII; the importer decides.
absl::StatusOr<std::vector<std::string>> ParseTranscription(std::string_view text, std::string_view source);

// trainset.txt, testset_v.txt, testset_t.txt, testset_f.txt: form ids, one a line.
absl::StatusOr<std::vector<std::string>> ParseSplitList(std::string_view text, std::string_view source);

// Letter, two digits, "-", three digits, and at most one letter: "a01-000u".
bool IsFormId(std::string_view id);

}  // namespace normlab::data
