// reliability.h - what a test reached of a row of docs/RELIABILITY.md, said in its report; and how much it does.
//
// tools/reliability.py has the rows, reads the reports and writes the table: one test says one figure of one row.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>

namespace normlab {

// To be called last in a test, with the row's number and the figure, such as "300 kills: lost 0".
inline void RecordReliability(int row, const std::string& reached) {
  testing::Test::RecordProperty(fmt::format("reliability_{}", row), reached);
}

// How often a test repeats what it does: `usual` times; with NORMLAB_SOAK=MINUTES as often as those allow, at most `most`.
class Rounds {
 public:
  Rounds(int usual, int most) {
    if (const char* const minutes = std::getenv("NORMLAB_SOAK")) {
      limit_ = most;
      end_ = std::chrono::steady_clock::now() +
             std::chrono::milliseconds(static_cast<std::int64_t>(6e4 * std::atof(minutes)));
    } else {
      limit_ = usual;
    }
  }
  // Whether there is to be a round after the `done` ones.
  bool More(int done) const { return done < limit_ && std::chrono::steady_clock::now() < end_; }

 private:
  int limit_;
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
};

}  // namespace normlab
