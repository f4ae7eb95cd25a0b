#include "experiments/picture.h"

#include <gtest/gtest.h>
#include <png.h>

namespace normlab {
namespace {

constexpr Colour kBlack = {0, 0, 0}, kRed = {255, 0, 0};

bool Same(Colour a, Colour b) { return a.red == b.red && a.green == b.green && a.blue == b.blue; }

TEST(Picture, ComesBackFromItsPngFile) {
  Picture picture(5, 3, kBlack);
  const float levels[] = {0.0f, 1.0f, 0.5f, 2.0f};
  picture.DrawGrey(1, 0, 1, 2, levels, 1);
  picture.Set(4, 2, kRed);
  const std::string file = picture.Png();
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_memory(&image, file.data(), file.size()), 0);
  ASSERT_EQ(image.width, 5u);
  ASSERT_EQ(image.height, 3u);
  image.format = PNG_FORMAT_RGB;
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
  ASSERT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0);
  for (std::int64_t i = 0; i < 15; ++i) {
    const std::uint8_t* p = pixels.data() + 3 * i;
    EXPECT_TRUE(Same({p[0], p[1], p[2]}, picture.At(i % 5, i / 5))) << i;
  }
  EXPECT_EQ(picture.At(2, 0).green, 255);
  EXPECT_EQ(picture.Png(), file);
}

TEST(Picture, DrawsGreySquaresAndClampsLevels) {
  Picture picture(4, 4, kRed);
  const float levels[] = {0.5f, 7.0f, -1.0f, 0.0f};
  picture.DrawGrey(0, 0, 2, 2, levels, 2);
  EXPECT_EQ(picture.At(1, 1).red, 128);
  EXPECT_EQ(picture.At(3, 0).red, 255);
  EXPECT_EQ(picture.At(0, 3).red, 0);
}

TEST(Picture, OutlinesAreClippedAndNothingIsDrawnOutside) {
  Picture picture(4, 4, kBlack);
  picture.DrawOutline({1, 1, 9, 3}, {0, 0, 2, 3}, kRed);
  picture.Set(-1, 0, kRed);
  std::string map;
  for (std::int64_t i = 0; i < 16; ++i) {
    map += Same(picture.At(i % 4, i / 4), kRed) ? 'x' : '.';
  }
  EXPECT_EQ(map,
            "...."
            ".xx."
            ".x.."
            ".xx.");
}

}  // namespace
}  // namespace normlab
