#include "base/svg_png.h"

#include <cairo.h>
#include <gtest/gtest.h>

#include <cstring>

namespace normlab {
namespace {

struct Reader {
  std::string_view rest;
};

cairo_status_t Read(void* reader, unsigned char* to, unsigned int length) {
  std::string_view& rest = static_cast<Reader*>(reader)->rest;
  if (rest.size() < length) {
    return CAIRO_STATUS_READ_ERROR;
  }
  std::memcpy(to, rest.data(), length);
  rest.remove_prefix(length);
  return CAIRO_STATUS_SUCCESS;
}

std::uint32_t PixelAt(std::string_view png, int x, int y) {
  Reader reader{png};
  cairo_surface_t* surface = cairo_image_surface_create_from_png_stream(Read, &reader);
  std::uint32_t pixel = 0;
  std::memcpy(&pixel, cairo_image_surface_get_data(surface) + y * cairo_image_surface_get_stride(surface) + 4 * x, 4);
  cairo_surface_destroy(surface);
  return pixel & 0xffffff;
}

constexpr char kSquare[] =
    R"(<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect x="10" width="10" height="10" fill="#0072b2"/></svg>)";

TEST(SvgPng, DrawsShapesOnWhiteAtTheScaleAskedFor) {
  const auto png = SvgToPng(kSquare, 2);
  ASSERT_TRUE(png.ok()) << png.status();
  EXPECT_EQ(PixelAt(*png, 5, 10), 0xffffffu);
  EXPECT_EQ(PixelAt(*png, 39, 19), 0x0072b2u);
  EXPECT_EQ(*png, *SvgToPng(kSquare, 2)) << "the same picture, the same bytes";
}

TEST(SvgPng, RefusesWhatIsNoPictureAndSizesWithoutMeasure) {
  EXPECT_EQ(SvgToPng("<html>", 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SvgToPng("", 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SvgToPng(kSquare, 1e6).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SvgToPng(kSquare, 0).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace normlab
