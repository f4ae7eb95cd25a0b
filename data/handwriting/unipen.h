// unipen.h - UNIPEN files in their original form: keywords at line starts, included files, pen-down components,
// segments.
//
// What is read is the flattened text: included files stand where .INCLUDE names them. Components are the non-empty
// .PEN_DOWN and .PEN_UP blocks in that order, counted from 0; a segment of level TEXT names some of them and says what
// was written. Every other keyword is passed over. Errors are kDataLoss with file and byte offset.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/handwriting/pen_line.h"

namespace normlab::data {

struct UnipenComponent {
  bool down = false;
  double points_per_second = 0.0;  // as last said before it; 0: not said
  Stroke points;                   // never empty
};

struct UnipenSegment {
  struct Span {
    std::int64_t first, last;
  };
  std::vector<Span> spans;  // rising, of components that exist
  std::string range;        // as written, without blanks: "0-18"
  std::string quality;      // "OK", "GOOD", "BAD", "?"
  std::string label;        // escapes undone; need not be ASCII
  std::string problem;      // why it cannot be used; empty: it can
};

struct UnipenFile {
  std::string writer;  // .WRITER_ID; empty: not said
  std::vector<UnipenComponent> components;
  std::vector<UnipenSegment> segments;  // of level TEXT, in the order of the file
};

// The text of a file that .INCLUDE names; nullptr: there is none. It must live until ParseUnipen returns.
using UnipenResolver = std::function<const std::string*(std::string_view name)>;

struct UnipenLimits {
  int max_depth = 8;                               // files including files
  std::int64_t max_bytes = std::int64_t{1} << 28;  // of the flattened text: an included file counts each time
};

absl::StatusOr<UnipenFile> ParseUnipen(std::string_view content, std::string_view source, const UnipenResolver& resolve,
                                       UnipenLimits limits = {});

}  // namespace normlab::data
