#include "results/judging/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/parse_number.h"

namespace normlab::judging {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view Trim(std::string_view s) {
  const auto begin = s.find_first_not_of(kBlank);
  return begin == std::string_view::npos ? "" : s.substr(begin, s.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string_view> Split(std::string_view line, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = line.find(separator);
    parts.push_back(Trim(line.substr(0, at)));
    if (at == std::string_view::npos) {
      return parts;
    }
    line.remove_prefix(at + 1);
  }
}

// Which metric a column holds, and which edge of its band.
struct Column {
  int metric = -1;
  bool lo = false;
  bool hi = false;
};

class Parser {
 public:
  Parser(Item& item, const std::function<void(int, std::string)>& problem) : item_(item), problem_(problem) {}

  void Line(int number, std::string_view line) {
    line = Trim(line);
    if (line.empty() || line.front() == '#') {
      return;
    }
    const auto cells = Split(line, ',');
    if (columns_.empty()) {
      Header(number, cells);
    } else if (!starts_well_) {
      return;  // rows of an unknown form; the header has been told of
    } else if (cells.size() != columns_.size()) {
      problem_(number, fmt::format("has {} columns; expected {}", cells.size(), columns_.size()));
    } else {
      Row(number, cells);
    }
  }

 private:
  void Header(int number, const std::vector<std::string_view>& cells) {
    columns_.resize(cells.size());
    starts_well_ = cells.size() > 3 && cells[0] == "arm" && cells[1] == "from" && cells[2] == "to";
    if (!starts_well_) {
      problem_(number, "header is expected to start with arm,from,to and to go on with metrics");
    }
    for (std::size_t c = 3; c < cells.size(); ++c) {
      for (std::size_t m = 0; m < item_.metrics.size(); ++m) {
        const std::string& id = item_.metrics[m].id;
        const bool lo = cells[c] == id + "_lo", hi = cells[c] == id + "_hi", both = cells[c] == id;
        if (lo || hi || both) {
          columns_[c] = {static_cast<int>(m), lo || both, hi || both};
        }
      }
      if (columns_[c].metric < 0) {
        problem_(number, fmt::format("column '{}' is no metric of item {}", cells[c], item_.id));
      }
    }
  }

  void Row(int number, const std::vector<std::string_view>& cells) {
    const auto arm = std::find_if(item_.arms.begin(), item_.arms.end(), [&](const Arm& a) { return a.id == cells[0]; });
    const auto from = ParseReal(cells[1]), to = ParseReal(cells[2]);
    if (arm == item_.arms.end()) {
      return problem_(number, fmt::format("'{}' is no arm of item {}", cells[0], item_.id));
    }
    if (!from || !to || *from > *to) {
      return problem_(number,
                      fmt::format("from,to are '{}','{}'; expected numbers with from <= to", cells[1], cells[2]));
    }
    std::vector<ReferenceRow> rows(item_.metrics.size(), ReferenceRow{*from, *to, NAN, NAN});
    for (std::size_t c = 3; c < cells.size(); ++c) {
      const auto value = ParseReal(cells[c]);
      if (!value && !cells[c].empty()) {
        problem_(number, fmt::format("'{}' is not a finite number", cells[c]));
      }
      if (value && columns_[c].metric >= 0) {
        ReferenceRow& row = rows[static_cast<std::size_t>(columns_[c].metric)];
        row.lo = columns_[c].lo ? *value : row.lo;
        row.hi = columns_[c].hi ? *value : row.hi;
      }
    }
    for (std::size_t m = 0; m < rows.size(); ++m) {
      Store(number, item_.metrics[m], item_.reference[static_cast<std::size_t>(arm - item_.arms.begin())][m], rows[m]);
    }
  }

  void Store(int number, const Metric& metric, ReferenceCurve& curve, const ReferenceRow& row) {
    if (std::isnan(row.lo) && std::isnan(row.hi)) {
      return;
    }
    if (std::isnan(row.lo) || std::isnan(row.hi) || row.lo > row.hi) {
      problem_(number, fmt::format("a band from {} to {}; expected both edges, lo <= hi", row.lo, row.hi));
    } else if (metric.log && row.lo <= 0) {
      problem_(number, fmt::format("{} is {}; a log metric is above 0", metric.id, row.lo));
    } else if (!curve.empty() && curve.back().to >= row.from) {
      problem_(number, fmt::format("starts at {}, before the arm's last row ended ({})", row.from, curve.back().to));
    } else {
      curve.push_back(row);
    }
  }

  Item& item_;
  const std::function<void(int, std::string)>& problem_;
  std::vector<Column> columns_;
  bool starts_well_ = false;  // the header
};

}  // namespace

void ParseReference(std::string_view csv, Item& item, const std::function<void(int, std::string)>& problem) {
  Parser parser(item, problem);
  int number = 0;
  for (std::string_view line : Split(csv, '\n')) {
    parser.Line(++number, line);
  }
}

const ReferenceRow* ReferenceAt(const ReferenceCurve& curve, double x) {
  const auto distance = [&](const ReferenceRow& r) { return std::max({r.from - x, x - r.to, 0.0}); };
  const auto nearest = std::min_element(curve.begin(), curve.end(), [&](const ReferenceRow& a, const ReferenceRow& b) {
    return distance(a) < distance(b);
  });
  return nearest == curve.end() ? nullptr : &*nearest;
}

double Middle(const ReferenceRow& row, const Metric& metric) {
  return metric.log ? std::sqrt(row.lo * row.hi) : (row.lo + row.hi) / 2;
}

std::optional<double> ReferenceMean(const ReferenceCurve& curve, const Metric& metric, double from, double to) {
  double sum = 0;
  int n = 0;
  for (const ReferenceRow& row : curve) {
    if (row.to >= from && row.from <= to) {
      const double middle = Middle(row, metric);
      sum += metric.log ? std::log(middle) : middle;
      ++n;
    }
  }
  if (n == 0) {
    return std::nullopt;
  }
  return metric.log ? std::exp(sum / n) : sum / n;
}

}  // namespace normlab::judging
