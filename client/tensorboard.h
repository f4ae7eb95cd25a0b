// tensorboard.h - curves as TensorBoard's event files: records of length, masked CRC-32C of the length, an Event
// message, masked CRC-32C of the message. Pure functions: no files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace normlab::client {

// The record every file starts with: which version of the format follows.
std::string TensorboardHeader(double wall_seconds);

// One scalar of `tag` ("test/error") at `step`. TensorBoard keeps single precision: `value` is rounded to it.
std::string TensorboardScalar(std::string_view tag, std::uint64_t step, double wall_seconds, double value);

// TensorBoard takes files whose names hold this word, in the order of their names.
inline constexpr char kTensorboardFile[] = "events.out.tfevents.normlab";

}  // namespace normlab::client
