// normlab-verify - runs a stored job again and prints, as a line of JSON each, how far it is ("done", "total") and last
// what it found ("points", "weights", "difference"). `normlab verify` starts it: the client knows no engine.
//
// Exit status: 0 the comparison was made, 2 for wrong arguments, 1 for anything else; the reason is on stderr.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/descriptor.h"
#include "base/fs.h"
#include "base/parallel.h"
#include "base/paths.h"
#include "base/version.h"
#include "nn/cpu.h"
#include "nn/denormals.h"
#include "workers/verify.h"

namespace normlab::workers {
namespace {

struct Arguments {
  std::string job, curve, weights, checkpoint;
  std::string home = DefaultHome();
  int threads = 1;
};

// Without a reader the work is for nobody.
void PrintLine(const nlohmann::ordered_json& line) {
  if (!PrintToStdout("normlab-verify", line.dump() + "\n")) {
    std::exit(1);
  }
}

template <typename Message>
absl::Status ReadMessage(const std::string& path, Message& message) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string bytes, PosixFileSystem().Read(path));
  return message.ParseFromString(bytes)
             ? absl::OkStatus()
             : absl::InvalidArgumentError(fmt::format("{}: not a message of its type", path));
}

absl::Status Verify(const Arguments& arguments) {
  StoredResult stored;
  NORMLAB_RETURN_IF_ERROR(ReadMessage(arguments.job, stored.job));
  v1::AppendPointsRequest curve;
  NORMLAB_RETURN_IF_ERROR(ReadMessage(arguments.curve, curve));
  stored.curve.assign(curve.columns().begin(), curve.columns().end());
  if (!arguments.weights.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(stored.weights, PosixFileSystem().Open(arguments.weights));
  }
  if (!arguments.checkpoint.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(stored.checkpoint, PosixFileSystem().Open(arguments.checkpoint));
  }
  SetThreads(arguments.threads);
  nn::flush_denormals();
  VerifyOptions options;
  options.arithmetic = nn::arithmetic();
  options.data_directories = DataDirectories(arguments.home);
  options.spool_directory = std::filesystem::temp_directory_path().string();
  options.make_experiment = MakeExperiment;
  static constexpr auto kEvery = std::chrono::milliseconds(100);
  auto told = std::chrono::steady_clock::now() - kEvery;
  options.progress = [&told](std::uint64_t done, std::uint64_t total) {
    if (const auto now = std::chrono::steady_clock::now(); now - told >= kEvery) {
      told = now;
      PrintLine({{"done", done}, {"total", total}});
    }
  };
  NORMLAB_ASSIGN_OR_RETURN(const VerifyReport report, VerifyJob(stored, options));
  PrintLine({{"points", report.points}, {"weights", report.weights}, {"difference", report.difference}});
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Runs a stored job again and compares it with what is stored.", "normlab-verify");
  app.add_option("--job", arguments.job, "the job, as protobuf")->type_name("FILE")->required();
  app.add_option("--curve", arguments.curve, "its points, as protobuf")->type_name("FILE")->required();
  app.add_option("--weights", arguments.weights, "its weights.safetensors")->type_name("FILE");
  app.add_option("--checkpoint", arguments.checkpoint, "where to start [the beginning]")->type_name("FILE");
  app.add_option("--home", arguments.home, "whose data is looked at [$NORMLAB_HOME, else ~/.local/share/normlab]")
      ->type_name("DIR");
  app.add_option("--threads", arguments.threads, "threads that train")->check(CLI::Range(1, 1024));
  app.set_version_flag("--version", VersionText("normlab-verify"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return PrintToStdout("normlab-verify", app.help()) ? 0 : 1;
  } catch (const CLI::CallForVersion&) {
    return PrintToStdout("normlab-verify", VersionText("normlab-verify") + "\n") ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const absl::Status status = Verify(arguments); !status.ok()) {
    fmt::print(stderr, "normlab-verify: {}\n", Message(status));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace normlab::workers

int main(int argc, char** argv) { return normlab::workers::Main(argc, argv); }
