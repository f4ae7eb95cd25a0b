#include "client/tensorboard.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <bit>

#include "base/crc32c.h"

namespace normlab::client {
namespace {

using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

// Field numbers of TensorFlow's event.proto and summary.proto.
constexpr std::uint32_t kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5;
constexpr std::uint32_t kSummaryValue = 1, kValueTag = 1, kValueSimple = 2;
enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void Tag(CodedOutputStream& out, std::uint32_t field, WireType type) { out.WriteVarint32(field << 3 | type); }

void Bytes(CodedOutputStream& out, std::uint32_t field, std::string_view bytes) {
  Tag(out, field, kBytes);
  out.WriteVarint32(static_cast<std::uint32_t>(bytes.size()));
  out.WriteRaw(bytes.data(), static_cast<int>(bytes.size()));
}

template <typename Fields>
std::string Message(Fields&& fields) {
  std::string bytes;
  StringOutputStream stream(&bytes);
  CodedOutputStream out(&stream);
  fields(out);
  out.Trim();
  return bytes;
}

// The format masks checksums so that those of data which holds checksums stay telling.
std::uint32_t MaskedCrc(std::string_view data) { return std::rotr(Crc32c(data), 15) + 0xa282ead8u; }

std::string Record(std::string_view data) {
  const std::string length = Message([&](CodedOutputStream& out) { out.WriteLittleEndian64(data.size()); });
  return Message([&](CodedOutputStream& out) {
    out.WriteString(length);
    out.WriteLittleEndian32(MaskedCrc(length));
    out.WriteRaw(data.data(), static_cast<int>(data.size()));
    out.WriteLittleEndian32(MaskedCrc(data));
  });
}

void WallTime(CodedOutputStream& out, double seconds) {
  Tag(out, kEventWallTime, kFixed64);
  out.WriteLittleEndian64(std::bit_cast<std::uint64_t>(seconds));
}

}  // namespace

std::string TensorboardHeader(double wall_seconds) {
  return Record(Message([&](CodedOutputStream& out) {
    WallTime(out, wall_seconds);
    Bytes(out, kEventFileVersion, "brain.Event:2");
  }));
}

std::string TensorboardScalar(std::string_view tag, std::uint64_t step, double wall_seconds, double value) {
  const std::string scalar = Message([&](CodedOutputStream& out) {
    Bytes(out, kValueTag, tag);
    Tag(out, kValueSimple, kFixed32);
    out.WriteLittleEndian32(std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  });
  const std::string summary = Message([&](CodedOutputStream& out) { Bytes(out, kSummaryValue, scalar); });
  return Record(Message([&](CodedOutputStream& out) {
    WallTime(out, wall_seconds);
    Tag(out, kEventStep, kVarint);
    out.WriteVarint64(step);
    Bytes(out, kEventSummary, summary);
  }));
}

}  // namespace normlab::client
