// job_log.h - the lines about one job, out of the logs of the server and of the workers that it keeps.
//
// A line that names a job (job=j17, job=17) is that job's alone. One that names none, such as what a crashing program prints, is
// of the job that its worker had leased: from the line "job_leased" to the one that says how the attempt ended or to the start of
// the next process, which the launcher writes into the log itself. Lines of the server that name no job are nobody's.
//
// Thread safety: one thread. Files that cannot be read are left out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "results/store/store.h"

namespace normlab::server {

struct LogLine {
  std::int64_t time_ms = 0;  // Unix time; of a line without one that of the line before
  std::string source;        // "server", "worker-1", "worker-slurm-0123456789abcdef"
  std::string text;          // without its time
};

// Which lines of one log are of a job, fed line by line.
class LineFilter {
 public:
  LineFilter(store::JobId job, bool of_worker) : job_(job), of_worker_(of_worker) {}

  // Whether the line is of the job; then `line` is what is shown of it.
  bool Take(std::string_view text, LogLine& line);

 private:
  const store::JobId job_;
  const bool of_worker_;
  bool leased_ = false;  // the worker has the job
  std::int64_t time_ms_ = 0;
};

class JobLog {
 public:
  // Of `folder`, and of "slurm" in it, whose logs have other names.
  JobLog(std::string folder, store::JobId job) : folder_(std::move(folder)), job_(job) {}

  // Lines that came since the last call, by time; of very many the last.
  std::vector<LogLine> Next();

 private:
  struct Source {
    LineFilter filter;
    Descriptor file;
    std::string rest;  // the beginning of a line
  };
  void Read(const std::string& folder, const std::string& name, std::vector<LogLine>& lines);
  static void Drain(const std::string& name, Source& source, std::vector<LogLine>& lines);

  const std::string folder_;
  const store::JobId job_;
  std::map<std::string, Source> sources_;  // by name
};

}  // namespace normlab::server
