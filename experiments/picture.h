// picture.h - small colour pictures of what a model makes, as PNG files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace normlab {

struct Colour {
  std::uint8_t red, green, blue;
};

// An image of colours in rows from the top. Value type.
class Picture {
 public:
  Picture(std::int64_t width, std::int64_t height, Colour background);

  std::int64_t width() const { return width_; }
  std::int64_t height() const { return height_; }
  Colour At(std::int64_t x, std::int64_t y) const;

  // Colours one pixel; outside of the picture: nothing.
  void Set(std::int64_t x, std::int64_t y, Colour colour);

  // Draws grey levels of `rows` x `columns`, row by row, 0 black and 1 white, each as a square of `scale` pixels, from
  // the upper left corner (x, y) on.
  void DrawGrey(std::int64_t x, std::int64_t y, std::int64_t rows, std::int64_t columns, const float* levels,
                std::int64_t scale);
  // The outline of a rectangle, one pixel wide, corners included; what lies outside of the clip is left out.
  struct Box {
    std::int64_t left, top, right, bottom;
  };
  void DrawOutline(const Box& box, const Box& clip, Colour colour);

  // The picture as a PNG file. The same picture gives the same bytes.
  std::string Png() const;

 private:
  std::int64_t width_, height_;
  std::vector<std::uint8_t> pixels_;  // red, green, blue
};

}  // namespace normlab
