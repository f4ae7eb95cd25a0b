// embedded.h - the files of the papers compiled into the program; embed.cmake makes the definition.
#pragma once

#include <string>
#include <vector>

#include "results/judging/manifest.h"

namespace normlab::judging {

struct EmbeddedPaper {
  std::string id;
  Files files;  // "manifest.yaml" and what it names
};

const std::vector<EmbeddedPaper>& EmbeddedPapers();

}  // namespace normlab::judging
