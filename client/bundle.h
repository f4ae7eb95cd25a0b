// bundle.h - runs as one file that travels: a ZIP archive of jobs, curves and, if wanted, their files. docs/BUNDLES.md
// describes it for those who read it without us.
//
// One thread each. Errors name the file, and the member that is wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "base/status.h"
#include "client/npy.h"
#include "client/output.h"
#include "normlab/v1/artifacts.pb.h"
#include "normlab/v1/jobs.pb.h"

namespace normlab::client {

struct BundledCurve {
  std::string series;
  NpyPoints points;
};
struct BundledJob {
  v1::Job job;
  std::vector<std::string> left_out;  // series that it has and the bundle has not
};

class BundleWriter {
 public:
  // Into `file`, which it takes; `jobs` is how many will follow.
  static absl::StatusOr<std::unique_ptr<BundleWriter>> Open(std::unique_ptr<FileOutput> file, std::size_t jobs);
  ~BundleWriter();

  // A job that has ended, its curves, and what artifacts will follow.
  absl::Status AddJob(const BundledJob& job, const std::vector<BundledCurve>& curves,
                      const std::vector<v1::Artifact>& artifacts);
  // The next artifact of the last job; its bytes follow, as many as it has.
  absl::Status BeginArtifact(const v1::Artifact& artifact);
  absl::Status AddData(std::string_view data);
  // Call once, last: now it is there, whole.
  absl::Status Finish();

 private:
  class Archive;
  explicit BundleWriter(std::unique_ptr<Archive> archive);
  std::unique_ptr<Archive> archive_;
  std::string job_;  // the last one's folder
};

// What comes behind a job. A status that is not OK ends the reading of it.
struct BundledParts {
  std::function<absl::Status(const BundledCurve&)> curve;
  std::function<absl::Status(const v1::Artifact&)> artifact;
  std::function<absl::Status(std::string_view data)> data;  // of the artifact named last, at most 256 KiB
};

class BundleReader {
 public:
  // Reads the whole file once and checks it: every member has the SHA-256 that is listed. kDataLoss if not, kNotFound if
  // there is no such file, kInvalidArgument for a file that is no bundle.
  static absl::StatusOr<std::unique_ptr<BundleReader>> Open(const std::string& path);
  ~BundleReader();

  std::size_t jobs() const { return jobs_; }

  struct Job : BundledJob {
    std::uint64_t points = 0;
    std::uint32_t artifacts = 0;
  };
  // The next job; absent after the last one. What was not read of the one before is passed over.
  absl::StatusOr<std::optional<Job>> Next();
  // Curves and artifacts of the job that Next gave. Call at most once for each.
  absl::Status ReadParts(const BundledParts& parts);

 private:
  class Members;    // of the archive, in the order in which they lie
  struct Contents;  // what a job says will follow it
  BundleReader(std::string path, Descriptor file);
  absl::Status Check();
  absl::Status Expect(const std::string& file);
  absl::StatusOr<Contents> ReadJob();

  const std::string path_;
  const Descriptor file_;
  std::size_t jobs_ = 0;
  std::unique_ptr<Members> members_;
  std::unique_ptr<Contents> contents_;
};

}  // namespace normlab::client
