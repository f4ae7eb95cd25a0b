// replay.cc - a fuzz target without a fuzzer: replay FOLDER... gives it every file there, each cut short and with a byte changed at
// up to 256 places, and some that are noise. What the targets demand of any input is tested so, and that they build, with any
// compiler.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>

#include "base/fs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kPlaces = 256;
int given = 0;

void Give(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  ++given;
}

void GiveChanged(const std::string& input, std::mt19937& random) {
  Give(input);
  const std::size_t step = std::max<std::size_t>(1, input.size() / kPlaces);
  for (std::size_t at = 0; at < input.size(); at += step) {
    Give(input.substr(0, at));
    std::string changed = input;
    changed[at] = static_cast<char>(random());
    Give(changed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < kPlaces; ++size) {
    std::string noise(size, '\0');
    std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random()); });
    Give(noise);
  }
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) {
        GiveChanged(normlab::PosixFileSystem().Read(entry.path().string()).value(), random);
      }
    }
  }
  std::cout << given << " inputs\n";
  return 0;
}
