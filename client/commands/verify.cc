// `normlab verify JOB`: runs a finished job again and says whether every bit of curve and weights is the stored one.
// The engine runs in normlab-verify, a program beside this one.
#include <fmt/format.h>

#include <limits>

#include "base/fs.h"
#include "base/temporary_directory.h"
#include "client/commands/command.h"
#include "client/download.h"
#include "client/progress_line.h"
#include "client/sister_program.h"
#include "client/text.h"
#include "normlab/v1/worker.pb.h"

namespace normlab::client {
namespace {

struct VerifyOptions {
  std::string job;
  int threads = 1;
  std::optional<std::uint64_t> last;  // updates to repeat; absent: all
};

// Reads the lines of normlab-verify: progress is shown, the last one is kept.
class Listener {
 public:
  Listener(Session& session, const std::string& job) : progress_(session.console(), "verify " + job, "steps") {}

  void Take(std::string_view output) {
    buffer_ += output;
    for (std::size_t end = 0; (end = buffer_.find('\n')) != buffer_.npos; buffer_.erase(0, end + 1)) {
      const Json line = Json::parse(buffer_.substr(0, end), nullptr, /*allow_exceptions=*/false);
      if (line.contains("done")) {
        progress_.Show(line["done"].get<std::uint64_t>(), line["total"].get<std::uint64_t>());
      } else {
        result_ = line;
      }
    }
  }

  // Absent: the program ended without one.
  std::optional<Json> Result() {
    progress_.Clear();
    return result_;
  }

 private:
  ProgressLine progress_;
  std::string buffer_;
  std::optional<Json> result_;
};

absl::StatusOr<v1::AppendPointsRequest> WholeCurve(Client& client, const std::string& job) {
  v1::AppendPointsRequest curve;
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Series> all, client.ListSeries(job));
  for (const v1::Series& series : all) {
    v1::ReadCurveRequest request;
    request.set_job_id(job);
    request.set_series(series.name());
    NORMLAB_ASSIGN_OR_RETURN(const v1::ReadCurveResponse points, client.ReadCurve(request));
    v1::AppendPointsRequest::Columns& columns = *curve.add_columns();
    columns.set_series(series.name());
    *columns.mutable_steps() = points.steps();
    *columns.mutable_values() = points.values();
  }
  return curve;
}

// The newest checkpoint with `last` or more updates behind it into `path`; returns the number of its updates.
absl::StatusOr<std::uint64_t> CheckpointBefore(Client& client, const v1::Job& job, std::uint64_t last,
                                               const std::string& path, const std::stop_token& stop) {
  const std::uint64_t done = job.steps_done();
  absl::StatusOr<std::uint64_t> step =
      DownloadCheckpoint(client, job.job_id(), done - std::min(last, done), path, stop);
  if (absl::IsNotFound(step.status())) {
    return absl::NotFoundError(
        fmt::format("{} ({} of {} updates are done); one of a finished job is kept. For all of it: normlab verify {}",
                    Message(step.status()), done, job.steps_total(), job.job_id()));
  }
  return step;
}

// What is repeated of the run: `from` updates were done before.
int Print(Session& session, const VerifyOptions& options, std::uint64_t from, const Json& result) {
  const std::string difference = result["difference"].get<std::string>();
  if (session.json) {
    session.Print(Dump({{"job_id", options.job},
                        {"identical", difference.empty()},
                        {"from_step", from},
                        {"points", result["points"]},
                        {"weights", result["weights"]},
                        {"difference", difference}}));
  } else if (difference.empty()) {
    session.Print(fmt::format("{} is identical{}: {} points and {} weights, bit for bit\n", options.job,
                              from > 0 ? fmt::format(" from update {} on", FormatCount(from)) : "",
                              FormatCount(result["points"].get<std::uint64_t>()),
                              FormatCount(result["weights"].get<std::uint64_t>())));
  } else {
    session.Print(fmt::format("{} DIFFERS after {} equal points: {}\n", options.job,
                              FormatCount(result["points"].get<std::uint64_t>()), difference));
  }
  return difference.empty() ? kExitOk : kExitDifferent;
}

absl::StatusOr<int> RunVerify(Session& session, const VerifyOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::Job job, client->GetJob(options.job));
  if (job.has_external()) {
    return absl::InvalidArgumentError(fmt::format(
        "{} is the run of another program, which nobody here can repeat; expected a job of normlab", options.job));
  }
  const bool succeeded = job.state() == v1::JOB_STATE_SUCCEEDED;
  if (!succeeded && job.state() != v1::JOB_STATE_DIVERGED) {
    return absl::InvalidArgumentError(
        fmt::format("{} is {}; expected a job that succeeded or diverged: normlab watch {}", options.job,
                    StateName(job.state()), options.job));
  }
  NORMLAB_ASSIGN_OR_RETURN(const v1::AppendPointsRequest curve, WholeCurve(*client, options.job));
  NORMLAB_ASSIGN_OR_RETURN(const TemporaryDirectory directory, TemporaryDirectory::Make("normlab-verify"));
  const std::stop_token& stop = session.environment().stop;
  std::vector<std::string> arguments = {"--job=" + directory.path() + "/job", "--curve=" + directory.path() + "/curve",
                                        fmt::format("--threads={}", options.threads),
                                        "--home=" + session.endpoint.Home()};
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().AtomicWrite(directory.path() + "/job", job.SerializeAsString()));
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().AtomicWrite(directory.path() + "/curve", curve.SerializeAsString()));
  if (succeeded) {
    const std::string weights = directory.path() + "/weights";
    NORMLAB_RETURN_IF_ERROR(DownloadArtifact(*client, options.job, "weights.safetensors", weights, stop).status());
    arguments.push_back("--weights=" + weights);
  }
  std::uint64_t from = 0;
  if (options.last) {
    const std::string checkpoint = directory.path() + "/checkpoint";
    NORMLAB_ASSIGN_OR_RETURN(from, CheckpointBefore(*client, job, *options.last, checkpoint, stop));
    arguments.push_back("--checkpoint=" + checkpoint);
  }
  Listener listener(session, options.job);
  const absl::Status ran =
      RunSister("normlab-verify", arguments, stop, [&listener](std::string_view output) { listener.Take(output); });
  const std::optional<Json> result = listener.Result();
  NORMLAB_RETURN_IF_ERROR(ran);
  if (!result) {
    return absl::InternalError("normlab-verify ended without an answer");
  }
  return Print(session, options, from, *result);
}

}  // namespace

void AddVerify(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(
      app, session,
      {kJobs,
       "verify",
       "Run a finished job again, here, and say whether curve and weights are the stored ones, bit for bit; if not, "
       "where they first differ. Nothing stored is changed",
       {"normlab verify j17", "normlab verify j17 --threads 2    any number of threads gives the same bits",
        "normlab verify j17 --last 1000   from the newest checkpoint that has so many updates behind it"},
       "job_id, identical, from_step, points and weights (that were compared), difference (the first; empty if "
       "identical). Exit code 4: it differs."});
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("JOB", options->job, "job id, such as j17")->required()->type_name("");
  command->add_option("--threads", options->threads, "threads that train [1]")->type_name("N")->check(Whole(1, 1024));
  command
      ->add_option(
          "--last", options->last,
          "repeat at least the last K updates, from a checkpoint, and not all; earlier points are held against "
          "the checkpoint's hash of them")
      ->type_name("K")
      ->check(Whole(1, std::numeric_limits<std::int64_t>::max()));
  command->callback(
      [&session, options] { session.action = [&session, options] { return RunVerify(session, *options); }; });
}

}  // namespace normlab::client
