#include "data/text/kjv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/sha256.h"
#include "data/fetch.h"
#include "data/registry.h"
#include "data/text/import.h"
#include "data/text/text_corpus.h"
#include "tests/data/testing.h"

namespace normlab::data {
namespace {

using testing::HasSubstr;

constexpr std::string_view kText =
    "Title.\nGe1:1 In the beginning.\nGe1:2 And the earth.\nGe2:1 Thus the heavens.\n1Sm17:4 And there went out.\n";

std::string Number(std::uint32_t number) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) {
    bytes += static_cast<char>(number >> shift);
  }
  return bytes;
}

// As compress(1) packs what has no pair of characters twice: codes of nine bits, the lowest bit first, eight of them to nine
// bytes. No table of pairs fills up in so few.
std::string Pack(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    bits |= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << have;
    for (have += 9; have >= 8; have -= 8, bits >>= 8) {
      bytes += static_cast<char>(bits);
    }
  }
  return have > 0 ? bytes + static_cast<char>(bits) : bytes;
}

std::string MakeBible(std::string_view text, std::uint32_t window) {
  std::string offsets, windows;
  const std::size_t count = (text.size() + window - 1) / window;
  const std::size_t begin = 92 + 4 * (count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    offsets += Number(static_cast<std::uint32_t>(begin + windows.size()));
    windows += Pack(text.substr(i * window, window));
  }
  offsets += Number(static_cast<std::uint32_t>(begin + windows.size()));
  std::string file = "EC02Compressed Data File";
  file.resize(84, '\0');
  return file + Number(window) + Number(static_cast<std::uint32_t>(count)) + offsets + windows;
}

TEST(Kjv, UnpacksWindows) {
  EXPECT_EQ(*UnpackBible(MakeBible(kText, 40), "bible.data"), kText);
  EXPECT_EQ(*UnpackBible(MakeBible(kText, 200), "bible.data"), kText);
}

TEST(Kjv, VersesAreParagraphsOfChaptersOfBooks) {
  EXPECT_EQ(*VersesToBookFile(kText, "f"),
            "BOOK Ge\nCHAPTER 1\nTEXT In the beginning.\nTEXT And the earth.\nCHAPTER 2\nTEXT Thus the heavens.\n"
            "BOOK 1Sm\nCHAPTER 17\nTEXT And there went out.\n");
}

TEST(Kjv, BadFilesAreNamedWithTheirOffset) {
  const std::string good = MakeBible(kText, 40);
  const auto message = [](std::string_view bytes) { return Message(UnpackBible(bytes, "bible.data").status()); };
  EXPECT_THAT(message(""), HasSubstr("bible.data: byte 0"));
  EXPECT_THAT(message(good.substr(0, 90)), HasSubstr("bible.data: byte 0"));
  EXPECT_THAT(message(good.substr(0, 95)), HasSubstr("bible.data: byte 88: 3 windows"));
  EXPECT_THAT(message(good.substr(0, good.size() - 1)), HasSubstr("a window from"));
  const auto changed = [&](std::size_t at, std::uint32_t number) {
    std::string bad = good;
    return message(bad.replace(at, 4, Number(number)));
  };
  EXPECT_THAT(changed(84, 0), HasSubstr("byte 84: windows of 0 bytes"));
  EXPECT_THAT(changed(84, 0xFFFFFFFF), HasSubstr("byte 84"));
  EXPECT_THAT(changed(84, 41), HasSubstr("does not hold 41 bytes"));
  EXPECT_THAT(changed(84, 39), HasSubstr("does not hold 39 bytes"));
  EXPECT_THAT(changed(88, 0x7FFFFFFF), HasSubstr("byte 88"));
  EXPECT_THAT(changed(92, 0xFFFFFFFF), HasSubstr("byte 92"));
  EXPECT_THAT(changed(96, 3), HasSubstr("byte 92"));
}

TEST(Kjv, WhatIsNoVerseIsNamedWithItsOffset) {
  const auto message = [](std::string_view text) { return Message(VersesToBookFile(text, "f").status()); };
  for (const char* line : {"no verse", "Ge1 In", "Ge:1 In", "1:1 In", "Ge1:x In", "Ge1:1", "Ge1:1 ", "Ge1: In", ""}) {
    EXPECT_THAT(message(std::string("Title\nGe1:1 In.\n") + line + "\n"), HasSubstr("f: byte 16: ")) << line;
  }
  EXPECT_THAT(message("Title\n"), HasSubstr("ends without a verse"));
  EXPECT_THAT(message(""), HasSubstr("ends without a verse"));
  EXPECT_THAT(message("Title\nGe1:1 \xFF"), HasSubstr("f: byte 12: 0xff is not UTF-8"));
}

TEST(Kjv, AnotherTextIsNotStored) {
  const TestDirectory directory;
  directory.Write("in/bible.data", MakeBible(kText, 40));
  const auto report = ImportText(*FindDataset("kjv"), directory.path() + "/in", directory.path(), {});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(report.status()), HasSubstr("sha256"));
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/kjv"));
  EXPECT_THAT(Message(ImportText(*FindDataset("kjv"), directory.Write("x", ""), directory.path(), {}).status()),
              HasSubstr("bible-kjv-text"));
}

// A machine without the package: apt-get and dpkg-deb are what the test says.
class FetchKjv : public testing::Test {
 protected:
  void SetUp() override {
    dataset_ = *FindDataset("kjv");
    const std::string content = *VersesToBookFile(kText, "f");
    dataset_.files.front().sha256 = Sha256Hex(content);
    dataset_.files.front().bytes = static_cast<std::int64_t>(content.size());
    dataset_.debian = {.package = "tiny-text", .path = "/not/installed/bible.data"};
    machine_.Write("bible.data", MakeBible(kText, 40));
    path_before_ = std::getenv("PATH");
    ::setenv("PATH", (machine_.path() + "/bin:" + path_before_).c_str(), 1);
    Install("apt-get", "[ \"$*\" = 'download -q tiny-text' ] && touch tiny-text_1_all.deb");
    Install("dpkg-deb",
            "[ -e \"$2\" ] && mkdir -p $3/not/installed && cp " + machine_.path() + "/bible.data $3/not/installed");
  }
  void TearDown() override { ::setenv("PATH", path_before_.c_str(), 1); }

  void Install(const std::string& program, const std::string& script) {
    std::filesystem::permissions(machine_.Write("bin/" + program, "#!/bin/sh\n" + script + "\n"),
                                 std::filesystem::perms::owner_all);
  }
  absl::Status FetchIt() {
    return Fetch(dataset_, machine_.path() + "/own", {machine_.path() + "/own"}, [](std::string_view) {});
  }

  const TestDirectory machine_;
  DatasetInfo dataset_;
  std::string path_before_;
};

TEST_F(FetchKjv, TakesTheTextOutOfAPackageThatIsDownloaded) {
  const absl::Status status = FetchIt();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(LoadTextCorpus(dataset_, {machine_.path() + "/own"}, "")->Books(), 2u);
  Install("apt-get", "exit 1");
  EXPECT_TRUE(FetchIt().ok());  // it is there
}

TEST_F(FetchKjv, TakesTheInstalledPackageWhereThereIsOne) {
  Install("apt-get", "exit 1");
  dataset_.debian.path = machine_.path() + "/bible.data";
  const absl::Status status = FetchIt();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(FetchKjv, SaysWhatWentWrong) {
  Install("apt-get", "exit 100");
  EXPECT_THAT(Message(FetchIt()), HasSubstr("`apt-get download -q tiny-text` exited with code 100"));
  Install("apt-get", "exit 0");
  EXPECT_THAT(Message(FetchIt()), HasSubstr("left 0 files"));
  Install("apt-get", "touch a.deb");
  Install("dpkg-deb", "mkdir -p $3");
  EXPECT_EQ(FetchIt().code(), absl::StatusCode::kNotFound);
  machine_.Write("bible.data", MakeBible(std::string(kText) + "Rev1:1 More.\n", 40));
  Install("dpkg-deb", "mkdir -p $3/not/installed && cp " + machine_.path() + "/bible.data $3/not/installed");
  EXPECT_EQ(FetchIt().code(), absl::StatusCode::kDataLoss);
}

TEST(Kjv, DebiansFileIsTheTextTheRegistryNames) {
  const DatasetInfo& dataset = *FindDataset("kjv");
  if (!std::filesystem::exists(dataset.debian.path)) {
    GTEST_SKIP() << "the package " << dataset.debian.package << " is not installed";
  }
  const TestDirectory directory;
  const auto report = ImportText(dataset, dataset.debian.path, directory.path(), {});
  ASSERT_TRUE(report.ok()) << report.status();
  const auto corpus = LoadTextCorpus(dataset, {directory.path()}, "");
  ASSERT_TRUE(corpus.ok()) << corpus.status();
  EXPECT_EQ(corpus->Books(), 66u);
  EXPECT_EQ(corpus->Chapters(), 1189u);
  std::string first;
  for (const std::uint32_t form : corpus->Sentence(0)) {
    first += corpus->forms[form] + " ";
  }
  EXPECT_EQ(first, "In the beginning God created the heaven and the earth . ");
}

}  // namespace
}  // namespace normlab::data
