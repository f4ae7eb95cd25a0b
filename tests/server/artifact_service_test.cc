// ArtifactService: a job's files, as workers stored them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/crc32c.h"
#include "tests/peak_memory.h"
#include "tests/sanitizer.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

class ArtifactServiceTest : public ServerTest {
 protected:
  void Put(const v1::Attempt& attempt, const std::string& name, const std::string& bytes, std::uint64_t step) {
    CallContext context;
    v1::PutArtifactResponse response;
    const auto writer = workers_->PutArtifact(&context, &response);
    v1::PutArtifactRequest message;
    auto& header = *message.mutable_header();
    *header.mutable_attempt() = attempt;
    header.set_name(name);
    header.set_media_type("image/png");
    header.set_step(step);
    header.set_size(bytes.size());
    header.set_crc32c(Crc32c(bytes));
    writer->Write(message);
    constexpr std::size_t kPiece = 100'000;
    for (std::size_t begin = 0; begin < bytes.size(); begin += kPiece) {
      message.set_data(bytes.substr(begin, kPiece));
      writer->Write(message);
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  grpc::Status Read(const std::string& job, const std::string& name, v1::ReadArtifactResponse::Header* header,
                    std::string* bytes) {
    CallContext context;
    v1::ReadArtifactRequest request;
    request.set_job_id(job);
    request.set_name(name);
    const auto reader = artifacts_->ReadArtifact(&context, request);
    v1::ReadArtifactResponse message;
    while (reader->Read(&message)) {
      if (message.has_header()) {
        *header = message.header();
      }
      EXPECT_LE(message.data().size(), 256u * 1024);
      *bytes += message.data();
    }
    return reader->Finish();
  }
};

// Client and server of this test are one process: what either holds is counted.
TEST_F(ArtifactServiceTest, AFileLargerThanAllMemoryAllowedPassesInPieces) {
  constexpr std::uint64_t kSize = std::uint64_t{256} << 20, kAllowed = std::uint64_t{32} << 20;
  const std::string job = Create(1).job_id();
  const v1::Attempt attempt = LeaseOne().attempt();
  Put(attempt, "small.bin", "warm", 1);
  ForgetPeakMemory();
  const std::uint64_t idle = PeakMemory();

  const std::string piece(256 << 10, 'w');
  std::uint32_t crc32c = 0;
  for (std::uint64_t at = 0; at < kSize; at += piece.size()) {
    crc32c = Crc32c(piece, crc32c);
  }
  {
    grpc::ClientContext context;
    v1::PutArtifactResponse response;
    const auto writer = workers_->PutArtifact(&context, &response);
    v1::PutArtifactRequest message;
    auto& header = *message.mutable_header();
    *header.mutable_attempt() = attempt;
    header.set_name("weights.safetensors");
    header.set_media_type("application/octet-stream");
    header.set_size(kSize);
    header.set_crc32c(crc32c);
    ASSERT_TRUE(writer->Write(message));
    message.set_data(piece);
    for (std::uint64_t at = 0; at < kSize; at += piece.size()) {
      ASSERT_TRUE(writer->Write(message));
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  {
    grpc::ClientContext context;
    v1::ReadArtifactRequest request;
    request.set_job_id(job);
    request.set_name("weights.safetensors");
    const auto reader = artifacts_->ReadArtifact(&context, request);
    std::uint32_t back = 0;
    for (v1::ReadArtifactResponse message; reader->Read(&message);) {
      back = Crc32c(message.data(), back);
    }
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(back, crc32c);
  }
  EXPECT_TRUE(kSanitized || PeakMemory() < idle + kAllowed) << PeakMemory() - idle;
}

TEST_F(ArtifactServiceTest, FilesComeBackAsTheyWereStored) {
  const std::string job = Create(1).job_id();
  const v1::Attempt attempt = LeaseOne().attempt();
  std::string large(700'001, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) {
    large[i] = static_cast<char>(i * i);
  }
  Put(attempt, "weights.safetensors", large, 20);
  Put(attempt, "samples.png", "older", 10);
  Put(attempt, "samples.png", "newer", 20);

  CallContext context;
  v1::ListArtifactsRequest request;
  request.set_job_id(job);
  v1::ListArtifactsResponse all;
  ASSERT_TRUE(artifacts_->ListArtifacts(&context, request, &all).ok());
  ASSERT_EQ(all.artifacts_size(), 2);
  EXPECT_EQ(all.artifacts(0).name(), "samples.png");
  EXPECT_EQ(all.artifacts(0).media_type(), "image/png");
  EXPECT_EQ(all.artifacts(0).step(), 20u);
  EXPECT_EQ(all.artifacts(1).size(), large.size());

  v1::ReadArtifactResponse::Header header;
  std::string bytes;
  ASSERT_TRUE(Read(job, "weights.safetensors", &header, &bytes).ok());
  EXPECT_TRUE(bytes == large);
  EXPECT_EQ(header.crc32c(), Crc32c(large));
  EXPECT_EQ(header.artifact().size(), large.size());
  std::string newer;
  ASSERT_TRUE(Read(job, "samples.png", &header, &newer).ok());
  EXPECT_EQ(newer, "newer");
}

// Checkpoints of steps 10 and 20; a caller that wants at most 15 updates done gets the older one.
TEST_F(ArtifactServiceTest, TheNewestCheckpointOfAtMostSoManyUpdates) {
  const std::string job = Create(1).job_id();
  const v1::Attempt attempt = LeaseOne().attempt();
  for (std::uint64_t step : {10, 20}) {
    CallContext context;
    v1::PutCheckpointResponse response;
    const auto writer = workers_->PutCheckpoint(&context, &response);
    const std::string bytes = fmt::format("state {}", step);
    v1::PutCheckpointRequest message;
    auto& header = *message.mutable_header();
    *header.mutable_attempt() = attempt;
    header.set_step(step);
    header.set_size(bytes.size());
    header.set_crc32c(Crc32c(bytes));
    writer->Write(message);
    message.set_data(bytes);
    writer->Write(message);
    writer->WritesDone();
    ASSERT_TRUE(writer->Finish().ok());
  }
  const auto read = [&](const std::string& id, std::uint64_t step, std::string* bytes) {
    CallContext context;
    v1::ReadCheckpointRequest request;
    request.set_job_id(id);
    request.set_at_most_step(step);
    const auto reader = artifacts_->ReadCheckpoint(&context, request);
    v1::ReadCheckpointResponse message;
    while (reader->Read(&message)) {
      *bytes += message.data();
      if (message.has_header()) {
        *bytes += fmt::format("{}: ", message.header().step());
      }
    }
    return reader->Finish();
  };
  std::string older, newer, none;
  EXPECT_TRUE(read(job, 15, &older).ok());
  EXPECT_EQ(older, "10: state 10");
  EXPECT_TRUE(read(job, 20, &newer).ok());
  EXPECT_EQ(newer, "20: state 20");
  EXPECT_EQ(read(job, 9, &none).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(read("j999", 20, &none).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(WrongFields(read("x", 20, &none)), std::vector<std::string>{"job_id"});
}

TEST_F(ArtifactServiceTest, UnknownJobsAndNamesAreSaidToBeUnknown) {
  const std::string job = Create(1).job_id();
  v1::ReadArtifactResponse::Header header;
  std::string bytes;
  EXPECT_EQ(Read(job, "none.png", &header, &bytes).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Read("j999", "none.png", &header, &bytes).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(WrongFields(Read("x", "none.png", &header, &bytes)), std::vector<std::string>{"job_id"});
  CallContext context;
  v1::ListArtifactsRequest request;
  request.set_job_id("j999");
  v1::ListArtifactsResponse response;
  EXPECT_EQ(artifacts_->ListArtifacts(&context, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace normlab::server
