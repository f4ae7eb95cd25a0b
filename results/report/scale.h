// scale.h - from data to pixels along one axis, and where its ticks stand.
#pragma once

#include <string>
#include <vector>

namespace normlab::report {

struct Tick {
  double value = 0;
  std::string label;  // empty: a minor tick
};

// Maps [lo, hi] to [from, to] (pixels; from > to for an axis that points up). lo < hi; positive if log.
class Scale {
 public:
  Scale(double lo, double hi, bool log, double from, double to);
  double operator()(double value) const;
  double lo() const { return lo_; }
  double hi() const { return hi_; }
  bool log() const { return log_; }

 private:
  double lo_, hi_, from_, to_;
  bool log_;
};

// Round numbers in [lo, hi]: multiples of 1, 2 or 5 times a power of ten, about `count` of them. Where plain
// labels would be long, all have one power of ten as a factor.
std::vector<Tick> LinearTicks(double lo, double hi, int count);
// Decades with labels, few enough to read (about `count`), and their multiples between as minor ticks. With less than
// two decades, 2 and 5 have labels too.
std::vector<Tick> LogTicks(double lo, double hi, int count);

// The range grown outwards to round numbers (log: to 1, 2, 5 or whole decades). Equal ends are pulled apart.
struct Range {
  double lo = 0;
  double hi = 1;
};
Range RoundOut(Range range, bool log);

}  // namespace normlab::report
