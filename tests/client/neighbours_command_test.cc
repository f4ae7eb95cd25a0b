// neighbours: a sentence looked up among those that a job compared.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;

class NeighboursCommandTest : public CommandTest {
 protected:
  NeighboursCommandTest() {
    v1::Job& job = AddSucceeded({});
    job.mutable_spec()->mutable_skip_thoughts();
    server_.artifacts["j1 neighbours.txt"] =
        "Nearest of 3 held-out sentences, by the cosine of their vectors\n"
        "\nit 's here .\n  0.912  it 's there .\n  -0.100  who said so ?\n"
        "\nit 's there .\n  0.912  it 's here .\n"
        "\nwho said so ?\n";
  }
};

TEST_F(NeighboursCommandTest, OfAStoredSentenceHoweverItIsWritten) {
  const Outcome outcome = Run({"neighbours", "j1", "  It's   here."});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "0.912  it 's there .\n-0.100  who said so ?\n");
  const auto json = nlohmann::json::parse(Run({"neighbours", "j1", "it's here.", "--json"}).out);
  EXPECT_EQ(json["sentence"], "it 's here .");
  EXPECT_EQ(json["nearest"][1]["cosine"], -0.1);
  EXPECT_EQ(json["nearest"][0]["sentence"], "it 's there .");
}

TEST_F(NeighboursCommandTest, OfAnotherSentenceNamesThoseThatAreThere) {
  const Outcome outcome = Run({"neighbours", "j1", "Who said it?"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("'who said it ?' is none of the 3 held-out sentences of j1"));
  EXPECT_THAT(outcome.err, HasSubstr("\n  who said so ?"));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(NeighboursCommandTest, NeedsAJobThatHasThem) {
  AddSucceeded({});
  EXPECT_THAT(Run({"neighbours", "j2", "so"}).err, HasSubstr("j2 is not a skip_thoughts job"));
  server_.artifacts.clear();
  EXPECT_THAT(Run({"neighbours", "j1", "so"}).err, HasSubstr("j1 has no neighbours yet"));
  EXPECT_EQ(Run({"neighbours", "j1", "\xff"}).code, 2);
}

// What a server sends is looked at line by line, whatever it is.
TEST_F(NeighboursCommandTest, SurvivesAnyFile) {
  for (const char* text : {"", "\n", "\n\n\n", "  0.5  x", "\nso\n  0.5", "\nso\n  \n", "so"}) {
    server_.artifacts["j1 neighbours.txt"] = text;
    const Outcome outcome = Run({"neighbours", "j1", "so"});
    EXPECT_TRUE(outcome.code == 0 || outcome.code == 2) << text;
  }
}

}  // namespace
}  // namespace normlab::client
