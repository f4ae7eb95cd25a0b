#include "workers/safetensors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/rng.h"
#include "tests/memory_file.h"
#include "tests/reliability.h"
#include "tests/workers/toy_experiment.h"

namespace normlab::workers {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// A file of this header and so many bytes of data, as a careless or hostile program would write it.
std::string File(std::string_view header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), 8);
  return file + std::string(header) + std::string(data_bytes, '\1');
}

MemoryFile MadeOf(std::string_view header, std::size_t data_bytes) { return MemoryFile(File(header, data_bytes)); }

MemoryFile Write(const std::vector<NamedTensor>& tensors, const TextMap& metadata) {
  return MemoryFile(Written([&](const ByteSink& sink) { return WriteSafetensors(tensors, metadata, sink); }));
}

std::string ErrorOf(std::string_view file) {
  const absl::Status status = ReadSafetensors(MemoryFile(std::string(file))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  return Message(status);
}

TEST(SafetensorsTest, KeepsNamesShapesMetadataAndBits) {
  float values[6] = {1.5F, -0.0F, std::bit_cast<float>(0x7fc00123U), 1e-45F, 2, 3};
  const MemoryFile file = Write({{"b.weight", {2, 2}, values}, {"a", {}, values + 4}, {"empty", {0, 3}, values}},
                                {{"step", "12"}, {"quoted", "\"x\"\n"}});
  const auto read = ReadSafetensors(file);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->metadata, (TextMap{{"step", "12"}, {"quoted", "\"x\"\n"}}));
  ASSERT_EQ(read->tensors.size(), 3);
  EXPECT_EQ(read->tensors[0].name, "b.weight");
  EXPECT_THAT(read->tensors[0].shape, ElementsAre(2, 2));
  EXPECT_EQ(std::memcmp(file.bytes().data() + read->tensors[0].begin, values, 16), 0);
  std::uint64_t header = 0;
  std::memcpy(&header, file.bytes().data(), 8);
  EXPECT_EQ(header % 8, 0) << "tensors are aligned";

  float back[5] = {};
  float none[1];
  ASSERT_TRUE(
      CopyTensors(file, *read, {{"a", {}, back + 4}, {"b.weight", {2, 2}, back}, {"empty", {0, 3}, none}}).ok());
  EXPECT_EQ(std::memcmp(back, values, sizeof back), 0);
}

TEST(SafetensorsTest, ReadsWhatOtherProgramsWrite) {
  EXPECT_FALSE(ReadSafetensors(MadeOf(R"( {"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}  )", 8)).ok())
      << "a header begins with '{'";
  EXPECT_TRUE(ReadSafetensors(MadeOf(R"({"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}   )", 8)).ok());
  EXPECT_TRUE(ReadSafetensors(MadeOf("{}", 0)).ok());
}

TEST(SafetensorsTest, ShortFilesNameTheByte) {
  EXPECT_EQ(ErrorOf(""), "safetensors byte 0: the file ends in its first 8 bytes");
  EXPECT_EQ(ErrorOf("1234567"), "safetensors byte 7: the file ends in its first 8 bytes");
  EXPECT_THAT(ErrorOf(std::string(8, '\xff')),
              HasSubstr("byte 0: header of 18446744073709551615 bytes in a file of 8"));
  EXPECT_THAT(ErrorOf(File("{}", 0).substr(0, 9)), HasSubstr("header of 2 bytes in a file of 9"));
}

TEST(SafetensorsTest, LyingHeadersNameTheTensor) {
  const auto entry = [](std::string_view shape, std::string_view offsets, std::size_t data) {
    return ErrorOf(
        File(fmt::format(R"({{"w":{{"dtype":"F32","shape":{},"data_offsets":{}}}}})", shape, offsets), data));
  };
  EXPECT_THAT(entry("[4]", "[0,16]", 8),
              HasSubstr("tensor \"w\": data_offsets [0, 16] do not lie in the 8 bytes of data"));
  EXPECT_THAT(entry("[2]", "[8,0]", 8), HasSubstr("do not lie"));
  EXPECT_THAT(entry("[3]", "[0,8]", 8),
              AllOf(HasSubstr("tensor \"w\""), HasSubstr("8 bytes do not hold fp32 of shape [3]")));
  EXPECT_THAT(entry("[4294967296,4294967296,4294967296]", "[0,8]", 8), HasSubstr("do not hold"));
  EXPECT_THAT(entry("[-2]", "[0,8]", 8), HasSubstr("whole numbers"));
  EXPECT_THAT(entry("[2.0]", "[0,8]", 8), HasSubstr("whole numbers"));
  EXPECT_THAT(entry("[18446744073709551615]", "[0,8]", 8), HasSubstr("whole numbers"));
  EXPECT_THAT(entry("\"2\"", "[0,8]", 8), HasSubstr("whole numbers"));
  EXPECT_THAT(entry("[2]", "[0,4,8]", 8), HasSubstr("whole numbers"));
  EXPECT_THAT(entry("[2]", "[0,8]", 12), HasSubstr("4 bytes belong to no tensor"));
  EXPECT_THAT(entry("[1]", "[4,8]", 8), HasSubstr("leaves a gap before it; expected it at byte"));
  EXPECT_THAT(entry("[[[[[2]]]]]", "[0,8]", 8), HasSubstr("nested deeper"));
  RecordReliability(30, "headers that lie about sizes refused");
}

TEST(SafetensorsTest, WrongHeadersAreNamed) {
  EXPECT_THAT(ErrorOf(File("[]", 0)), HasSubstr("not a JSON object"));
  EXPECT_THAT(ErrorOf(File("{\"a\": nul}", 0)), AllOf(HasSubstr("safetensors byte 1"), HasSubstr("not JSON")));
  EXPECT_THAT(ErrorOf(File(R"({"w":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})", 8)),
              HasSubstr("dtype is not \"F32\""));
  EXPECT_THAT(ErrorOf(File(R"({"w":3})", 0)), HasSubstr("tensor \"w\""));
  EXPECT_THAT(ErrorOf(File(R"({"__metadata__":{"step":12}})", 0)), HasSubstr("\"step\" is not a string"));
  EXPECT_THAT(ErrorOf(File(R"({"__metadata__":[]})", 0)), HasSubstr("__metadata__"));
  const std::string w = R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_THAT(ErrorOf(File("{" + w + "," + w + "}", 8)), HasSubstr("name \"w\" stands twice"));
  EXPECT_THAT(ErrorOf(File("{" + w + R"(,"v":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12)),
              HasSubstr("\"v\" overlaps the one before it"));
  EXPECT_THAT(ErrorOf(File("{" + w + R"(,"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8)),
              HasSubstr("overlaps"));
}

TEST(SafetensorsTest, HugeHeaderIsRefusedBeforeItIsParsed) {
  EXPECT_THAT(ErrorOf(File(std::string((1 << 20) + 1, ' '), 0)), HasSubstr("at most 1048576 are read"));
}

TEST(SafetensorsTest, CopyNamesTheDifferenceAndLeavesTheTarget) {
  float values[2] = {1, 2};
  const MemoryFile file = Write({{"a", {1}, values}, {"b", {1}, values + 1}}, {});
  const auto read = ReadSafetensors(file);
  float back[3] = {7, 7, 7};
  EXPECT_THAT(Message(CopyTensors(file, *read, {{"a", {1}, back}})),
              HasSubstr("holds 2 tensors; the experiment has 1"));
  EXPECT_THAT(Message(CopyTensors(file, *read, {{"a", {1}, back}, {"c", {1}, back + 1}})),
              HasSubstr("\"c\" is missing"));
  EXPECT_THAT(Message(CopyTensors(file, *read, {{"a", {1}, back}, {"b", {2}, back + 1}})),
              HasSubstr("\"b\" has shape [1] in the checkpoint; the experiment has [2]"));
  EXPECT_THAT(back, ElementsAre(7, 7, 7));
}

TEST(SafetensorsTest, TheFirstErrorOfTheSinkEndsTheWriting) {
  float values[2] = {1, 2};
  for (int good = 0; good < 4; ++good) {
    int calls = 0;
    const absl::Status status = WriteSafetensors({{"a", {1}, values}, {"b", {1}, values + 1}}, {}, [&](auto) {
      return calls++ < good ? absl::OkStatus() : absl::ResourceExhaustedError("the disk is full");
    });
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(calls, good + 1);
  }
}

TEST(SafetensorsTest, TensorsGoOutFromWhereTheyAre) {
  float values[2] = {1, 2};
  std::vector<const char*> seen;
  ASSERT_TRUE(WriteSafetensors({{"a", {2}, values}}, {}, [&](std::string_view bytes) {
                seen.push_back(bytes.data());
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(seen.back(), reinterpret_cast<const char*>(values)) << "without a copy of the model";
}

// Random damage: whatever is read must be sound, and nothing may crash (run under the asan preset).
TEST(SafetensorsTest, MutatedFilesNeverCrashTheReader) {
  float values[64] = {};
  const std::string good = Write({{"a", {8, 4}, values}, {"b", {32}, values + 32}}, {{"step", "3"}}).bytes();
  Rng rng(7, "mutation");
  int refused = 0;
  constexpr int kFiles = 20'000;
  for (int i = 0; i < kFiles; ++i) {
    std::string file = good;
    for (std::uint64_t hits = 1 + rng.Below(4); hits > 0; --hits) {
      const std::uint64_t at = rng.Below(file.size());
      switch (rng.Below(4)) {
        case 0:
          file[at] = static_cast<char>(rng.Below(256));
          break;
        case 1:
          file.resize(at + 1);
          break;
        case 2:
          file.insert(at, 1, "0123456789[]{},\":-"[rng.Below(18)]);
          break;
        default:
          file.erase(at, 1 + rng.Below(8));
          file += '.';
      }
    }
    const auto read = ReadSafetensors(MemoryFile(file));
    refused += read.ok() ? 0 : 1;
    if (read.ok()) {
      for (const StoredTensor& tensor : read->tensors) {
        ASSERT_EQ(tensor.size, Elements(tensor.shape) * sizeof(float));
        ASSERT_LE(tensor.begin, file.size());
        ASSERT_LE(tensor.size, file.size() - tensor.begin);
      }
    }
  }
  EXPECT_GT(refused, kFiles / 2);
}

}  // namespace
}  // namespace normlab::workers
