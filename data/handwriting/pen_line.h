// pen_line.h - one line of online handwriting as it was recorded: pen-down strokes in device units, text, writer.
//
// Every source (IAM-OnDB, UNIPEN, the synthetic pen) is read into this form, and the cached form on disk (pen_file.h)
// is this form written down. Nothing is resampled, scaled or cut yet; sequence.h does that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace normlab::data {

// Device units, y up. Coordinates stay within +-kMaxCoordinate, so that differences and sums never overflow.
struct PenPoint {
  std::int32_t x = 0;
  std::int32_t y = 0;
  bool operator==(const PenPoint&) const = default;
};
inline constexpr std::int32_t kMaxCoordinate = 10'000'000;

using Stroke = std::vector<PenPoint>;  // from pen down to pen up; never empty

struct PenLine {
  std::string part;                // what it belongs to: IAM-OnDB's split ("trainset"), UNIPEN's contributor ("sta")
  std::string writer;              // unique over all parts
  std::string origin;              // "a01-000u-01", "sta/sta1/hpb1-aeb.dat:0-18"; no blanks
  double points_per_second = 0.0;  // 0: unknown
  std::string text;                // printable ASCII
  std::vector<Stroke> strokes;     // in writing order; never empty
};

inline std::int64_t PointCount(const PenLine& line) {
  std::int64_t points = 0;
  for (const Stroke& stroke : line.strokes) {
    points += static_cast<std::int64_t>(stroke.size());
  }
  return points;
}

}  // namespace normlab::data
