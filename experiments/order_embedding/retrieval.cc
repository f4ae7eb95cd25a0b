#include "experiments/order_embedding/retrieval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "data/captioned_images.h"

namespace normlab {
namespace {

constexpr std::int64_t kOwn = data::kCaptionsPerImage;

// Of ranks from 0.
Recall Summarize(const std::vector<std::int32_t>& ranks) {
  Recall recall;
  for (const std::int32_t rank : ranks) {
    recall += {.at1 = rank < 1 ? 1.0 : 0.0,
               .at5 = rank < 5 ? 1.0 : 0.0,
               .at10 = rank < 10 ? 1.0 : 0.0,
               .mean_rank = rank + 1.0};
  }
  return recall.Over(static_cast<double>(ranks.size()));
}

// What a right pair is compared with: a right one that is no number is worse than all.
float RightPenalty(float penalty) { return std::isnan(penalty) ? std::numeric_limits<float>::infinity() : penalty; }

// Goes image by image over the captions, as the penalties lie in memory.
Recall RankImages(const float* penalties, std::int64_t images) {
  const std::int64_t captions = kOwn * images;
  std::vector<float> right(static_cast<std::size_t>(captions));
  for (std::int64_t c = 0; c < captions; ++c) {
    right[static_cast<std::size_t>(c)] = RightPenalty(penalties[c / kOwn * captions + c]);
  }
  std::vector<std::int32_t> ranks(right.size(), -1);  // the right image is not worse than itself
  for (std::int64_t i = 0; i < images; ++i) {
    const float* const column = penalties + i * captions;
    for (std::size_t c = 0; c < ranks.size(); ++c) {
      ranks[c] += column[c] > right[c] ? 0 : 1;
    }
  }
  return Summarize(ranks);
}

Recall RankCaptions(const float* penalties, std::int64_t images) {
  const std::int64_t captions = kOwn * images;
  std::vector<std::int32_t> ranks;
  for (std::int64_t i = 0; i < images; ++i) {
    const float* const column = penalties + i * captions;
    float right = std::numeric_limits<float>::infinity();
    for (std::int64_t c = kOwn * i; c < kOwn * (i + 1); ++c) {
      right = std::min(right, RightPenalty(column[c]));
    }
    const auto not_worse = [right](float penalty) { return !(penalty > right); };
    ranks.push_back(static_cast<std::int32_t>(std::count_if(column, column + kOwn * i, not_worse) +
                                              std::count_if(column + kOwn * (i + 1), column + captions, not_worse)));
  }
  return Summarize(ranks);
}

}  // namespace

Recall& Recall::operator+=(const Recall& other) {
  at1 += other.at1;
  at5 += other.at5;
  at10 += other.at10;
  mean_rank += other.mean_rank;
  return *this;
}

Recall Recall::Over(double n) const {
  return {.at1 = at1 / n, .at5 = at5 / n, .at10 = at10 / n, .mean_rank = mean_rank / n};
}

Retrieval Rank(const float* penalties, std::int64_t images) {
  return {.image = RankImages(penalties, images), .caption = RankCaptions(penalties, images)};
}

}  // namespace normlab
