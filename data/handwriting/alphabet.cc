#include "data/handwriting/alphabet.h"

namespace normlab::data {
namespace {

constexpr std::string_view kGraves = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ,.'";
constexpr char kFirstPrintable = ' ', kLastPrintable = '~';

// The class of all the rest is the last one.
std::size_t Symbol(Alphabet alphabet, char character) {
  if (alphabet == Alphabet::kGraves57) {
    return std::min(kGraves.find(character), kGraves.size());
  }
  const bool printable = character >= kFirstPrintable && character <= kLastPrintable;
  return static_cast<std::size_t>(printable ? character - kFirstPrintable : kLastPrintable - kFirstPrintable + 1);
}

}  // namespace

int SymbolCount(Alphabet alphabet) {
  return alphabet == Alphabet::kGraves57 ? static_cast<int>(kGraves.size()) + 1 : kLastPrintable - kFirstPrintable + 2;
}

std::vector<std::uint8_t> Encode(Alphabet alphabet, std::string_view text) {
  std::vector<std::uint8_t> symbols;
  symbols.reserve(text.size());
  for (const char character : text) {
    symbols.push_back(static_cast<std::uint8_t>(Symbol(alphabet, character)));
  }
  return symbols;
}

}  // namespace normlab::data
