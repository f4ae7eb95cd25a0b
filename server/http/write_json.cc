// Own code, and not protobuf's util, which takes 10 times as long: it reads the serialised message by its types' names,
// and builds a tree of it to find the defaults.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/reflection.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "server/http/json.h"

namespace normlab::server::http {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

class Writer {
 public:
  Writer(std::string& out, Integers integers) : out_(out), quote_(integers == Integers::kStrings ? "\"" : "") {}

  absl::Status Write(const Message& message) {
    if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
      Text(google::protobuf::util::TimeUtil::ToString(*time));
      return absl::OkStatus();
    }
    if (message.GetDescriptor()->file()->package() == "google.protobuf") {
      return WriteWellKnown(message);
    }
    out_ += '{';
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (field.is_repeated() || !field.has_presence() || message.GetReflection()->HasField(message, &field)) {
        out_ += out_.back() == '{' ? "\"" : ",\"";
        out_ += field.name();
        out_ += "\":";
        NORMLAB_RETURN_IF_ERROR(WriteField(message, field));
      }
    }
    out_ += '}';
    return absl::OkStatus();
  }

 private:
  template <typename... Values>
  void Put(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Values>(values)...);
  }

  // Those with a form of their own.
  absl::Status WriteWellKnown(const Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    const auto status = google::protobuf::util::MessageToJsonString(message, &out_, options);
    return status.ok() ? absl::OkStatus() : absl::InternalError(std::string(status.message()));
  }

  absl::Status WriteField(const Message& message, const FieldDescriptor& field) {
    if (field.is_map()) {
      return WriteMap(message, field);
    }
    if (!field.is_repeated()) {
      return WriteValue(message, field, kSingular);
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      WriteDoubles(message, field);
      return absl::OkStatus();
    }
    out_ += '[';
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
      out_ += i == 0 ? "" : ",";
      NORMLAB_RETURN_IF_ERROR(WriteValue(message, field, i));
    }
    out_ += ']';
    return absl::OkStatus();
  }

  // Curves are hundreds of thousands of these: without a look at the field's kind for each.
  void WriteDoubles(const Message& message, const FieldDescriptor& field) {
    out_ += '[';
    for (const double value : message.GetReflection()->GetRepeatedFieldRef<double>(message, &field)) {
      out_ += out_.back() == '[' ? "" : ",";
      Number(value);
    }
    out_ += ']';
  }

  // By key: a protobuf map has no order of its own. Our maps have strings for keys.
  absl::Status WriteMap(const Message& message, const FieldDescriptor& field) {
    const FieldDescriptor* key = field.message_type()->map_key();
    std::vector<std::pair<std::string, const Message*>> entries;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
      const Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
      entries.emplace_back(entry.GetReflection()->GetString(entry, key), &entry);
    }
    std::sort(entries.begin(), entries.end());
    out_ += '{';
    for (const auto& [name, entry] : entries) {
      out_ += out_.back() == '{' ? "" : ",";
      Text(name);
      out_ += ':';
      NORMLAB_RETURN_IF_ERROR(WriteValue(*entry, *field.message_type()->map_value(), kSingular));
    }
    out_ += '}';
    return absl::OkStatus();
  }

  // The value at `index` of a repeated field, or the only one.
  absl::Status WriteValue(const Message& message, const FieldDescriptor& field, int index) {
    const Reflection& of = *message.GetReflection();
    const bool one = index == kSingular;
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        Put("{}", one ? of.GetInt32(message, &field) : of.GetRepeatedInt32(message, &field, index));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        Put("{}", one ? of.GetUInt32(message, &field) : of.GetRepeatedUInt32(message, &field, index));
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        Whole(one ? of.GetInt64(message, &field) : of.GetRepeatedInt64(message, &field, index));
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        Whole(one ? of.GetUInt64(message, &field) : of.GetRepeatedUInt64(message, &field, index));
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        Number(one ? of.GetDouble(message, &field) : of.GetRepeatedDouble(message, &field, index));
        break;
      case FieldDescriptor::CPPTYPE_FLOAT:
        Number(one ? of.GetFloat(message, &field) : of.GetRepeatedFloat(message, &field, index));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        Put("{}", one ? of.GetBool(message, &field) : of.GetRepeatedBool(message, &field, index));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        Enum(field, one ? of.GetEnumValue(message, &field) : of.GetRepeatedEnumValue(message, &field, index));
        break;
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        const std::string& text = one ? of.GetStringReference(message, &field, &scratch)
                                      : of.GetRepeatedStringReference(message, &field, index, &scratch);
        field.type() == FieldDescriptor::TYPE_BYTES ? Base64(text) : Text(text);
        break;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Write(one ? of.GetMessage(message, &field) : of.GetRepeatedMessage(message, &field, index));
    }
    return absl::OkStatus();
  }

  template <typename Int>
  void Whole(Int value) {
    Put("{}{}{}", quote_, value, quote_);
  }

  // Shortest digits that read back as the same number.
  template <typename Float>
  void Number(Float value) {
    if (value == 0 && std::signbit(value)) {
      out_ += "-0.0";  // "-0" would be read as the integer
    } else if (std::isfinite(value)) {
      std::array<char, 32> digits;
      out_.append(digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr);
    } else {
      out_ += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    }
  }

  // One that has no name here is its number.
  void Enum(const FieldDescriptor& field, int number) {
    const auto* value = field.enum_type()->FindValueByNumber(number);
    value == nullptr ? Put("{}", number) : Put("\"{}\"", value->name());
  }

  void Base64(const std::string& bytes) {
    const std::size_t begin = out_.size() + 1;
    const std::size_t size = (bytes.size() + 2) / 3 * 4;
    out_ += '"';
    out_.resize(begin + size + 1);  // and the NUL that it writes
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out_.data() + begin),
                    reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out_.back() = '"';
  }

  // UTF-8, which protobuf has checked.
  void Text(std::string_view text) {
    out_ += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        out_ += '\\';
        out_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        Put("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  static constexpr int kSingular = -1;
  std::string& out_;
  const std::string_view quote_;  // of 64-bit integers
};

}  // namespace

absl::StatusOr<std::string> WriteJson(const Message& message, Integers integers) {
  std::string text;
  NORMLAB_RETURN_IF_ERROR(Writer(text, integers).Write(message));
  return text;
}

}  // namespace normlab::server::http
