// field.h - one scalar field of a configuration message by reflection: its text, its bounds, what it expects. Internal
// to proto/; others use spec.h and spec_text.h.
//
// A configuration message holds singular scalar fields only: 32 and 64 bit integers, double, bool and enum.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <string_view>
#include <vector>

#include "normlab/v1/options.pb.h"

namespace normlab::field {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const v1::FieldMeta& Meta(const FieldDescriptor& field);

// "int", "number", "bool", "choice".
std::string TypeName(const FieldDescriptor& field);

// ">= 1 and <= 55000"; empty without bounds.
std::string RangeText(const FieldDescriptor& field);

// "an integer >= 1 and <= 55000 (examples)", "one of none, batch, layer".
std::string Expectation(const FieldDescriptor& field);

// "layer" for NORM_KIND_LAYER: the name without the enum's prefix, which is what stands before UNSPECIFIED in value 0.
std::string ChoiceName(const EnumValueDescriptor& value);
// Every value but UNSPECIFIED.
std::vector<const EnumValueDescriptor*> Choices(const EnumDescriptor& type);

// Sets `field` from its text. Returns an empty string, or why not ("is x; expected an integer >= 1"): `message` is then
// as it was. Looks at the type only; bounds are Check's.
std::string SetFromText(Message& message, const FieldDescriptor& field, std::string_view text);

// The value as SetFromText reads it back; doubles in their shortest exact form.
std::string ValueText(const Message& message, const FieldDescriptor& field);

// As ValueText, but doubles as their 16 hexadecimal digits: equal texts mean equal bits.
std::string CanonicalText(const Message& message, const FieldDescriptor& field);

// An empty string, or how the set value breaks its bounds ("is 0; expected ..."). NaN, infinities and enum numbers
// without a name break them always.
std::string Check(const Message& message, const FieldDescriptor& field);

// -0.0 becomes 0.0: they train the same run and must not be two identities.
void Normalize(Message& message, const FieldDescriptor& field);

}  // namespace normlab::field
