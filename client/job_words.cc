#include "client/job_words.h"

#include <fmt/format.h>

#include <map>

#include "base/parse_number.h"
#include "base/text.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

constexpr std::size_t kMostParams = 200;  // bytes of a line
constexpr std::size_t kMostValue = 40;    // of one parameter, so that a long one leaves room for the others

}  // namespace

std::string ExperimentOf(const v1::Job& job) {
  return job.has_external() ? job.external().experiment() : ExperimentName(job.spec());
}

std::string SummaryOf(const v1::Job& job) {
  if (!job.has_external()) {
    return SummarizeSpec(job.spec());
  }
  std::string text = "external: " + job.external().name();
  const std::map<std::string, std::string> params(job.external().params().begin(), job.external().params().end());
  for (const auto& [name, value] : params) {
    text += fmt::format(" {}={}", name, OneLine(value, kMostValue));
  }
  return OneLine(text, kMostParams);
}

std::uint64_t SeedOf(const v1::Job& job) {
  if (!job.has_external()) {
    return job.spec().seed();
  }
  for (const auto* texts : {&job.external().params(), &job.labels()}) {
    if (const auto seed = texts->find("seed"); seed != texts->end()) {
      return ParseWhole<std::uint64_t>(seed->second).value_or(0);
    }
  }
  return 0;
}

}  // namespace normlab::client
