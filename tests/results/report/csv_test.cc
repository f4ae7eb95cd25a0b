#include "results/report/csv.h"

#include <cmath>
#include <cstdlib>

#include "gtest/gtest.h"

namespace normlab::report {
namespace {

std::string Cell(std::string_view text) { return CsvWriter().Text(text).Take(); }

TEST(Csv, QuotesAsRfc4180) {
  EXPECT_EQ(Cell("plain"), "plain");
  EXPECT_EQ(Cell("a,b"), "\"a,b\"");
  EXPECT_EQ(Cell("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(Cell("two\nlines"), "\"two\nlines\"");
  CsvWriter csv;
  csv.Text("").Text("x").EndRow();
  csv.Number(1).Number(std::nullopt).EndRow();
  EXPECT_EQ(csv.Take(), ",x\r\n1,\r\n");
}

TEST(Csv, FormulasBecomeText) {
  EXPECT_EQ(Cell("=1+1"), "'=1+1");
  EXPECT_EQ(Cell("@SUM(A1)"), "'@SUM(A1)");
  EXPECT_EQ(Cell("-2+3"), "'-2+3");
  EXPECT_EQ(Cell("+x"), "'+x");
  EXPECT_EQ(Cell("\t=1"), "'\t=1");
  EXPECT_EQ(Cell("=a,\"b\""), "\"'=a,\"\"b\"\"\"");
}

TEST(Csv, NumbersReadBackExactly) {
  for (double value : {0.1, 1.0 / 3, -2.5e-300, 1e22, 4.9e-324}) {
    EXPECT_EQ(std::strtod(CsvWriter().Number(value).Take().c_str(), nullptr), value);
  }
  EXPECT_EQ(CsvWriter().Number(-1.5).Take(), "-1.5");  // a negative number is no formula
  EXPECT_EQ(CsvWriter().Number(NAN).Take(), "");
  EXPECT_EQ(CsvWriter().Number(INFINITY).Take(), "Infinity");
}

}  // namespace
}  // namespace normlab::report
