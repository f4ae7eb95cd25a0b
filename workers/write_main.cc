// normlab-write - writes a text with the weights of a handwriting job and prints the picture. `normlab write` starts
// it: the client knows no engine.
//
// Exit status: 0 done, 2 for wrong arguments, 1 for anything else; the reason is on stderr.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "base/descriptor.h"
#include "base/fs.h"
#include "base/parse_number.h"
#include "base/paths.h"
#include "base/svg_png.h"
#include "base/version.h"
#include "experiments/handwriting/scribe.h"
#include "nn/denormals.h"
#include "workers/safetensors.h"

namespace normlab::workers {
namespace {

struct Arguments {
  std::string spec, weights, text;
  std::string home = DefaultHome();
  ScribeOptions options;
  std::int64_t prime = 0;
  std::string data_sha256;
  bool png = false;
};

constexpr double kPngScale = 2;  // pixels per unit: sharp on a dense screen

absl::StatusOr<std::string> Write(const Arguments& arguments) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string bytes, PosixFileSystem().Read(arguments.spec));
  v1::JobSpec spec;
  if (!spec.ParseFromString(bytes) || !spec.has_handwriting()) {
    return absl::InvalidArgumentError(fmt::format("{}: not the resolved spec of a handwriting job", arguments.spec));
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, PosixFileSystem().Open(arguments.weights));
  NORMLAB_ASSIGN_OR_RETURN(const TensorIndex tensors, ReadSafetensors(*file));
  Scribe scribe(spec.handwriting());
  NORMLAB_RETURN_IF_ERROR(Annotate(CopyTensors(*file, tensors, scribe.Weights()), arguments.weights));
  if (arguments.prime > 0) {
    NORMLAB_RETURN_IF_ERROR(scribe.Imitate(arguments.prime, DataDirectories(arguments.home), arguments.data_sha256));
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::string svg, scribe.Write(arguments.text, arguments.options));
  return arguments.png ? SvgToPng(svg, kPngScale) : svg;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Writes a text with the weights of a handwriting job.", "normlab-write");
  app.add_option("--spec", arguments.spec, "resolved job spec, as protobuf")->type_name("FILE")->required();
  app.add_option("--weights", arguments.weights, "the job's weights.safetensors")->type_name("FILE")->required();
  app.add_option("--text", arguments.text, "what to write")->required();
  app.add_option("--bias", arguments.options.bias, "0 as in the data, larger neater")
      ->check([](const std::string& text) { return WrongReal(text, 0, 100, "a number from 0 to 100"); });
  app.add_option("--seed", arguments.options.seed, "the same seed writes the same line")
      ->check([](const std::string& text) {
        return ParseWhole<std::uint64_t>(text) ? "" : "is " + text + "; expected a whole number from 0 on";
      });
  app.add_option("--prime", arguments.prime, "number of the training line whose hand is imitated; 0: none");
  app.add_option("--home", arguments.home, "whose data is looked at [$NORMLAB_HOME, else ~/.local/share/normlab]")
      ->type_name("DIR");
  app.add_option("--data-sha256", arguments.data_sha256, "what the job was fed: of other data no hand is imitated");
  app.add_flag("--png", arguments.png, "the picture as PNG, not SVG");
  app.set_version_flag("--version", VersionText("normlab-write"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return PrintToStdout("normlab-write", app.help()) ? 0 : 1;
  } catch (const CLI::CallForVersion&) {
    return PrintToStdout("normlab-write", VersionText("normlab-write") + "\n") ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  nn::flush_denormals();
  const absl::StatusOr<std::string> picture = Write(arguments);
  if (!picture.ok()) {
    fmt::print(stderr, "normlab-write: {}\n", Message(picture.status()));
    return absl::IsInvalidArgument(picture.status()) || absl::IsOutOfRange(picture.status()) ? 2 : 1;
  }
  return PrintToStdout("normlab-write", *picture) ? 0 : 1;
}

}  // namespace
}  // namespace normlab::workers

int main(int argc, char** argv) { return normlab::workers::Main(argc, argv); }
