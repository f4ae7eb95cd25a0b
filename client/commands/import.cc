// `normlab import`: runs of another store, from a bundle into this one.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "client/bundle.h"
#include "client/commands/command.h"
#include "client/error.h"
#include "client/progress_line.h"
#include "client/text.h"

namespace normlab::client {
namespace {

constexpr std::size_t kPointsOfAMessage = 4096;

// What became of one job of the bundle.
struct Imported {
  std::string there;    // what it was called
  std::string here;     // and is; empty if it was refused
  bool reused = false;  // it was here already
  std::string problem;  // why it was refused
};

void Fill(const BundledCurve& curve, std::size_t begin, v1::AppendPointsRequest::Columns& columns) {
  const std::size_t end = std::min(begin + kPointsOfAMessage, curve.points.steps.size());
  columns.set_series(curve.series);
  const auto piece = [&](const auto& from, auto& to) {
    to.Add(from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end));
  };
  piece(curve.points.steps, *columns.mutable_steps());
  piece(curve.points.values, *columns.mutable_values());
  piece(curve.points.wall_ms, *columns.mutable_wall_ms());
}

constexpr char kServerWantsNoMore[] = "the server wants no more";

absl::Status Sent(bool sent) { return sent ? absl::OkStatus() : absl::AbortedError(kServerWantsNoMore); }

// One job, as the server takes it.
absl::Status SendJob(BundleReader& bundle, const BundleReader::Job& job, const Client::SendImport& send) {
  v1::ImportJobRequest message;
  *message.mutable_header()->mutable_job() = job.job;
  message.mutable_header()->mutable_left_out()->Assign(job.left_out.begin(), job.left_out.end());
  message.mutable_header()->set_points(job.points);
  message.mutable_header()->set_artifacts(job.artifacts);
  send(message);  // what is refused refuses the parts too
  BundledParts parts;
  parts.curve = [&](const BundledCurve& curve) {
    bool open = true;
    for (std::size_t begin = 0; open && begin < curve.points.steps.size(); begin += kPointsOfAMessage) {
      message.Clear();
      Fill(curve, begin, *message.mutable_points());
      open = send(message);
    }
    return Sent(open);
  };
  parts.artifact = [&](const v1::Artifact& artifact) {
    message.Clear();
    *message.mutable_artifact() = artifact;
    return Sent(send(message));
  };
  parts.data = [&](std::string_view data) {
    message.set_data(std::string(data));
    return Sent(send(message));
  };
  const absl::Status read = bundle.ReadParts(parts);
  // Then it has an answer already, which is the better reason.
  return absl::IsAborted(read) ? absl::OkStatus() : read;
}

// Goes on behind a job that the server refuses, and not when the server or the bundle fails.
bool IsOfTheJob(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) || absl::IsResourceExhausted(status);
}

absl::StatusOr<std::vector<Imported>> Import(Session& session, Client& client, BundleReader& bundle) {
  constexpr auto kQuiet = std::chrono::seconds(2);
  ProgressLine progress(session.console(), "import", "jobs", kQuiet);
  std::vector<Imported> all;
  for (;;) {
    NORMLAB_ASSIGN_OR_RETURN(const std::optional<BundleReader::Job> job, bundle.Next());
    if (!job.has_value()) {
      return all;
    }
    const auto answer = client.ImportJob([&](const Client::SendImport& send) { return SendJob(bundle, *job, send); });
    if (answer.ok()) {
      all.push_back({job->job.job_id(), answer->job().job_id(), answer->reused(), ""});
    } else if (IsOfTheJob(answer.status())) {
      all.push_back({job->job.job_id(), "", false, RenderError(answer.status())});
    } else {
      progress.Clear();
      session.Note(fmt::format("{} of {} jobs were imported; the same command goes on\n", all.size(), bundle.jobs()));
      return answer.status();
    }
    progress.Show(all.size(), bundle.jobs());
  }
}

void PrintJson(Session& session, const std::vector<Imported>& all) {
  Json jobs = Json::array();
  for (const Imported& job : all) {
    Json entry = {{"was", job.there}};
    if (job.problem.empty()) {
      entry["job_id"] = job.here;
      entry["reused"] = job.reused;
    } else {
      entry["refused"] = job.problem;
    }
    jobs.push_back(std::move(entry));
  }
  session.Print(Dump({{"jobs", std::move(jobs)}}));
}

void PrintText(Session& session, const std::vector<Imported>& all) {
  const auto refused = std::count_if(all.begin(), all.end(), [](const Imported& j) { return !j.problem.empty(); });
  const auto reused = std::count_if(all.begin(), all.end(), [](const Imported& j) { return j.reused; });
  for (const Imported& job : all) {
    if (!job.problem.empty()) {
      session.Print(fmt::format("{} refused: {}", job.there, job.problem));
    }
  }
  session.Print(fmt::format("{} imported, {} here already, {} refused\n",
                            all.size() - static_cast<std::size_t>(refused + reused), reused, refused));
}

absl::StatusOr<int> Run(Session& session, const std::string& file) {
  NORMLAB_ASSIGN_OR_RETURN(const auto bundle, BundleReader::Open(file));
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<Imported> all, Import(session, *client, *bundle));
  session.json ? PrintJson(session, all) : PrintText(session, all);
  const bool whole = std::all_of(all.begin(), all.end(), [](const Imported& job) { return job.problem.empty(); });
  return whole ? kExitOk : kExitFailed;
}

}  // namespace

void AddImport(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(
      app, session,
      {kResults,
       "import",
       "Takes the runs of a bundle into this store: checked, each once. Tables and reports count them as its own",
       {"normlab import runs.zip", "normlab import runs.zip --json"},
       "jobs[]: was (its id in the other store), job_id and reused (it was here already), or refused (why)."});
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "a file of normlab export --bundle")->required()->type_name("");
  command->callback([&session, file] { session.action = [&session, file] { return Run(session, *file); }; });
}

}  // namespace normlab::client
