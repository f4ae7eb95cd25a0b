// export: lines that read back to the same bits, and event files as TensorBoard reads them.
#include <gmock/gmock.h>
#include <google/protobuf/io/coded_stream.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/crc32c.h"
#include "client/tensorboard.h"
#include "tests/client/command_test.h"
#include "tests/scratch_folder.h"

namespace normlab::client {
namespace {

using google::protobuf::io::CodedInputStream;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kTenth = 0.1, kThird = 1.0 / 3.0;

class ExportCommandTest : public CommandTest {
 protected:
  void SetUp() override {
    AddSucceeded({{"norm", "layer"}, {"seed", "3"}});
    v1::ReadCurveResponse curve;
    for (const double value : {kTenth, kThird, std::nan(""), -std::numeric_limits<double>::infinity()}) {
      curve.add_steps(static_cast<std::uint64_t>(430 * curve.steps_size()));
      curve.add_values(value);
      curve.add_wall_ms(1'000'000'010'250 + curve.steps_size());
    }
    curve.set_points_total(4);
    server_.curves["j1 test/error"] = curve;
    server_.curves["j1 train/loss"] = v1::ReadCurveResponse();
  }
};

TEST_F(ExportCommandTest, CsvReadsBackToTheSameBits) {
  const Outcome outcome = Run({"export", "j1", "--series", "test/error"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "job_id,experiment,seed,series,step,value,wall_ms");
  std::getline(lines, line);
  EXPECT_EQ(line, "j1,mnist_mlp,3,test/error,0,0.1,1000000010251");
  std::getline(lines, line);
  std::istringstream cells(line);
  std::string cell;
  for (int i = 0; i < 6; ++i) {
    std::getline(cells, cell, ',');
  }
  EXPECT_EQ(std::bit_cast<std::uint64_t>(std::stod(cell)), std::bit_cast<std::uint64_t>(kThird));
  EXPECT_THAT(outcome.out, HasSubstr(",860,NaN,"));
  EXPECT_THAT(outcome.out, HasSubstr(",1290,-Infinity,"));
}

TEST_F(ExportCommandTest, JsonLinesIntoAFile) {
  const std::string file = server_.home() + "/curves.jsonl";
  const Outcome outcome = Run({"export", "--experiment", "mnist_mlp", "--format", "jsonl", "-o", file});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  std::istringstream lines(ReadAll(file));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  const auto point = nlohmann::json::parse(line);
  EXPECT_EQ(point["value"].get<double>(), kThird);
  EXPECT_EQ(point["series"], "test/error");
  EXPECT_EQ(point["step"], 430);
}

TEST_F(ExportCommandTest, WrongWordsSayWhatToDo) {
  EXPECT_EQ(Run({"export"}).code, 2);
  EXPECT_EQ(Run({"export", "j1", "--experiment", "draw"}).code, 2) << "two ways to choose at once";
  EXPECT_EQ(Run({"export", "j9"}).code, 2);
  const Outcome series = Run({"export", "j1", "--series", "test/eror"});
  EXPECT_EQ(series.code, 2);
  EXPECT_THAT(series.err, HasSubstr("normlab curve j1"));
  const std::string file = server_.home() + "/none.csv";
  EXPECT_EQ(Run({"export", "j1", "--series", "nothing", "-o", file}).code, 2);
  EXPECT_FALSE(std::filesystem::exists(file)) << "a failed export left a file";
}

TEST_F(ExportCommandTest, ASeriesThatNoJobHasIsNamedWhateverElseIsThere) {
  const std::string file = server_.home() + "/runs.zip";
  for (const std::vector<std::string>& where : {std::vector<std::string>{}, {"--bundle", file}}) {
    std::vector<std::string> words = {"export", "j1", "--series", "test/error,test/eror"};
    words.insert(words.end(), where.begin(), where.end());
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("no job here has a series test/eror; list them: normlab curve j1"));
  }
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(Run({"export", "j1", "--series", "test/error", "--bundle", file}).code, 0);
}

TEST_F(ExportCommandTest, WeightsAreTheArtifact) {
  server_.artifacts["j1 weights.safetensors"] = "bytes";
  const std::string file = server_.home() + "/w.safetensors";
  ASSERT_EQ(Run({"export", "j1", "--weights", file}).code, 0);
  EXPECT_EQ(ReadAll(file), "bytes");
  EXPECT_EQ(Run({"export", "--experiment", "mnist_mlp", "--weights", file}).code, 2);
}

TEST_F(ExportCommandTest, OnlyFinishedHandwritingJobsWrite) {
  const Outcome other = Run({"write", "a text", "--job", "j1"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("j1 is not a handwriting job"));
  v1::Job& job = server_.AddJob();
  job.mutable_spec()->mutable_handwriting()->set_norm(v1::NORM_KIND_LAYER);
  const Outcome unfinished = Run({"write", "a text", "--job", job.job_id()});
  EXPECT_NE(unfinished.code, 0);
  EXPECT_THAT(unfinished.err, HasSubstr("normlab watch " + job.job_id()));
  job.mutable_spec()->mutable_handwriting()->set_norm(v1::NORM_KIND_BATCH);
  EXPECT_THAT(Run({"write", "a text", "--job", job.job_id()}).err, HasSubstr("batch normalisation"));
}

// A reader of event files of its own: records with their two checksums, and of messages what curves need.
struct Event {
  double wall = 0;
  std::uint64_t step = 0;
  std::string version, tag;
  float value = 0;
};

std::uint32_t Masked(std::string_view data) {
  const std::uint32_t crc = Crc32c(data);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

// The payloads; absent: a checksum or a length is wrong.
std::optional<std::vector<std::string>> Records(std::string_view file) {
  std::vector<std::string> records;
  const auto u32 = [&](std::size_t at) {
    std::uint32_t value = 0;
    CodedInputStream::ReadLittleEndian32FromArray(reinterpret_cast<const std::uint8_t*>(file.data() + at), &value);
    return value;
  };
  while (!file.empty()) {
    if (file.size() < 16 || u32(8) != Masked(file.substr(0, 8)) || u32(4) != 0) {
      return std::nullopt;
    }
    const std::size_t length = u32(0);
    if (file.size() < length + 16 || u32(12 + length) != Masked(file.substr(12, length))) {
      return std::nullopt;
    }
    records.emplace_back(file.substr(12, length));
    file.remove_prefix(length + 16);
  }
  return records;
}

void ParseInto(std::string_view bytes, int depth, Event& event) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    std::uint64_t varint = 0, fixed64 = 0;
    std::uint32_t fixed32 = 0, length = 0;
    std::string text;
    switch (tag & 7) {
      case 0:
        ASSERT_TRUE(in.ReadVarint64(&varint));
        event.step = varint;
        break;
      case 1:
        ASSERT_TRUE(in.ReadLittleEndian64(&fixed64));
        event.wall = std::bit_cast<double>(fixed64);
        break;
      case 5:
        ASSERT_TRUE(in.ReadLittleEndian32(&fixed32));
        event.value = std::bit_cast<float>(fixed32);
        break;
      default:
        ASSERT_EQ(tag & 7, 2u);
        ASSERT_TRUE(in.ReadVarint32(&length) && in.ReadString(&text, static_cast<int>(length)));
        if (depth == 0 && tag >> 3 == 3) {
          event.version = text;
        } else if (depth == 2) {
          event.tag = text;
        } else {
          ParseInto(text, depth + 1, event);
        }
    }
  }
}

std::vector<Event> Events(std::string_view file) {
  const auto records = Records(file);
  EXPECT_TRUE(records.has_value());
  std::vector<Event> events;
  for (const std::string& record : records.value_or(std::vector<std::string>())) {
    ParseInto(record, 0, events.emplace_back());
  }
  return events;
}

TEST_F(ExportCommandTest, TensorboardReadsAFolderForEachJob) {
  const std::string folder = server_.home() + "/logs";
  const Outcome outcome = Run({"export", "j1", "--tensorboard", folder});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::vector<Event> events = Events(ReadAll(folder + "/mnist_mlp/norm=layer,seed=3,j1/" + kTensorboardFile));
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  EXPECT_EQ(events[2].tag, "test/error");
  EXPECT_EQ(events[2].step, 430u);
  EXPECT_EQ(events[2].value, static_cast<float>(kThird));
  EXPECT_EQ(events[2].wall, 1'000'000'010.252);
  EXPECT_TRUE(std::isnan(events[3].value));
}

TEST(Tensorboard, ReadersRejectAnyChangedByte) {
  const std::string record = TensorboardScalar("test/error", 17, 5.0, 0.25);
  ASSERT_TRUE(Records(record).has_value());
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string damaged = record;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(Records(damaged).has_value()) << "byte " << i;
  }
  // The checksum without its mask, a common mistake.
  std::string unmasked = record;
  const std::uint32_t crc = Crc32c(record.substr(0, 8));
  std::memcpy(unmasked.data() + 8, &crc, 4);
  EXPECT_FALSE(Records(unmasked).has_value());
}

}  // namespace
}  // namespace normlab::client
