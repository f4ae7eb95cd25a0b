// exit_code.h - what `normlab` tells scripts by its exit code. Documented in `normlab --help`.
#pragma once

namespace normlab::client {

enum ExitCode : int {
  kExitOk = 0,            // done; all runs asked for have finished well
  kExitFailed = 1,        // a run failed or was cancelled, or something else went wrong
  kExitUsage = 2,         // the command line, a spec or a name is wrong
  kExitUnavailable = 3,   // no server, or it does not let us in
  kExitDifferent = 4,     // a run that was verified differs; with --strict: a claim of the paper came out DIFFERENT
  kExitInterrupted = 130  // Ctrl-C
};

}  // namespace normlab::client
