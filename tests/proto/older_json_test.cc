#include "proto/older_json.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "normlab/v1/jobs.pb.h"
#include "proto/spec.h"

namespace normlab {
namespace {

using nlohmann::json;
using testing::IsEmpty;

v1::Job Read(json job) {
  MoveOlderFields(job);
  v1::Job read;
  const auto status = google::protobuf::util::JsonStringToMessage(job.dump(), &read);
  EXPECT_TRUE(status.ok()) << status.message();
  return read;
}

// tests/proto/spec_test.cc has the same job as bytes.
TEST(MoveOlderFields, TheOptimizersFieldsAreTheExperimentsNoLonger) {
  const v1::Job job = Read({{"spec",
                             {{"mnist_mlp",
                               {{"passes", 7},
                                {"optimizer", "OPTIMIZER_KIND_ADAM_UNCORRECTED"},
                                {"learning_rate", 0.01},
                                {"momentum", 0.5}}}}}});
  const v1::MnistMlpConfig& config = job.spec().mnist_mlp();
  EXPECT_EQ(config.passes(), 7);
  EXPECT_EQ(config.optimization().optimizer(), v1::OPTIMIZER_KIND_ADAM);
  EXPECT_FALSE(config.optimization().adam_bias_correction());
  EXPECT_EQ(config.optimization().learning_rate(), 0.01);
  EXPECT_EQ(config.optimization().momentum(), 0.5);
  std::vector<FieldViolation> violations;
  ResolveSpec(job.spec(), violations);
  EXPECT_THAT(violations, IsEmpty());
}

TEST(MoveOlderFields, WhatIsWrittenTodayStaysAsItIs) {
  v1::Job job;
  job.mutable_spec()->mutable_draw()->mutable_optimization()->set_learning_rate(0.5);
  job.mutable_spec()->mutable_draw()->set_glimpses(3);
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(job, &text, options).ok());
  json moved = json::parse(text);
  MoveOlderFields(moved);
  EXPECT_EQ(moved, json::parse(text));
}

// A field that stands in both places is not chosen between: the reader refuses the one it does not know.
TEST(MoveOlderFields, NeitherOfTwoIsLost) {
  json job = {{"spec", {{"draw", {{"learning_rate", 0.1}, {"optimization", {{"learning_rate", 0.2}}}}}}}};
  const json before = job;
  MoveOlderFields(job);
  EXPECT_EQ(job, before);
}

TEST(MoveOlderFields, WhatIsNoJobIsLeftAlone) {
  for (const char* text : {"null", "[]", "3", "{}", R"({"spec":[]})", R"({"spec":{"draw":7}})",
                           R"({"spec":{"draw":{"learning_rate":1,"optimization":"x"}}})"}) {
    json job = json::parse(text);
    MoveOlderFields(job);
    EXPECT_EQ(job, json::parse(text));
  }
}

}  // namespace
}  // namespace normlab
