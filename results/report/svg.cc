// svg.cc - a figure as SVG: panels in a grid under a legend.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "results/report/figure.h"
#include "results/report/svg_panel.h"
#include "results/report/svg_writer.h"
#include "results/report/text.h"

namespace normlab::report {
namespace {

constexpr double kMargin = 14;
constexpr double kLegendTop = 52, kLegendLine = 22, kLegendBottom = 14;  // the legend, under the title

// Okabe and Ito's palette; in dark mode black and blue give way to colours that stand out there.
constexpr std::array<std::string_view, kColors> kLight = {"#000000", "#d55e00", "#0072b2", "#009e73",
                                                          "#cc79a7", "#e69f00", "#56b4e9", "#b8a800"};
constexpr std::array<std::string_view, kColors> kDark = {"#f0f0f0", "#ff8c3a", "#56b4e9", "#2fc49a",
                                                         "#e09ac2", "#e69f00", "#9ad4f5", "#f0e442"};

std::string Colors(const std::array<std::string_view, kColors>& palette) {
  std::string css;
  for (int c = 0; c < kColors; ++c) {
    css += fmt::format(".c{0}{{stroke:{1};color:{1}}}.f{0}{{fill:{1}}}", c, palette[static_cast<std::size_t>(c)]);
  }
  return css;
}

std::string StyleSheet() {
  return fmt::format(
      "<style>.nl text{{font:12px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#1a1a1a}}"
      ".nl .h{{font-size:16px;font-weight:600}}.nl .p{{font-size:13px;font-weight:600}}.nl .s{{font-size:11px}}"
      ".nl .bg{{fill:#fff}}.nl .frame{{fill:none;stroke:#666}}.nl .grid{{stroke:#e2e2e2}}.nl .tick{{stroke:#666}}"
      ".nl .line{{fill:none;stroke-width:2.4;stroke-linejoin:round}}.nl .thin{{fill:none;stroke-width:.9;opacity:.5}}"
      ".nl .ref{{fill:none;stroke-width:1.5;stroke-dasharray:5 3;opacity:.75}}.nl .band{{stroke:none;opacity:.16}}"
      ".nl .refband{{stroke:none;opacity:.1}}.nl .bar{{fill:none;stroke-width:1.2}}.nl "
      ".mark{{stroke:#fff;stroke-width:.8}}.nl "
      ".end{{fill:none;stroke-width:1.8}}"
      ".nl .key{{stroke:#1a1a1a}}.nl .keyfill{{fill:#1a1a1a}}{}"
      "@media (prefers-color-scheme:dark){{.nl text{{fill:#e6e6e6}}.nl .bg{{fill:#16181c}}.nl .frame,.nl "
      ".tick{{stroke:#999}}"
      ".nl .grid{{stroke:#33373d}}.nl .mark{{stroke:#16181c}}.nl .key{{stroke:#e6e6e6}}.nl .keyfill{{fill:#e6e6e6}}"
      ".nl .band{{opacity:.24}}{}}}@media print{{.nl .bg{{fill:none}}}}</style>\n",
      Colors(kLight), Colors(kDark));
}

// How far text of the legend reaches; fonts differ, so this is generous.
double TextWidth(std::string_view text) { return 6.8 * Width(text); }

// Colours first, then what lines and bands mean, each from a new line on and wrapped.
class LegendWriter {
 public:
  LegendWriter(const std::vector<LegendEntry>& entries, double width) {
    for (const bool colors : {true, false}) {
      double x = kMargin;
      lines_ += colors ? 0 : 1;
      for (const LegendEntry& entry : entries) {
        if ((entry.style == LegendEntry::Style::kColor) == colors) {
          const double length = kKey + 6 + TextWidth(entry.label);
          if (x > kMargin && x + length > width) {
            x = kMargin;
            ++lines_;
          }
          places_.push_back({&entry, x, kLegendTop + lines_ * kLegendLine});
          x += length + 22;
        }
      }
    }
  }

  double bottom() const { return kLegendTop + lines_ * kLegendLine + kLegendBottom; }

  void Write(SvgWriter& svg) const {
    for (const auto& [entry, x, y] : places_) {
      WriteKey(svg, *entry, x, y - 4);
      svg.Text(entry->label, {{"x", Px(x + kKey + 6)}, {"y", Px(y)}});
    }
  }

 private:
  static constexpr double kKey = 30;

  struct Place {
    const LegendEntry* entry;
    double x, y;
  };

  static void WriteKey(SvgWriter& svg, const LegendEntry& entry, double x, double y) {
    const std::string d = fmt::format("M{} {}h{}", Px(x), Px(y), Px(kKey));
    switch (entry.style) {
      case LegendEntry::Style::kColor:
        svg.Leaf("path", {{"class", ColorClass("line", entry.color)}, {"d", d}});
        svg.Leaf("path", {{"class", FillClass("mark", entry.color)}, {"d", MarkerPath(entry.color, x + kKey / 2, y)}});
        break;
      case LegendEntry::Style::kOurs:
        Swatch(svg, "band keyfill", x, y);
        svg.Leaf("path", {{"class", "line key"}, {"d", d}});
        break;
      case LegendEntry::Style::kSeed:
        svg.Leaf("path", {{"class", "thin key"}, {"d", d}});
        break;
      case LegendEntry::Style::kReference:
        Swatch(svg, "refband keyfill", x, y);
        svg.Leaf("path", {{"class", "ref key"}, {"d", d}});
        break;
    }
  }

  static void Swatch(SvgWriter& svg, std::string_view kind, double x, double y) {
    svg.Leaf("rect",
             {{"class", std::string(kind)}, {"x", Px(x)}, {"y", Px(y - 6)}, {"width", Px(kKey)}, {"height", "12"}});
  }

  std::vector<Place> places_;
  int lines_ = 0;  // under the first
};

}  // namespace

std::string RenderSvg(const Figure& figure) {
  const int columns = std::max(1, std::min(figure.columns, static_cast<int>(figure.panels.size())));
  const int rows = (static_cast<int>(figure.panels.size()) + columns - 1) / columns;
  const LegendWriter legend(figure.legend, columns * kCellWidth);
  const std::string width = Px(columns * kCellWidth), height = Px(legend.bottom() + rows * kCellHeight);
  const std::string title = figure.name + "-title", description = figure.name + "-desc";
  SvgWriter svg;
  svg.Open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                   {"class", "nl"},
                   {"role", "img"},
                   {"aria-labelledby", fmt::format("{} {}", title, description)},
                   {"width", width},
                   {"height", height},
                   {"viewBox", fmt::format("0 0 {} {}", width, height)}});
  svg.Element("title", figure.title, {{"id", title}});
  svg.Element("desc", figure.description, {{"id", description}});
  svg.Raw(StyleSheet());
  svg.Leaf("rect", {{"class", "bg"}, {"width", width}, {"height", height}});
  svg.Text(figure.title, {{"class", "h"}, {"x", Px(kMargin)}, {"y", "26"}});
  legend.Write(svg);
  for (std::size_t i = 0; i < figure.panels.size(); ++i) {
    const int column = static_cast<int>(i) % columns, row = static_cast<int>(i) / columns;
    WritePanel(svg, figure.panels[i], column * kCellWidth, legend.bottom() + row * kCellHeight,
               fmt::format("{}-clip{}", figure.name, i));
  }
  svg.Close("svg");
  return svg.Take();
}

}  // namespace normlab::report
