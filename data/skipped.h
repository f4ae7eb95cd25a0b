// skipped.h - what an import did not take, counted under its reason.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace normlab::data {

struct Skipped {
  std::int64_t count = 0;
  std::string example;  // the first one, with file and offset where there is one
};
using SkippedByReason = std::map<std::string, Skipped>;

}  // namespace normlab::data
