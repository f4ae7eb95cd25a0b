// external_seed.h - which seed the run of another program had, as far as it says so: its parameter "seed", else that label.
//
// Thread safety: a free function, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/parse_number.h"
#include "results/store/store.h"

namespace normlab::server {

inline constexpr char kSeedParam[] = "seed";

// Absent: it does not say, or what it says is no whole number.
inline std::optional<std::uint64_t> ExternalSeed(const store::Job& job) {
  for (const auto* texts : {&job.external->params, &job.labels}) {
    if (const auto seed = texts->find(kSeedParam); seed != texts->end()) {
      return ParseWhole<std::uint64_t>(seed->second);
    }
  }
  return std::nullopt;
}

}  // namespace normlab::server
