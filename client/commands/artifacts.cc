// `normlab artifacts JOB [NAME]`: the files of a job, final weights and pictures; listed, or one of them fetched.
#include <fmt/format.h>

#include "client/commands/command.h"
#include "client/text.h"

namespace normlab::client {
namespace {

struct ArtifactsOptions {
  std::string job;
  std::string name;
  std::string output;
};

absl::StatusOr<int> List(Session& session, Client& client, const std::string& job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Artifact> all, client.ListArtifacts(job));
  if (session.json) {
    Json artifacts = Json::array();
    for (const v1::Artifact& a : all) {
      artifacts.push_back({{"name", a.name()}, {"media_type", a.media_type()}, {"step", a.step()}, {"size", a.size()}});
    }
    session.Print(Dump({{"job_id", job}, {"artifacts", artifacts}}));
    return kExitOk;
  }
  if (all.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const v1::Job owner, client.GetJob(job));
    session.Note(IsTerminal(owner.state())
                     ? fmt::format("{} is {} and has no files; only a job that succeeded has weights\n", job,
                                   StateName(owner.state()))
                     : fmt::format("{} has no files yet; weights come with its end: normlab watch {}\n", job, job));
    return kExitOk;
  }
  TextTable table({"NAME", "TYPE", "STEP", "SIZE"}, {2, 3});
  for (const v1::Artifact& a : all) {
    table.Add({{a.name(), Paint::kBold}, a.media_type(), FormatCount(a.step()), FormatBytes(a.size())});
  }
  session.Print(table.Render(session.out_colour(), session.table_width()));
  session.Note(fmt::format("One of them: normlab artifacts {} {}\n", job, all.front().name()));
  return kExitOk;
}

// Into a file of the artifact's name here, unless told otherwise: bytes on a terminal help nobody.
absl::StatusOr<int> Fetch(Session& session, Client& client, const ArtifactsOptions& options) {
  return WriteArtifact(session, client, options.job, options.name,
                       options.output.empty() ? options.name : options.output);
}

absl::StatusOr<int> RunArtifacts(Session& session, const ArtifactsOptions& options) {
  if (session.json && !options.name.empty()) {
    return absl::InvalidArgumentError("--json lists the files; leave NAME out");
  }
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  return options.name.empty() ? List(session, *client, options.job) : Fetch(session, *client, options);
}

}  // namespace

void AddArtifacts(CLI::App& app, Session& session) {
  CLI::App* command =
      AddCommand(app, session,
                 {kJobs,
                  "artifacts",
                  "The files of a job: final weights, pictures. With a name, fetches that one",
                  {"normlab artifacts j17", "normlab artifacts j17 weights.safetensors",
                   "normlab artifacts j17 samples.png -o - | display"},
                  "job_id, artifacts[]: name, media_type, step (updates done when it was made), size in bytes."});
  auto options = std::make_shared<ArtifactsOptions>();
  command->add_option("JOB", options->job, "job id, such as j17")->required()->type_name("");
  command->add_option("NAME", options->name, "the file to fetch; none: the list of them")->type_name("");
  command->add_option("-o,--output", options->output, "where to write it; - for stdout [NAME, here]")
      ->type_name("FILE");
  command->callback(
      [&session, options] { session.action = [&session, options] { return RunArtifacts(session, *options); }; });
}

}  // namespace normlab::client
