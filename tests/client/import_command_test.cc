// export --bundle and import: runs leave one store and come into another.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>

#include <filesystem>

#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;
using testing::Not;

class ImportCommandTest : public CommandTest {
 protected:
  void SetUp() override {
    AddSucceeded({{"norm", "layer"}, {"seed", "3"}});
    v1::ReadCurveResponse curve;
    for (int i = 0; i < 5'000; ++i) {
      curve.add_steps(static_cast<std::uint64_t>(i));
      curve.add_values(1.0 / (1 + i));
      curve.add_wall_ms(i);
    }
    for (const v1::Series& series : server_.series["j1"]) {
      server_.curves["j1 " + series.name()] = curve;
    }
    server_.artifacts["j1 weights.safetensors"] = std::string(300'000, 'w');
  }

  const std::string bundle_ = (std::filesystem::path(server_.home()) / "runs.zip").string();
};

TEST_F(ImportCommandTest, ARunArrivesAsItLeft) {
  ASSERT_EQ(Run({"export", "j1", "--bundle", bundle_, "--files"}).code, 0);
  const v1::Job job = server_.jobs.front();
  server_.jobs.clear();  // now it is another store
  const Outcome outcome = Run({"import", bundle_});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "1 imported, 0 here already, 0 refused\n");
  ASSERT_EQ(server_.imported.size(), 1u);
  const auto& messages = server_.imported.front();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(messages.front().header().job(), job));
  EXPECT_EQ(messages.front().header().points(), 5'000 * server_.series["j1"].size());
  EXPECT_EQ(messages.front().header().artifacts(), 1u);
  std::uint64_t points = 0;
  std::string data;
  for (const v1::ImportJobRequest& message : messages) {
    points += static_cast<std::uint64_t>(message.points().steps_size());
    data += message.data();
    EXPECT_LE(message.data().size(), 256u << 10);
  }
  EXPECT_EQ(points, messages.front().header().points());
  EXPECT_EQ(data, server_.artifacts["j1 weights.safetensors"]);

  server_.jobs.push_back(job);
  EXPECT_EQ(Run({"import", bundle_}).out, "0 imported, 1 here already, 0 refused\n");
}

TEST_F(ImportCommandTest, ChosenSeriesTravelAndTheOthersAreNamed) {
  const std::string chosen = server_.series["j1"].front().name(), other = server_.series["j1"].back().name();
  ASSERT_EQ(Run({"export", "j1", "--bundle", bundle_, "--series", chosen}).code, 0);
  ASSERT_EQ(Run({"import", bundle_}).code, 0);
  const v1::ImportJobRequest::Header& header = server_.imported.front().front().header();
  EXPECT_EQ(header.points(), 5'000u);
  ASSERT_EQ(header.left_out_size(), 1);
  EXPECT_EQ(header.left_out(0), other);
}

TEST_F(ImportCommandTest, ARefusedRunDoesNotKeepTheOthersOut) {
  AddSucceeded({{"norm", "batch"}, {"seed", "4"}});
  server_.series["j2"].clear();
  ASSERT_EQ(Run({"export", "j1", "j2", "--bundle", bundle_}).code, 0);
  server_.jobs.clear();
  server_.failures["ImportJob"] = {{grpc::StatusCode::INVALID_ARGUMENT, "header.job.identity is wrong"}};
  const Outcome outcome = Run({"import", bundle_});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("j1 refused: header.job.identity is wrong"));
  EXPECT_THAT(outcome.out, HasSubstr("1 imported, 0 here already, 1 refused"));

  server_.failures["ImportJob"] = {{grpc::StatusCode::UNAVAILABLE, "going down"}};
  EXPECT_EQ(Run({"import", bundle_}).code, 3) << "and nothing is sent again and again";
}

TEST_F(ImportCommandTest, WithoutAServerThatIsSaid) {
  ASSERT_EQ(Run({"export", "j1", "--bundle", bundle_}).code, 0);
  const Outcome outcome = RunLocal({"import", bundle_, "--home", "/nonexistent"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, testing::HasSubstr("no server at /nonexistent"));
}

TEST_F(ImportCommandTest, RunsThatHaveNotEndedStayBehind) {
  AddRunning({{"norm", "batch"}});
  const Outcome outcome = Run({"export", "--experiment", "mnist_mlp", "--bundle", bundle_});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("not ended or external, and so left out: 1 of 2 jobs"));
  EXPECT_EQ(Run({"export", "j2", "--bundle", bundle_ + "2"}).code, 2);
  EXPECT_FALSE(std::filesystem::exists(bundle_ + "2"));
}

}  // namespace
}  // namespace normlab::client
