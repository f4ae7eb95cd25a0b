// golden.h - compares bytes with a committed file; UPDATE_GOLDEN=1 rewrites it, and the diff is reviewed.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace normlab {

inline void ExpectGolden(const std::string& directory, const std::string& name, std::string_view content) {
  const std::filesystem::path path = std::filesystem::path(directory) / name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " is missing; UPDATE_GOLDEN=1 writes it";
  const std::string expected((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(expected, content) << path << " differs; UPDATE_GOLDEN=1 rewrites it if the change is meant";
}

}  // namespace normlab
