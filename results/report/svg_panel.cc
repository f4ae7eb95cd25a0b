#include "results/report/svg_panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "results/report/scale.h"

namespace normlab::report {
namespace {

constexpr double kLeft = 70, kRight = 18, kBottom = 52, kTop = 36, kTopAxisRoom = 34;

bool Drawable(double x, double y, const Scale& sy) {
  return std::isfinite(x) && std::isfinite(y) && (!sy.log() || y > 0);
}

std::string PathOf(const std::vector<Point>& points, const Scale& sx, const Scale& sy) {
  std::string d;
  bool pen_down = false;
  for (const Point& p : points) {
    if (!Drawable(p.x, p.y, sy)) {
      pen_down = false;
      continue;
    }
    d += fmt::format("{}{} {}", pen_down ? "L" : "M", Px(sx(p.x)), Px(sy(p.y)));
    pen_down = true;
  }
  return d;
}

// An error bar, for a band of one place.
std::string BarPath(const BandPoint& b, const Scale& sx, const Scale& sy) {
  if (!Drawable(b.x, b.lo, sy) || !Drawable(b.x, b.hi, sy)) {
    return "";
  }
  const double x = sx(b.x);
  return fmt::format("M{} {}h8m-4 0V{}m-4 0h8", Px(x - 4), Px(sy(b.hi)), Px(sy(b.lo)));
}

std::string CrossPath(double x, double y) { return fmt::format("M{} {}l8 8m0 -8l-8 8", Px(x - 4), Px(y - 4)); }

std::string BandPath(const std::vector<BandPoint>& band, const Scale& sx, const Scale& sy) {
  std::vector<BandPoint> shown;
  std::copy_if(band.begin(), band.end(), std::back_inserter(shown),
               [&](const BandPoint& b) { return Drawable(b.x, b.lo, sy) && Drawable(b.x, b.hi, sy); });
  std::string d;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    d += fmt::format("{}{} {}", i == 0 ? "M" : "L", Px(sx(shown[i].x)), Px(sy(shown[i].hi)));
  }
  for (std::size_t i = shown.size(); i-- > 0;) {
    d += fmt::format("L{} {}", Px(sx(shown[i].x)), Px(sy(shown[i].lo)));
  }
  return d.empty() ? d : d + "Z";
}

// Of the points that can be drawn; absent if none can.
std::optional<Range> DataRange(const Panel& panel, const Scale& sx) {
  Range range{INFINITY, -INFINITY};
  const auto grow = [&](const Point& p) {
    if (std::isfinite(p.y) && p.x >= sx.lo() && p.x <= sx.hi() && (!panel.y.log || p.y > 0)) {
      range.lo = std::min(range.lo, p.y);
      range.hi = std::max(range.hi, p.y);
    }
  };
  for (const Trace& trace : panel.traces) {
    std::for_each(trace.line.begin(), trace.line.end(), grow);
    for (const auto& run : trace.thin) {
      std::for_each(run.begin(), run.end(), grow);
    }
  }
  return range.lo <= range.hi ? std::optional<Range>(range) : std::nullopt;
}

Range DataSpan(const Panel& panel) {
  Range range{INFINITY, -INFINITY};
  for (const Trace& trace : panel.traces) {
    for (const Point& p : trace.line) {
      range = {std::min(range.lo, p.x), std::max(range.hi, p.x)};
    }
    for (const Point& p : trace.ends) {
      if (!panel.x.log || p.x > 0) {
        range = {std::min(range.lo, p.x), std::max(range.hi, p.x)};
      }
    }
  }
  range = range.lo <= range.hi ? RoundOut(range, panel.x.log) : Range{panel.x.log ? 0.1 : 0, 1};
  return {panel.x.lo.value_or(range.lo), panel.x.hi.value_or(range.hi)};
}

class PanelWriter {
 public:
  PanelWriter(SvgWriter& svg, const Panel& panel, double x, double y, std::string clip)
      : svg_(svg),
        panel_(panel),
        left_(x + kLeft),
        right_(x + kCellWidth - kRight),
        top_(y + kTop + (panel.top ? kTopAxisRoom : 0)),
        bottom_(y + kCellHeight - kBottom),
        title_y_(y + 18),
        clip_(std::move(clip)),
        sx_(MakeX()),
        sy_(MakeY()),
        has_points_(DataRange(panel, sx_).has_value()) {}

  void Write() {
    svg_.Text(panel_.title,
              {{"class", "p"}, {"x", Px((left_ + right_) / 2)}, {"y", Px(title_y_)}, {"text-anchor", "middle"}});
    WriteXAxis();
    if (has_points_) {  // an axis without data has no numbers to show
      WriteYAxis();
    }
    if (panel_.top) {
      WriteTopAxis();
    }
    svg_.Open("clipPath", {{"id", clip_}});
    svg_.Leaf(
        "rect",
        {{"x", Px(left_ - 5)}, {"y", Px(top_)}, {"width", Px(right_ - left_ + 10)}, {"height", Px(bottom_ - top_)}});
    svg_.Close("clipPath");
    svg_.Open("g", {{"clip-path", fmt::format("url(#{})", clip_)}});
    WriteTraces();
    svg_.Close("g");
    if (!has_points_) {
      svg_.Text("no point can be drawn", {{"class", "s"},
                                          {"x", Px((left_ + right_) / 2)},
                                          {"y", Px((top_ + bottom_) / 2)},
                                          {"text-anchor", "middle"}});
    }
    svg_.Leaf("rect", {{"class", "frame"},
                       {"x", Px(left_)},
                       {"y", Px(top_)},
                       {"width", Px(right_ - left_)},
                       {"height", Px(bottom_ - top_)}});
  }

 private:
  Scale MakeX() const {
    const Range range = DataSpan(panel_);
    return {range.lo, range.hi, panel_.x.log, left_, right_};
  }
  Scale MakeY() const {
    const Range drawn = DataRange(panel_, sx_).value_or(panel_.y.log ? Range{0.1, 1} : Range{0, 1});
    const Range range = RoundOut(drawn, panel_.y.log);
    return {panel_.y.lo.value_or(range.lo), panel_.y.hi.value_or(range.hi), panel_.y.log, bottom_, top_};
  }
  void Line(std::string_view kind, double x1, double y1, double x2, double y2) {
    svg_.Leaf("path",
              {{"class", std::string(kind)}, {"d", fmt::format("M{} {}L{} {}", Px(x1), Px(y1), Px(x2), Px(y2))}});
  }

  void WriteXAxis() {
    for (const Tick& tick : panel_.x.log ? LogTicks(sx_.lo(), sx_.hi(), 8) : LinearTicks(sx_.lo(), sx_.hi(), 8)) {
      const double x = sx_(tick.value);
      Line("tick", x, bottom_, x, bottom_ + (tick.label.empty() ? 3 : 5));
      if (!tick.label.empty()) {
        svg_.Text(tick.label, {{"x", Px(x)}, {"y", Px(bottom_ + 18)}, {"text-anchor", "middle"}});
      }
    }
    svg_.Text(panel_.x.label, {{"x", Px((left_ + right_) / 2)}, {"y", Px(bottom_ + 38)}, {"text-anchor", "middle"}});
  }

  void WriteYAxis() {
    for (const Tick& tick : panel_.y.log ? LogTicks(sy_.lo(), sy_.hi(), 7) : LinearTicks(sy_.lo(), sy_.hi(), 6)) {
      const double y = sy_(tick.value);
      Line("tick", left_ - (tick.label.empty() ? 3 : 5), y, left_, y);
      if (!tick.label.empty()) {
        Line("grid", left_, y, right_, y);
        svg_.Text(tick.label, {{"x", Px(left_ - 8)}, {"y", Px(y + 4)}, {"text-anchor", "end"}});
      }
    }
    const double x = left_ - 52, y = (top_ + bottom_) / 2;
    svg_.Text(panel_.y.label, {{"x", Px(x)},
                               {"y", Px(y)},
                               {"text-anchor", "middle"},
                               {"transform", fmt::format("rotate(-90 {} {})", Px(x), Px(y))}});
  }

  void WriteTopAxis() {
    const auto back = [&](double x) { return (x - panel_.top->first) / panel_.top->unit; };
    for (const Tick& tick : LinearTicks(std::max(0.0, back(sx_.lo())), back(sx_.hi()), 6)) {
      const double x = sx_(panel_.top->first + tick.value * panel_.top->unit);
      Line("tick", x, top_ - 5, x, top_);
      svg_.Text(tick.label, {{"class", "s"}, {"x", Px(x)}, {"y", Px(top_ - 8)}, {"text-anchor", "middle"}});
    }
    svg_.Text(panel_.top->label,
              {{"class", "s"}, {"x", Px((left_ + right_) / 2)}, {"y", Px(top_ - 24)}, {"text-anchor", "middle"}});
  }

  void Path(std::string kind, std::string d) {
    if (!d.empty()) {
      svg_.Leaf("path", {{"class", std::move(kind)}, {"d", std::move(d)}});
    }
  }

  // Back to front: the paper's bands, ours, the paper's lines, single runs, means, markers.
  void WriteTraces() {
    for (bool reference : {true, false}) {
      for (const Trace& t : panel_.traces) {
        if (t.reference == reference && t.band.size() > 1) {
          Path(FillClass(reference ? "refband" : "band", t.color), BandPath(t.band, sx_, sy_));
        }
      }
    }
    for (bool reference : {true, false}) {
      for (const Trace& t : panel_.traces) {
        if (t.reference == reference) {
          WriteLines(t);
        }
      }
    }
  }

  void WriteLines(const Trace& t) {
    for (const auto& run : t.thin) {
      // A run of one evaluation is no line; a dash shows where it is.
      const bool dash = run.size() == 1 && Drawable(run[0].x, run[0].y, sy_);
      Path(ColorClass("thin", t.color),
           dash ? fmt::format("M{} {}h12", Px(sx_(run[0].x) - 6), Px(sy_(run[0].y))) : PathOf(run, sx_, sy_));
    }
    if (!t.reference && t.band.size() == 1) {
      Path(ColorClass("bar", t.color), BarPath(t.band[0], sx_, sy_));
    }
    Path(ColorClass(t.reference ? "ref" : "line", t.color), PathOf(t.line, sx_, sy_));
    if (!t.reference) {
      WriteMarkers(t);
    }
    for (const Point& p : t.ends) {
      if (std::isfinite(p.x)) {
        // Without a value to stand at, as of a run that was NaN from the start, it stands at the top.
        const double x = sx_.log() ? std::max(p.x, sx_.lo()) : p.x;
        Path(ColorClass("end", t.color), CrossPath(sx_(x), Drawable(p.x, p.y, sy_) ? sy_(p.y) : top_ + 6));
      }
    }
  }

  void WriteMarkers(const Trace& t) {
    constexpr std::size_t kMost = 24;
    const std::size_t every = (t.line.size() + kMost - 1) / kMost;
    for (std::size_t i = 0; i < t.line.size(); i += std::max<std::size_t>(1, every)) {
      if (Drawable(t.line[i].x, t.line[i].y, sy_)) {
        Path(FillClass("mark", t.color), MarkerPath(t.color, sx_(t.line[i].x), sy_(t.line[i].y)));
      }
    }
  }

  SvgWriter& svg_;
  const Panel& panel_;
  double left_, right_, top_, bottom_, title_y_;
  std::string clip_;
  Scale sx_, sy_;
  const bool has_points_;
};

}  // namespace

std::string ColorClass(std::string_view kind, int color) { return fmt::format("{} c{}", kind, color % kColors); }
std::string FillClass(std::string_view kind, int color) { return fmt::format("{} f{}", kind, color % kColors); }

std::string MarkerPath(int color, double x, double y) {
  constexpr double r = 3.6;
  switch (color % 4) {
    case 0:
      return fmt::format("M{0} {1}a{2} {2} 0 1 0 {3} 0a{2} {2} 0 1 0 {4} 0Z", Px(x - r), Px(y), Px(r), Px(2 * r),
                         Px(-2 * r));
    case 1:
      return fmt::format("M{} {}h{}v{}h{}Z", Px(x - r), Px(y - r), Px(2 * r), Px(2 * r), Px(-2 * r));
    case 2:
      return fmt::format("M{} {}L{} {}H{}Z", Px(x), Px(y - 1.2 * r), Px(x + 1.2 * r), Px(y + r), Px(x - 1.2 * r));
    default:
      return fmt::format("M{} {}L{} {}L{} {}L{} {}Z", Px(x), Px(y - 1.3 * r), Px(x + 1.3 * r), Px(y), Px(x),
                         Px(y + 1.3 * r), Px(x - 1.3 * r), Px(y));
  }
}

void WritePanel(SvgWriter& svg, const Panel& panel, double x, double y, const std::string& clip) {
  PanelWriter(svg, panel, x, y, clip).Write();
}

}  // namespace normlab::report
