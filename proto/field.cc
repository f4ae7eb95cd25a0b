#include "proto/field.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/nearest.h"
#include "proto/spec_text.h"

namespace normlab::field {
namespace {

constexpr std::string_view kUnspecified = "UNSPECIFIED";

template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional<T>(value) : std::nullopt;
}

// Also reads "1e3" and "128.0", which JSON writers produce for integers.
template <typename T>
std::optional<T> ParseInteger(std::string_view text) {
  if (const auto exact = ParseNumber<T>(text)) {
    return exact;
  }
  const auto number = ParseNumber<double>(text);
  constexpr double kExact = 9007199254740992.0;  // 2^53: up to here every integer has a double of its own
  if (!number || std::trunc(*number) != *number || std::abs(*number) > kExact) {
    return std::nullopt;
  }
  if (*number < static_cast<double>(std::numeric_limits<T>::min()) ||
      *number > static_cast<double>(std::numeric_limits<T>::max())) {
    return std::nullopt;
  }
  return static_cast<T>(*number);
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "false") {
    return text == "true";
  }
  return std::nullopt;
}

const EnumValueDescriptor* FindChoice(const EnumDescriptor& type, std::string_view text) {
  for (const EnumValueDescriptor* value : Choices(type)) {
    if (text == value->name() || text == ChoiceName(*value)) {
      return value;
    }
  }
  return nullptr;
}

std::vector<std::string> ChoiceNames(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (const EnumValueDescriptor* value : Choices(type)) {
    names.push_back(ChoiceName(*value));
  }
  return names;
}

// The value for comparison with bounds: long double holds every 64 bit integer and every double.
long double AsNumber(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<long double>(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<long double>(reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(message, &field);
    default:
      return 0;
  }
}

bool InRange(long double value, const v1::FieldMeta& meta) {
  return std::isfinite(value) && !(meta.has_min() && value < meta.min()) && !(meta.has_max() && value > meta.max()) &&
         !(meta.has_above() && value <= meta.above()) && !(meta.has_below() && value >= meta.below());
}

std::string Mismatch(std::string_view shown, const FieldDescriptor& field) {
  return fmt::format("is {}; expected {}", shown, Expectation(field));
}

// Calls set(value) if `value` is there; tells whether it was.
template <typename T, typename Set>
bool Apply(const std::optional<T>& value, Set set) {
  if (value) {
    set(*value);
  }
  return value.has_value();
}

}  // namespace

const v1::FieldMeta& Meta(const FieldDescriptor& field) { return field.options().GetExtension(v1::meta); }

std::string TypeName(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_ENUM:
      return "choice";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "bool";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "number";
    default:
      return "int";
  }
}

std::string RangeText(const FieldDescriptor& field) {
  const v1::FieldMeta& meta = Meta(field);
  std::string text;
  const auto add = [&text](bool present, std::string_view relation, double bound) {
    if (present) {
      text += fmt::format("{}{} {}", text.empty() ? "" : " and ", relation, bound);
    }
  };
  add(meta.has_min(), ">=", meta.min());
  add(meta.has_above(), ">", meta.above());
  add(meta.has_max(), "<=", meta.max());
  add(meta.has_below(), "<", meta.below());
  return text;
}

std::string Expectation(const FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    return fmt::format("one of {}", fmt::join(ChoiceNames(*field.enum_type()), ", "));
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    return "true or false";
  }
  std::string text = field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ? "a finite number" : "an integer";
  if (const std::string range = RangeText(field); !range.empty()) {
    text += " " + range;
  }
  if (const std::string& unit = Meta(field).unit(); !unit.empty()) {
    text += fmt::format(" ({})", unit);
  }
  return text;
}

std::string ChoiceName(const EnumValueDescriptor& value) {
  const std::size_t prefix = value.type()->FindValueByNumber(0)->name().size() - kUnspecified.size();
  std::string name = value.name().substr(prefix);
  for (char& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return name;
}

std::vector<const EnumValueDescriptor*> Choices(const EnumDescriptor& type) {
  std::vector<const EnumValueDescriptor*> choices;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) {
      choices.push_back(type.value(i));
    }
  }
  return choices;
}

std::string SetFromText(Message& message, const FieldDescriptor& field, std::string_view text) {
  const auto& reflection = *message.GetReflection();
  bool done = false;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      done = Apply(ParseInteger<std::int32_t>(text), [&](auto v) { reflection.SetInt32(&message, &field, v); });
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      done = Apply(ParseInteger<std::int64_t>(text), [&](auto v) { reflection.SetInt64(&message, &field, v); });
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      done = Apply(ParseInteger<std::uint32_t>(text), [&](auto v) { reflection.SetUInt32(&message, &field, v); });
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      done = Apply(ParseInteger<std::uint64_t>(text), [&](auto v) { reflection.SetUInt64(&message, &field, v); });
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      done = Apply(ParseBool(text), [&](bool v) { reflection.SetBool(&message, &field, v); });
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (const auto value = ParseNumber<double>(text); value && std::isfinite(*value)) {
        reflection.SetDouble(&message, &field, *value);
        done = true;
      }
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (const EnumValueDescriptor* value = FindChoice(*field.enum_type(), text)) {
        reflection.SetEnum(&message, &field, value);
        done = true;
      } else {
        return Mismatch(Shown(text), field) + DidYouMean(Nearest(text, ChoiceNames(*field.enum_type())));
      }
      break;
    default:
      break;
  }
  return done ? "" : Mismatch(Shown(text), field);
}

std::string ValueText(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return fmt::to_string(reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return fmt::to_string(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return fmt::to_string(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return fmt::to_string(reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return fmt::to_string(reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = reflection.GetEnumValue(message, &field);
      const EnumValueDescriptor* value = field.enum_type()->FindValueByNumber(number);
      return value != nullptr ? ChoiceName(*value) : fmt::to_string(number);
    }
    default:
      return "";
  }
}

std::string CanonicalText(const Message& message, const FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    return fmt::format("{:016x}", std::bit_cast<std::uint64_t>(message.GetReflection()->GetDouble(message, &field)));
  }
  return ValueText(message, field);
}

std::string Check(const Message& message, const FieldDescriptor& field) {
  bool good = true;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    const int number = message.GetReflection()->GetEnumValue(message, &field);
    good = number != 0 && field.enum_type()->FindValueByNumber(number) != nullptr;
  } else if (field.cpp_type() != FieldDescriptor::CPPTYPE_BOOL) {
    good = InRange(AsNumber(message, field), Meta(field));
  }
  return good ? "" : Mismatch(ValueText(message, field), field);
}

void Normalize(Message& message, const FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE && AsNumber(message, field) == 0) {
    message.GetReflection()->SetDouble(&message, &field, 0.0);
  }
}

}  // namespace normlab::field
