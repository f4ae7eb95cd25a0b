#include "data/content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/sha256.h"
#include "data/handwriting/pen_file.h"
#include "data/handwriting/synthetic_pen.h"
#include "tests/data/testing.h"

namespace normlab::data {
namespace {

using testing::HasSubstr;

const DataFile& File() { return FindDataset("iam_ondb")->files.front(); }

// Longer than a piece, so that words are cut somewhere.
const std::string& PenFile() {
  static const std::string content = FormatPenFile(DrawSyntheticLines(1, 700));
  return content;
}

TEST(Content, IsTheSamePlainAndCompressedAndCountsTheLines) {
  ASSERT_GT(PenFile().size(), std::size_t{1} << 20);
  const TestDirectory directory;
  for (const std::string& path : {directory.Write("lines.txt", PenFile()), directory.Write("x.gz", Gzip(PenFile()))}) {
    const auto content = ReadContent(File(), path);
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(content->sha256, Sha256Hex(PenFile()));
    EXPECT_EQ(content->records, 700);
  }
}

TEST(Content, ATextThatSaysLineIsNone) {
  const TestDirectory directory;
  EXPECT_EQ(ReadContent(File(), directory.Write("a", "LINE 1\nTEXT LINE 2\n LINE 3\nLINES\nLINE 4"))->records, 2);
}

TEST(Content, RecordsAreWhatTheRegistrySays) {
  const TestDirectory directory;
  const auto records = [&](const char* dataset, std::string_view content) {
    return ReadContent(FindDataset(dataset)->files.front(), directory.Write("a", content))->records;
  };
  EXPECT_EQ(records("books", "BOOK a\nCHAPTER \nTEXT BOOK b\nBOOK\nBOOK c"), 2);
  EXPECT_EQ(records("mr", "0\ta\n1\tb\n"), 2);
  EXPECT_EQ(records("mr", "0\ta\n\n1\tb"), 2);
}

TEST(Content, WhatCannotBeReadIsNamed) {
  const TestDirectory directory;
  const std::string whole = Gzip(PenFile());
  for (const std::string& bad : {whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 1)}) {
    const absl::Status cut = ReadContent(File(), directory.Write("cut.gz", bad)).status();
    EXPECT_EQ(cut.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(cut.ToString(), HasSubstr("cut.gz"));
  }
  DataFile small = File();
  small.bytes = 100;
  EXPECT_EQ(ReadContent(small, directory.Write("long", PenFile())).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadContent(File(), directory.path()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Content, OfAnImportIsWhatIsFoundFirst) {
  const TestDirectory directory;
  const DatasetInfo& dataset = *FindDataset("unipen_original");
  const auto missing = ImportedSha256(dataset, {directory.path()});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(missing.status().ToString(), HasSubstr("normlab data import unipen_original"));
  directory.Write("unipen_original/lines.txt.gz", Gzip("LINE 1"));
  EXPECT_EQ(*ImportedSha256(dataset, {directory.path()}), Sha256Hex("LINE 1"));
}

TEST(Content, OnlyImportsAreNotPinned) {
  for (const DatasetInfo& dataset : Datasets()) {
    const std::set<std::string> imports = {
        "iam_ondb", "unipen_original", "books", "coco", "cnn", "cloze_books", "mr", "cr", "subj", "mpqa", "sick"};
    EXPECT_EQ(IsPinned(dataset), !imports.contains(dataset.name)) << dataset.name;
  }
}

}  // namespace
}  // namespace normlab::data
