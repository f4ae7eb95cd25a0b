#include "experiments/attentive_reader/attention_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace normlab {
namespace {

constexpr double kWidth = 960.0, kMargin = 20.0, kGap = 28.0;
constexpr double kLetter = 7.3, kSize = 12.0, kLine = 20.0;  // of a monospaced font
constexpr double kPad = 2.0;                                 // around a word

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

double WidthOf(std::string_view text) {
  double letters = 0.0;
  for (; !text.empty(); letters += 1.0) {
    TakeCodePoint(text);
  }
  return letters * kLetter;
}

// Writes words from left to right, line under line.
class Page {
 public:
  void Word(const std::string& word, double shade, bool underlined, bool framed) {
    const double width = WidthOf(word);
    if (x_ > kMargin && x_ + width > kWidth - kMargin) {
      NewLine();
    }
    const auto to = std::back_inserter(svg_);
    if (shade > 0.005) {
      Box(width, fmt::format("fill=\"#e8871e\" fill-opacity=\"{:.2f}\"", shade));
    }
    if (framed) {
      Box(width, "fill=\"none\" stroke=\"#146\"");
    }
    fmt::format_to(to, "<text x=\"{:.1f}\" y=\"{:.1f}\"{}>{}</text>\n", x_, y_,
                   underlined ? " text-decoration=\"underline\" font-weight=\"bold\"" : "", Escaped(word));
    x_ += width + kLetter;
  }
  void Text(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      Word(text.substr(at, end - at), 0.0, false, false);
      at = end + 1;
    }
  }
  void NewLine(double by = kLine) {
    x_ = kMargin;
    y_ += by;
  }

  std::string Svg() const {
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1:.0f}\" viewBox=\"0 0 {0} {1:.0f}\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        "<g font-family=\"monospace\" font-size=\"{2}\">\n{3}</g>\n</svg>\n",
        kWidth, y_ + kMargin, kSize, svg_);
  }

 private:
  void Box(double width, const std::string& style) {
    fmt::format_to(std::back_inserter(svg_),
                   "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" {}/>\n", x_ - kPad, y_ - kSize,
                   width + 2 * kPad, kSize + 2 * kPad, style);
  }

  double x_ = kMargin, y_ = kMargin + kSize;
  std::string svg_;
};

}  // namespace

std::string AttentionSvg(const std::vector<ReadPassage>& passages) {
  Page page;
  for (const ReadPassage& read : passages) {
    const float most = read.attention.empty() ? 1.0f : *std::max_element(read.attention.begin(), read.attention.end());
    for (std::size_t t = 0; t < read.words.size(); ++t) {
      const std::string& word = read.words[t];
      page.Word(word, static_cast<double>(read.attention[t] / most), word == read.answer, word == read.prediction);
    }
    page.NewLine();
    page.Text("? " + read.question);
    page.NewLine();
    page.Text(fmt::format("= {} ({:.3f}), predicted {}, most attention {:.3f}", read.answer, read.probability,
                          read.prediction, most));
    page.NewLine(kGap);
  }
  return page.Svg();
}

}  // namespace normlab
