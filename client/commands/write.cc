// `normlab write TEXT --job ID`: a finished handwriting job writes a text. The engine runs in normlab-write, a program
// beside this one; here its weights are fetched and its picture is delivered.
#include <fmt/format.h>

#include "base/fs.h"
#include "base/temporary_directory.h"
#include "client/commands/command.h"
#include "client/download.h"
#include "client/sister_program.h"
#include "proto/spec.h"

namespace normlab::client {
namespace {

constexpr std::int64_t kMostPrimes = 10'000'000;

struct WriteOptions {
  std::string text, job, output = "handwriting.svg";
  double bias = 0.0;
  std::uint64_t seed = 1;
  std::int64_t prime = 0;
};

// What the network has symbols for, told before anything is fetched.
absl::Status CheckText(const std::string& text) {
  constexpr std::size_t kLongest = 200;
  if (text.empty() || text.size() > kLongest) {
    return absl::InvalidArgumentError(fmt::format("TEXT has {} characters; expected 1 to {}", text.size(), kLongest));
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < ' ' || text[i] > '~') {
      return absl::InvalidArgumentError(
          fmt::format("TEXT holds the byte {:#04x} at position {}; expected printable ASCII",
                      static_cast<unsigned char>(text[i]), i + 1));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> RunWrite(Session& session, const WriteOptions& options) {
  NORMLAB_RETURN_IF_ERROR(CheckText(options.text));
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::Job job, client->GetJob(options.job));
  if (!job.spec().has_handwriting()) {
    return absl::InvalidArgumentError(
        fmt::format("{} is not a handwriting job; `normlab jobs` lists them", options.job));
  }
  if (job.spec().handwriting().norm() == v1::NORM_KIND_BATCH) {
    return absl::InvalidArgumentError(fmt::format(
        "{} has batch normalisation, whose statistics of each time step are not among its weights", options.job));
  }
  NORMLAB_ASSIGN_OR_RETURN(const TemporaryDirectory directory, TemporaryDirectory::Make("normlab-write"));
  const std::string spec = directory.path() + "/spec", file = directory.path() + "/weights.safetensors";
  const std::stop_token& stop = session.environment().stop;
  const auto weights = DownloadArtifact(*client, options.job, "weights.safetensors", file, stop);
  if (absl::IsNotFound(weights.status())) {
    return absl::NotFoundError(
        IsTerminal(job.state())
            ? fmt::format("{} is {} and has no weights; only a job that succeeded has", options.job,
                          StateName(job.state()))
            : fmt::format("{} has no weights yet; they come with its end: normlab watch {}", options.job, options.job));
  }
  NORMLAB_RETURN_IF_ERROR(weights.status());
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().AtomicWrite(spec, job.spec().SerializeAsString()));
  std::vector<std::string> arguments = {"--spec=" + spec,
                                        "--weights=" + file,
                                        "--text=" + options.text,
                                        fmt::format("--bias={}", options.bias),
                                        fmt::format("--seed={}", options.seed),
                                        fmt::format("--prime={}", options.prime),
                                        "--home=" + session.endpoint.Home()};
  const auto data = job.facts().find("data." + DatasetName(job.spec()));
  if (data != job.facts().end()) {
    arguments.push_back("--data-sha256=" + data->second);
  }
  if (options.output.ends_with(".png")) {
    arguments.push_back("--png");
  }
  std::string picture;
  NORMLAB_RETURN_IF_ERROR(
      RunSister("normlab-write", arguments, stop, [&picture](std::string_view output) { picture += output; }));
  return WriteOutput(session, options.output, picture);
}

}  // namespace

void AddWrite(CLI::App& app, Session& session) {
  CLI::App* command =
      AddCommand(app, session,
                 {kResults,
                  "write",
                  "A finished handwriting job writes a text, with the window's way over the text under it",
                  {"normlab write \"layers that learn to write\" --job j17",
                   "normlab write \"any text\" --job j17 --bias 1.0 -o out.png",
                   "normlab write \"in that hand\" --job j17 --prime 12   imitate the writer of training line 12"},
                  ""});
  auto options = std::make_shared<WriteOptions>();
  command->add_option("TEXT", options->text, "1 to 200 characters of printable ASCII")->required()->type_name("");
  command->add_option("--job", options->job, "a handwriting job that has ended, such as j17")
      ->required()
      ->type_name("JOB");
  command->add_option("--bias", options->bias, "0: as likely as in the data; larger: neater [0]")
      ->type_name("NUMBER")
      ->check(Real(0, 100));
  command->add_option("--seed", options->seed, "the same seed writes the same line [1]")
      ->type_name("N")
      ->check(Unsigned());
  command->add_option("--prime", options->prime, "training line whose hand is imitated; 0: none [0]")
      ->type_name("N")
      ->check(Whole(0, kMostPrimes));
  command
      ->add_option("-o,--output", options->output,
                   "an SVG, or a PNG if it ends in .png; - for stdout [handwriting.svg]")
      ->type_name("FILE");
  command->callback(
      [&session, options] { session.action = [&session, options] { return RunWrite(session, *options); }; });
}

}  // namespace normlab::client
