#include "base/svg_png.h"

#include <cairo.h>
#include <fmt/format.h>
#include <librsvg/rsvg.h>

#include <cmath>
#include <memory>

namespace normlab {
namespace {

constexpr double kLargestSide = 16384;

template <auto Release>
struct Releaser {
  template <typename T>
  void operator()(T* object) const {
    Release(object);
  }
};
using Handle = std::unique_ptr<RsvgHandle, Releaser<g_object_unref>>;
using Surface = std::unique_ptr<cairo_surface_t, Releaser<cairo_surface_destroy>>;
using Context = std::unique_ptr<cairo_t, Releaser<cairo_destroy>>;
using Error = std::unique_ptr<GError, Releaser<g_error_free>>;

absl::Status Refused(std::string_view what, const Error& error) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", what, error ? error->message : "unknown reason"));
}

cairo_status_t Append(void* text, const unsigned char* data, unsigned int length) {
  static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

absl::StatusOr<std::string> SvgToPng(std::string_view svg, double scale) {
  GError* raw = nullptr;
  const Handle handle(
      rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(svg.data()), static_cast<gsize>(svg.size()), &raw));
  if (!handle) {
    return Refused("the picture is not SVG", Error(raw));
  }
  double width = 0, height = 0;
  if (!rsvg_handle_get_intrinsic_size_in_pixels(handle.get(), &width, &height)) {
    return absl::InvalidArgumentError("the picture has no width and height in pixels");
  }
  const double columns = std::ceil(width * scale), rows = std::ceil(height * scale);
  if (!(columns >= 1 && rows >= 1 && columns <= kLargestSide && rows <= kLargestSide)) {
    return absl::InvalidArgumentError(
        fmt::format("the picture would have {} x {} pixels; expected 1 to {} a side", columns, rows, kLargestSide));
  }
  const Surface surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(columns), static_cast<int>(rows)));
  const Context context(cairo_create(surface.get()));
  cairo_set_source_rgb(context.get(), 1, 1, 1);
  cairo_paint(context.get());
  const RsvgRectangle viewport{0, 0, columns, rows};
  if (!rsvg_handle_render_document(handle.get(), context.get(), &viewport, &raw)) {
    return Refused("the picture cannot be drawn", Error(raw));
  }
  std::string png;
  if (const cairo_status_t status = cairo_surface_write_to_png_stream(surface.get(), Append, &png);
      status != CAIRO_STATUS_SUCCESS) {
    return absl::InternalError(fmt::format("the PNG file cannot be made: {}", cairo_status_to_string(status)));
  }
  return png;
}

}  // namespace normlab
