// computed_by.h - which code and instruction set a table's runs were computed by, and the note when there are several.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normlab::judging {

struct ComputedRun {
  std::string job;          // "j17"
  std::string computed_by;  // "numerics revision 1, model revision 1, AVX3/libm.5c1f09ab"; empty: not told
};

// For beside a table: which runs were computed by what. Empty if all were by one.
std::string ComputedByNote(const std::vector<ComputedRun>& runs);

}  // namespace normlab::judging
