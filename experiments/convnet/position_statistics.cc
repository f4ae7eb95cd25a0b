#include "experiments/convnet/position_statistics.h"

#include <fmt/format.h>

#include <cmath>

#include "nn/error.h"

namespace normlab {
namespace {

constexpr double kRarely = 0.01;

}  // namespace

PositionStatistics::PositionStatistics(const nn::Image& image, nn::Index border)
    : image_(image),
      border_(border),
      fired_(static_cast<std::size_t>(image.values()), 0),
      sums_(static_cast<std::size_t>(image.values()), 0.0) {
  if (2 * border >= image.height || 2 * border >= image.width) {
    throw nn::Error(fmt::format("position statistics: a border of {} leaves no centre of an image of {} x {}", border,
                                image.height, image.width));
  }
}

void PositionStatistics::Add(const float* active, std::int64_t images) {
  for (std::int64_t i = 0; i < images; ++i, active += image_.values()) {
    for (std::size_t unit = 0; unit < fired_.size(); ++unit) {
      fired_[unit] += active[unit] > 0.0f ? 1 : 0;
      sums_[unit] += static_cast<double>(active[unit]);
    }
  }
  images_ += images;
}

bool PositionStatistics::IsBorder(nn::Index position) const {
  const nn::Index y = position / image_.width, x = position % image_.width;
  return y < border_ || x < border_ || y >= image_.height - border_ || x >= image_.width - border_;
}

PositionStatistics::Group PositionStatistics::Of(bool border) const {
  const auto images = static_cast<double>(images_);
  const auto rate = [&](nn::Index channel, nn::Index position) {
    return static_cast<double>(fired_[static_cast<std::size_t>(position * image_.channels + channel)]) / images;
  };
  Group group;
  double units = 0.0;
  for (nn::Index channel = 0; channel < image_.channels; ++channel) {
    double centre_rates = 0.0, centre = 0.0;
    for (nn::Index position = 0; position < image_.positions(); ++position) {
      centre_rates += IsBorder(position) ? 0.0 : rate(channel, position);
      centre += IsBorder(position) ? 0.0 : 1.0;
    }
    for (nn::Index position = 0; position < image_.positions(); ++position) {
      if (IsBorder(position) == border) {
        group.firing_rate += rate(channel, position);
        group.rarely_active += rate(channel, position) < kRarely ? 1.0 : 0.0;
        group.activation += sums_[static_cast<std::size_t>(position * image_.channels + channel)] / images;
        group.distance += std::abs(rate(channel, position) - centre_rates / centre);
        units += 1.0;
      }
    }
  }
  return {.firing_rate = group.firing_rate / units,
          .rarely_active = group.rarely_active / units,
          .activation = group.activation / units,
          .distance = group.distance / units};
}

std::vector<float> PositionStatistics::FiringRates() const {
  std::vector<float> rates(static_cast<std::size_t>(image_.positions()), 0.0f);
  for (std::size_t unit = 0; unit < fired_.size(); ++unit) {
    rates[unit / static_cast<std::size_t>(image_.channels)] +=
        static_cast<float>(fired_[unit]) / static_cast<float>(images_ * image_.channels);
  }
  return rates;
}

}  // namespace normlab
