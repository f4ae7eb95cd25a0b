// Bundles: what goes in comes out, bit for bit; what was changed on the way is refused.
#include "client/bundle.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>

#include "base/crc32c.h"
#include "base/fs.h"
#include "tests/scratch_folder.h"

namespace normlab::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

NpyPoints OddPoints() {
  return {.steps = {0, 1, std::numeric_limits<std::int64_t>::max()},
          .values = {0.1, std::bit_cast<double>(std::uint64_t{0xfff8'0000'dead'beef}), -0.0},
          .wall_ms = {-5, 0, 1'700'000'000'000}};
}

std::vector<std::uint64_t> Bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) {
    bits.push_back(std::bit_cast<std::uint64_t>(value));
  }
  return bits;
}

TEST(NpyTest, KeepsEveryBit) {
  const auto read = ReadNpy(WriteNpy(OddPoints()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->steps, OddPoints().steps);
  EXPECT_EQ(Bits(read->values), Bits(OddPoints().values));
  EXPECT_EQ(read->wall_ms, OddPoints().wall_ms);
  EXPECT_TRUE(ReadNpy(WriteNpy({}))->steps.empty());
}

TEST(NpyTest, RefusesWhatIsCutOrOfAnotherKind) {
  const std::string bytes = WriteNpy(OddPoints());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ReadNpy(bytes.substr(0, size)).ok()) << size << " of " << bytes.size() << " bytes";
  }
  EXPECT_FALSE(ReadNpy(bytes + std::string(kNpyRecord, 'x')).ok());
  std::string other = bytes;
  other.replace(other.find("<f8"), 3, "<f4");
  EXPECT_FALSE(ReadNpy(other).ok());
}

class BundleTest : public testing::Test {
 protected:
  static v1::Job MakeJob(const std::string& id) {
    v1::Job job;
    job.set_job_id(id);
    job.mutable_spec()->mutable_mnist_mlp()->set_batch_size(4);
    job.mutable_spec()->set_seed(std::numeric_limits<std::uint64_t>::max());
    job.set_state(v1::JOB_STATE_SUCCEEDED);
    job.set_cpu_seconds(0.1);
    (*job.mutable_facts())["arithmetic"] = "AVX3";
    return job;
  }

  void Write(std::size_t weight_bytes = 600'000) {
    auto file = FileOutput::Open(path_, {});
    ASSERT_TRUE(file.ok());
    auto bundle = BundleWriter::Open(*std::move(file), 2);
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    const std::string weights(weight_bytes, 'w');
    const std::vector<v1::Artifact> artifacts = {Artifact("weights.safetensors", weights), Artifact("a.png", "p")};
    ASSERT_TRUE((*bundle)->AddJob({MakeJob("j1"), {"train/batch_nll"}}, {{"test/error", OddPoints()}}, artifacts).ok());
    ASSERT_TRUE((*bundle)->BeginArtifact(artifacts[0]).ok());
    ASSERT_TRUE((*bundle)->AddData(weights.substr(0, 500)).ok());
    ASSERT_TRUE((*bundle)->AddData(weights.substr(500)).ok());
    ASSERT_TRUE((*bundle)->BeginArtifact(artifacts[1]).ok());
    ASSERT_TRUE((*bundle)->AddData("p").ok());
    ASSERT_TRUE((*bundle)->AddJob({MakeJob("j2"), {}}, {}, {}).ok());
    ASSERT_TRUE((*bundle)->Finish().ok());
  }

  static v1::Artifact Artifact(const std::string& name, const std::string& bytes) {
    v1::Artifact artifact;
    artifact.set_name(name);
    artifact.set_media_type("application/octet-stream");
    artifact.set_size(bytes.size());
    artifact.set_crc32c(Crc32c(bytes));
    return artifact;
  }

  std::string Bytes() const { return *PosixFileSystem().Read(path_); }

  // Everything the bundle at `path_` holds, or what is wrong with it.
  absl::StatusOr<std::string> Digest(bool skip_parts = false) const {
    NORMLAB_ASSIGN_OR_RETURN(const auto bundle, BundleReader::Open(path_));
    std::string digest;
    for (;;) {
      NORMLAB_ASSIGN_OR_RETURN(const auto job, bundle->Next());
      if (!job.has_value()) {
        return digest;
      }
      digest += job->job.SerializeAsString() + std::to_string(job->points) + std::to_string(job->artifacts);
      for (const std::string& series : job->left_out) {
        digest += series;
      }
      if (skip_parts) {
        continue;
      }
      BundledParts parts;
      parts.curve = [&](const BundledCurve& curve) {
        digest += curve.series + WriteNpy(curve.points);
        return absl::OkStatus();
      };
      parts.artifact = [&](const v1::Artifact& artifact) {
        digest += artifact.SerializeAsString();
        return absl::OkStatus();
      };
      parts.data = [&](std::string_view data) {
        digest += data;
        return absl::OkStatus();
      };
      NORMLAB_RETURN_IF_ERROR(bundle->ReadParts(parts));
    }
  }

  const ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/runs.zip";
};

TEST_F(BundleTest, WhatGoesInComesOut) {
  Write();
  const auto bundle = BundleReader::Open(path_);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ((*bundle)->jobs(), 2u);
  const auto first = (*bundle)->Next();
  ASSERT_TRUE(first.ok() && first->has_value()) << first.status();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals((*first)->job, MakeJob("j1")));
  EXPECT_THAT((*first)->left_out, ElementsAre("train/batch_nll"));
  EXPECT_EQ((*first)->points, 3u);
  std::vector<std::uint64_t> bits;
  std::string data, names;
  BundledParts parts;
  parts.curve = [&](const BundledCurve& curve) {
    EXPECT_EQ(curve.series, "test/error");
    bits = Bits(curve.points.values);
    return absl::OkStatus();
  };
  parts.artifact = [&](const v1::Artifact& artifact) {
    names += artifact.name() + " ";
    return absl::OkStatus();
  };
  parts.data = [&](std::string_view piece) {
    data += piece;
    return absl::OkStatus();
  };
  ASSERT_TRUE((*bundle)->ReadParts(parts).ok());
  EXPECT_EQ(bits, Bits(OddPoints().values));
  EXPECT_EQ(names, "weights.safetensors a.png ");
  EXPECT_EQ(data, std::string(600'000, 'w') + "p");
  EXPECT_EQ((*(*bundle)->Next())->job.job_id(), "j2");
  EXPECT_FALSE((*bundle)->Next()->has_value());
}

TEST_F(BundleTest, PartsThatAreNotReadArePassedOver) {
  Write();
  EXPECT_THAT(*Digest(/*skip_parts=*/true), HasSubstr("j2"));
}

TEST_F(BundleTest, EqualRunsGiveEqualBytes) {
  Write();
  const std::string first = Bytes();
  Write();
  EXPECT_EQ(Bytes() == first, true);
}

TEST_F(BundleTest, NoChangedByteChangesWhatIsRead) {
  Write(1'000);
  const std::string bytes = Bytes(), whole = *Digest();
  int refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    ASSERT_TRUE(PosixFileSystem().AtomicWrite(path_, changed).ok());
    const auto read = Digest();
    refused += read.ok() ? 0 : 1;
    ASSERT_TRUE(!read.ok() || *read == whole) << "byte " << i;
  }
  EXPECT_GT(refused, static_cast<int>(bytes.size() / 2)) << "times and the directory at the end are not looked at";
}

TEST_F(BundleTest, ACutBundleIsRefused) {
  Write();
  const std::string bytes = Bytes();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, bytes.size() / 3, bytes.size() / 2}) {
    ASSERT_TRUE(PosixFileSystem().AtomicWrite(path_, bytes.substr(0, size)).ok());
    const auto read = Digest();
    EXPECT_FALSE(read.ok()) << size;
    EXPECT_THAT(Message(read.status()), HasSubstr(path_));
  }
}

TEST_F(BundleTest, OtherFilesAreNamedForWhatTheyAre) {
  EXPECT_TRUE(absl::IsNotFound(BundleReader::Open(path_).status()));
  ASSERT_TRUE(PosixFileSystem().AtomicWrite(path_, "step,value\n1,2\n").ok());
  EXPECT_THAT(Message(BundleReader::Open(path_).status()), HasSubstr("is not a bundle"));
  EXPECT_FALSE(BundleReader::Open(folder_.path()).ok());
}

}  // namespace
}  // namespace normlab::client
