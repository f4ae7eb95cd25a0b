#include "data/text/sentence_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/text/sick.h"

namespace normlab::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SentenceSets, ReadsLinesWithLabels) {
  const auto sentences = ParseLabelledLines("0 simplistic , silly . \n1 it 's good\r\n\n0 \n1 a\tb", "rt-polarity.all");
  ASSERT_TRUE(sentences.ok()) << sentences.status();
  EXPECT_THAT(sentences->sentences, ElementsAre(LabelledSentence{0, "simplistic , silly ."},
                                                LabelledSentence{1, "it 's good"}, LabelledSentence{1, "a b"}));
  EXPECT_EQ(sentences->empty.count, 2);
  EXPECT_EQ(sentences->empty.example, "rt-polarity.all: byte 38");
}

TEST(SentenceSets, ReadsLinesOfOneLabelInEitherEncoding) {
  const std::vector<LabelledSentence> expected = {{1, "caf\u00E9... so"}, {1, "0 more"}};
  EXPECT_EQ(ParseLinesOfLabel("caf\xE9\x85 so\n0 more\n", "f", 1)->sentences, expected);
  EXPECT_EQ(ParseLinesOfLabel("cafe\u0301\u2026 so \n \n0 more", "f", 1)->sentences, expected);
  EXPECT_EQ(ParseLinesOfLabel("a\n\t\n\n", "f", 1)->empty.count, 2);
  EXPECT_THAT(ParseLinesOfLabel("", "f", 1)->sentences, ElementsAre());
}

TEST(SentenceSets, BadLinesAreNamedWithTheirOffset) {
  const auto message = [](std::string_view bytes) { return Message(ParseLabelledLines(bytes, "f").status()); };
  EXPECT_THAT(message("0 a\n2 b\n"), HasSubstr("f: byte 4: '2 b'"));
  EXPECT_THAT(message("0 \xE9\nx\n"), HasSubstr("f: byte 4: 'x'"));
  EXPECT_THAT(message("0 a\n0\n"), HasSubstr("f: byte 4"));
  EXPECT_THAT(message("0 a\n1b\n"), HasSubstr("f: byte 4"));
  EXPECT_THAT(message(std::string_view("0 a\n0 \0\n", 8)), HasSubstr("f: byte 6: a NUL"));
  EXPECT_THAT(message("0 a\n1 " + std::string(70'000, 'x')), HasSubstr("f: byte 4: a line of 70002 bytes"));
}

TEST(SentenceSets, TheImportedFormReadsBack) {
  const std::vector<LabelledSentence> sentences = {{0, "a b"}, {1, "caf\u00E9 1"}};
  EXPECT_EQ(*ParseSentenceSet(FormatSentenceSet(sentences), "f"), sentences);
  const auto message = [](std::string_view content) { return Message(ParseSentenceSet(content, "f").status()); };
  EXPECT_THAT(message(""), HasSubstr("f: byte 0"));
  EXPECT_THAT(message("0\ta\n0 b\n"), HasSubstr("f: byte 4: '0 b'"));
  EXPECT_THAT(message("0\ta\n\n"), HasSubstr("f: byte 4"));
  EXPECT_THAT(message("0\ta\n1\t\n"), HasSubstr("f: byte 4"));
  EXPECT_THAT(message("0\t\xFF"), HasSubstr("f: byte 2: not UTF-8"));
}

constexpr std::string_view kHeader = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n";

std::string SickFile(std::string_view rows) { return std::string(kHeader).append(rows); }

TEST(Sick, ReadsAnOfficialFile) {
  const auto pairs = ParseSickFile(SickFile("1\tA dog runs\tA dog is running\t4.5\tENTAILMENT\r\n\r\n"
                                            "12\tA\tB\t1\tNEUTRAL\n9\tA\tNot A\t3.25\tCONTRADICTION"),
                                   "SICK_train.txt");
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  EXPECT_THAT(*pairs, ElementsAre(SickPair{1, "A dog runs", "A dog is running", 4.5, Entailment::kEntailment},
                                  SickPair{12, "A", "B", 1, Entailment::kNeutral},
                                  SickPair{9, "A", "Not A", 3.25, Entailment::kContradiction}));
}

TEST(Sick, BadRowsAreNamedWithTheirOffset) {
  const auto message = [](std::string_view bytes) { return Message(ParseSickFile(bytes, "f").status()); };
  EXPECT_THAT(message("1\tA\tB\t3\tNEUTRAL\n"), HasSubstr("f: byte 0"));
  EXPECT_THAT(message(""), HasSubstr("f: byte 0: ends without a pair"));
  EXPECT_THAT(message(kHeader), HasSubstr("ends without a pair"));
  const std::string at = "f: byte " + std::to_string(kHeader.size()) + ": ";
  for (const char* row : {"1\tA\tB\t3", "x\tA\tB\t3\tNEUTRAL", "1\t\tB\t3\tNEUTRAL", "1\tA\tB\t0.5\tNEUTRAL",
                          "1\tA\tB\tnan\tNEUTRAL", "1\tA\tB\t5.1\tNEUTRAL", "1\tA\tB\t3\tMAYBE",
                          "1\tA\tB\t3\tNEUTRAL\tmore", "99999999999999999999\tA\tB\t3\tNEUTRAL"}) {
    EXPECT_THAT(message(SickFile(row)), HasSubstr(at)) << row;
  }
  EXPECT_THAT(message(SickFile(std::string(70'000, 'x'))), HasSubstr(at + "a line of 70000 bytes"));
}

TEST(Sick, TheImportedFormReadsBack) {
  SickData data;
  data.train = {{1, "a", "b", 4.7, Entailment::kEntailment}, {2, "c", "d", 1, Entailment::kNeutral}};
  data.trial = {{3, "e", "f", 3.3, Entailment::kContradiction}};
  data.test = {{4, "g", "h", 5, Entailment::kNeutral}};
  const std::string content = FormatSick(data);
  const auto again = ParseSick(content, "f");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->train, data.train);
  EXPECT_EQ(again->trial, data.trial);
  EXPECT_EQ(again->test, data.test);
  const auto message = [](std::string_view bytes) { return Message(ParseSick(bytes, "f").status()); };
  EXPECT_THAT(message("dev\t1\ta\tb\t3\tNEUTRAL\n"), HasSubstr("f: byte 0: 'dev"));
  EXPECT_THAT(message("train\n"), HasSubstr("f: byte 0"));
  EXPECT_THAT(message("train\t1\ta\tb\t9\tNEUTRAL\n"), HasSubstr("f: byte 6"));
  EXPECT_THAT(message("train\t1\ta\tb\t3\tNEUTRAL\n"), HasSubstr("without a pair of the part trial"));
  EXPECT_THAT(message("train\t1\t\xFF"), HasSubstr("f: byte 8"));
}

}  // namespace
}  // namespace normlab::data
