// compare and plot: which jobs and series are asked for, and in which format the result leaves.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CompareCommandTest : public CommandTest {
 protected:
  std::string File(const std::string& name) const { return server_.home() + "/" + name; }
  std::string ContentOf(const std::string& name) const {
    std::ifstream file(File(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(CompareCommandTest, AsksForTheNamedJobsAndSeries) {
  const Outcome outcome =
      Run({"compare", "j1", "j2", "--series", "test/error,train/nll", "--higher-is-better", "train/nll"});
  EXPECT_EQ(outcome.out, "FORMAT_TERMINAL comparison\n");
  EXPECT_THAT(server_.compared.job_ids(), ElementsAre("j1", "j2"));
  EXPECT_THAT(server_.compared.series(), ElementsAre("test/error", "train/nll"));
  EXPECT_THAT(server_.compared.higher_is_better(), ElementsAre("train/nll"));
  EXPECT_EQ(Run({"plot", "j1", "--log"}).out, "FORMAT_SVG plot\n");
  EXPECT_TRUE(server_.plotted.log_y());
}

TEST_F(CompareCommandTest, ChoosesJobsAsJobsDoes) {
  AddSucceeded({{"seed", "1"}});
  AddSucceeded({{"seed", "2"}});
  ASSERT_EQ(Run({"compare", "--experiment", "mnist_mlp"}).code, 0);
  EXPECT_THAT(server_.compared.job_ids(), ElementsAre("j1", "j2"));
  EXPECT_EQ(Run({"compare"}).code, 2) << "neither jobs nor a filter";
  EXPECT_EQ(Run({"compare", "j1", "--experiment", "mnist_mlp"}).code, 2) << "both";
}

TEST_F(CompareCommandTest, TheFilesNameSaysTheFormat) {
  for (const auto& [name, format] : {std::pair("c.tex", "FORMAT_LATEX"), std::pair("c.md", "FORMAT_MARKDOWN"),
                                     std::pair("c.html", "FORMAT_HTML"), std::pair("c", "FORMAT_TERMINAL")}) {
    ASSERT_EQ(Run({"compare", "j1", "-o", File(name)}).code, 0);
    EXPECT_EQ(ContentOf(name), std::string(format) + " comparison\n");
  }
  ASSERT_EQ(Run({"plot", "j1", "-o", File("p.png")}).code, 0);
  EXPECT_EQ(server_.plotted.format(), v1::FORMAT_PNG);
  ASSERT_EQ(Run({"plot", "j1", "-o", File("p.png"), "--format", "csv"}).code, 0) << "what is said counts more";
  EXPECT_EQ(server_.plotted.format(), v1::FORMAT_CSV);
  const Outcome wrong = Run({"plot", "j1", "-o", File("p.pdf")});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("ends in .pdf; expected one of .svg .png .csv .json, or say --format"));
}

}  // namespace
}  // namespace normlab::client
