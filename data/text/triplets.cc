#include "data/text/triplets.h"

namespace normlab::data {

std::vector<std::uint32_t> MakeTriplets(const TextCorpus& corpus, const std::vector<bool>& held_out, bool of_held_out,
                                        std::size_t most_words) {
  std::vector<std::uint32_t> middles;
  for (std::size_t chapter = 0; chapter < corpus.Chapters(); ++chapter) {
    if (held_out[chapter] != of_held_out) {
      continue;
    }
    std::uint32_t short_ones = 0;  // in a row, up to this sentence
    for (std::uint32_t i = corpus.chapter_begin[chapter]; i < corpus.chapter_begin[chapter + 1]; ++i) {
      short_ones = corpus.Length(i) <= most_words ? short_ones + 1 : 0;
      if (short_ones >= 3) {
        middles.push_back(i - 1);
      }
    }
  }
  return middles;
}

}  // namespace normlab::data
