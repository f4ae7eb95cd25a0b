#include "data/handwriting/sequence.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace normlab::data {
namespace {

struct Vec {
  double x, y;
};
using Path = std::vector<std::vector<Vec>>;  // strokes

double Distance(PenPoint a, PenPoint b) {
  return std::hypot(static_cast<double>(a.x) - b.x, static_cast<double>(a.y) - b.y);
}

double Median(std::vector<double> values) {
  if (values.empty()) {
    return 0.0;
  }
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Of the pen-down steps that move at all.
double MedianStep(const PenLine& line) {
  std::vector<double> steps;
  for (const Stroke& stroke : line.strokes) {
    for (std::size_t i = 1; i < stroke.size(); ++i) {
      if (stroke[i] != stroke[i - 1]) {
        steps.push_back(Distance(stroke[i - 1], stroke[i]));
      }
    }
  }
  return Median(std::move(steps));
}

void DropFarFromTheInk(PenLine& line, double deviations) {
  std::vector<double> heights;
  for (const Stroke& stroke : line.strokes) {
    for (const PenPoint& point : stroke) {
      heights.push_back(point.y);
    }
  }
  const double middle = Median(heights);
  for (double& height : heights) {
    height = std::abs(height - middle);
  }
  const double deviation = Median(std::move(heights));
  if (deviation == 0.0 || deviations == 0.0) {
    return;
  }
  for (Stroke& stroke : line.strokes) {
    std::erase_if(stroke, [&](PenPoint p) { return std::abs(p.y - middle) > deviations * deviation; });
  }
}

// The stroke without the readings at the end of steps beyond `longest`; in several pieces where too many are missing.
std::vector<Stroke> WithoutJumps(const Stroke& stroke, double longest, int longest_gap) {
  std::vector<Stroke> pieces(1);
  int missing = 0;
  for (const PenPoint& point : stroke) {
    Stroke& piece = pieces.back();
    if (piece.empty() || Distance(piece.back(), point) <= longest * (missing + 1)) {
      piece.push_back(point);
      missing = 0;
    } else if (++missing > longest_gap) {
      pieces.push_back({point});
      missing = 0;
    }
  }
  return pieces;
}

// Linear interpolation to `ratio` times as many intervals; both ends stay.
std::vector<Vec> Resampled(const Stroke& stroke, double ratio) {
  const auto intervals = static_cast<double>(stroke.size() - 1);
  const auto wanted = std::max(1.0, std::round(intervals * ratio));
  std::vector<Vec> out;
  if (stroke.size() == 1) {
    return {{static_cast<double>(stroke[0].x), static_cast<double>(stroke[0].y)}};
  }
  for (double k = 0; k <= wanted; ++k) {
    const double position = k * intervals / wanted;
    const auto i = std::min(static_cast<std::size_t>(position), stroke.size() - 2);
    const double part = position - static_cast<double>(i);
    out.push_back({stroke[i].x + part * (static_cast<double>(stroke[i + 1].x) - stroke[i].x),
                   stroke[i].y + part * (static_cast<double>(stroke[i + 1].y) - stroke[i].y)});
  }
  return out;
}

Path Trace(const PenLine& line, const SequenceOptions& options) {
  const double ratio = line.points_per_second > 0.0 ? options.points_per_second / line.points_per_second : 0.0;
  const bool resample = ratio > 0.0 && ratio <= options.most_resampling;
  Path path;
  for (const Stroke& stroke : line.strokes) {
    path.push_back(Resampled(stroke, resample ? ratio : 1.0));
  }
  return path;
}

// Root mean square of the pen-down steps; 1 if there are none.
double StepScale(const Path& path) {
  double sum = 0.0;
  double count = 0.0;
  for (const std::vector<Vec>& stroke : path) {
    for (std::size_t i = 1; i < stroke.size(); ++i, ++count) {
      sum += std::pow(stroke[i].x - stroke[i - 1].x, 2) + std::pow(stroke[i].y - stroke[i - 1].y, 2);
    }
  }
  return sum > 0.0 ? std::sqrt(sum / count) : 1.0;
}

}  // namespace

std::int64_t DropBadReadings(PenLine& line, const SequenceOptions& options) {
  const std::int64_t before = PointCount(line);
  DropFarFromTheInk(line, options.ink_deviations);
  const double longest = options.outlier_steps * MedianStep(line);
  std::vector<Stroke> kept;
  for (const Stroke& stroke : line.strokes) {
    for (Stroke& piece :
         longest > 0.0 ? WithoutJumps(stroke, longest, options.longest_gap) : std::vector<Stroke>{stroke}) {
      if (!piece.empty()) {
        kept.push_back(std::move(piece));
      }
    }
  }
  line.strokes = std::move(kept);
  return before - PointCount(line);
}

PenSequence ToSequence(PenLine line, const SequenceOptions& options) {
  if (options.outlier_steps > 0.0) {
    DropBadReadings(line, options);
  }
  const Path path = Trace(line, options);
  const double scale = options.line_scale == LineScale::kStep ? StepScale(path) : 1.0;
  PenSequence sequence;
  sequence.text = Encode(options.alphabet, line.text);
  const Vec* previous = nullptr;
  for (const std::vector<Vec>& stroke : path) {
    for (const Vec& point : stroke) {
      if (previous != nullptr) {
        sequence.steps.push_back({static_cast<float>((point.x - previous->x) / scale),
                                  static_cast<float>((point.y - previous->y) / scale),
                                  &point == &stroke.back() ? 1.0f : 0.0f});
      }
      previous = &point;
    }
  }
  if (const auto most = static_cast<std::size_t>(options.max_steps); most > 0 && sequence.steps.size() > most) {
    sequence.steps.resize(most);
  }
  return sequence;
}

OffsetStatistics MeasureOffsets(const std::vector<PenSequence>& sequences) {
  double count = 0.0, sum_x = 0.0, sum_y = 0.0;
  for (const PenSequence& sequence : sequences) {
    for (const PenStep& step : sequence.steps) {
      sum_x += static_cast<double>(step.dx);
      sum_y += static_cast<double>(step.dy);
      ++count;
    }
  }
  OffsetStatistics statistics;
  if (count == 0.0) {
    return statistics;
  }
  statistics.mean_x = sum_x / count;
  statistics.mean_y = sum_y / count;
  double square_x = 0.0, square_y = 0.0;
  for (const PenSequence& sequence : sequences) {
    for (const PenStep& step : sequence.steps) {
      square_x += std::pow(static_cast<double>(step.dx) - statistics.mean_x, 2);
      square_y += std::pow(static_cast<double>(step.dy) - statistics.mean_y, 2);
    }
  }
  statistics.std_x = square_x > 0.0 ? std::sqrt(square_x / count) : 1.0;
  statistics.std_y = square_y > 0.0 ? std::sqrt(square_y / count) : 1.0;
  return statistics;
}

void Standardize(const OffsetStatistics& statistics, std::vector<PenSequence>& sequences) {
  for (PenSequence& sequence : sequences) {
    for (PenStep& step : sequence.steps) {
      step.dx = static_cast<float>((static_cast<double>(step.dx) - statistics.mean_x) / statistics.std_x);
      step.dy = static_cast<float>((static_cast<double>(step.dy) - statistics.mean_y) / statistics.std_y);
    }
  }
}

}  // namespace normlab::data
