// Messages as JSON: what we write is what protobuf's own writer says, and reads back as the same message.
#include "server/http/json.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "google/rpc/status.pb.h"
#include "normlab/v1/curves.pb.h"
#include "normlab/v1/jobs.pb.h"
#include "server/http/answer.h"
#include "server/http/methods.h"

namespace normlab::server::http {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

constexpr int kDeep = 6;

// Sets fields to values that differ, edges of their types among them; which fields depends on `seed`.
class Filler {
 public:
  explicit Filler(std::uint32_t seed) : state_(seed * 2654435761U + 1) {}

  void Fill(Message& message, int depth) {
    if (message.GetDescriptor()->file()->package() == "google.protobuf") {
      message.GetDescriptor()->name() == "FieldMask" ? FillMask(message) : FillTime(message);
      return;
    }
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      const int times = field.is_repeated() ? Next() % 3 : Next() % 3 != 0;
      for (int k = 0; k < times && (depth < kDeep || field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE); ++k) {
        Set(message, field, depth);
      }
    }
  }

 private:
  std::uint32_t Next() {
    state_ = state_ * 1664525 + 1013904223;
    return state_ >> 16;
  }
  template <typename T>
  T Pick(std::initializer_list<T> values) {
    return values.begin()[Next() % values.size()];
  }

  // Both within what has a form in JSON.
  void FillMask(Message& message) {
    const FieldDescriptor* paths = message.GetDescriptor()->FindFieldByName("paths");
    for (std::uint32_t i = Next() % 3; i > 0; --i) {
      message.GetReflection()->AddString(&message, paths, Pick<std::string>({"state", "job_id", "spec.seed"}));
    }
  }
  void FillTime(Message& message) {
    const Reflection& of = *message.GetReflection();
    of.SetInt64(&message, message.GetDescriptor()->FindFieldByName("seconds"),
                Pick<std::int64_t>({0, 1'800'000'000, 59}));
    of.SetInt32(&message, message.GetDescriptor()->FindFieldByName("nanos"), Pick({0, 1'000'000, 123'456'789}));
  }

#define SET(Type, value) \
  field.is_repeated() ? of.Add##Type(&message, &field, value) : of.Set##Type(&message, &field, value)

  void Set(Message& message, const FieldDescriptor& field, int depth) {
    const Reflection& of = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return SET(Int32, Pick({0, -1, std::numeric_limits<std::int32_t>::min()}));
      case FieldDescriptor::CPPTYPE_UINT32:
        return SET(UInt32, Pick<std::uint32_t>({0, 1, std::numeric_limits<std::uint32_t>::max()}));
      case FieldDescriptor::CPPTYPE_INT64:
        return SET(Int64, Pick<std::int64_t>({0, -1, std::numeric_limits<std::int64_t>::min()}));
      case FieldDescriptor::CPPTYPE_UINT64:
        return SET(UInt64, Pick<std::uint64_t>({0, 1, std::numeric_limits<std::uint64_t>::max()}));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return SET(Double, Pick({0.0, -0.0, 0.1, 1e-300, 1.0 / 3, 1e22, 123456789.0, 5e-324, HUGE_VAL, -HUGE_VAL}));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return SET(Float, Pick({0.0F, 0.1F, 1e30F}));
      case FieldDescriptor::CPPTYPE_BOOL:
        return SET(Bool, Next() % 2 == 0);
      case FieldDescriptor::CPPTYPE_ENUM:
        return SET(EnumValue,
                   field.enum_type()->value(static_cast<int>(Next()) % field.enum_type()->value_count())->number());
      case FieldDescriptor::CPPTYPE_STRING:
        return field.type() == FieldDescriptor::TYPE_BYTES
                   ? SET(String, Pick<std::string>({"", "a", "ab", "abc", std::string("\0\xff\xfe", 3)}))
                   : SET(String, Pick<std::string>({"", "plain", "\"\\/\b\n\t\x01\x7f", "\u00fc\u2028\U0001F600<>&'"}));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(field.is_repeated() ? *of.AddMessage(&message, &field) : *of.MutableMessage(&message, &field),
                    depth + 1);
    }
  }
#undef SET

  std::uint32_t state_;
};

std::string ProtobufJson(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string text;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &text, options).ok());
  return text;
}

TEST(HttpJson, EveryMessageIsWrittenAsProtobufWritesIt) {
  for (const auto* method : AllMethods()) {
    for (const auto* type : {method->input_type(), method->output_type()}) {
      const Message* prototype = MessageFactory::generated_factory()->GetPrototype(type);
      for (std::uint32_t seed = 0; seed < 20; ++seed) {
        const std::unique_ptr<Message> message(prototype->New()), again(prototype->New());
        Filler(seed).Fill(*message, 0);
        // Through the wire once, as it would come: a map has each key once.
        ASSERT_TRUE(again->ParseFromString(message->SerializeAsString()));
        message->CopyFrom(*again);
        const absl::StatusOr<std::string> json = WriteJson(*message);
        ASSERT_TRUE(json.ok()) << json.status();
        EXPECT_EQ(nlohmann::json::parse(*json), nlohmann::json::parse(ProtobufJson(*message))) << *json;
        again->Clear();
        const absl::Status read = ReadJson(*json, "", *again);
        ASSERT_TRUE(read.ok()) << read << *json;
        EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*again, *message)) << *json;
      }
    }
  }
}

TEST(HttpJson, IsOnOneLine) {
  v1::Job job;
  job.set_error("a\r\nb\n\ndata: x");
  EXPECT_EQ(WriteJson(job)->find_first_of("\r\n"), std::string::npos);
}

TEST(HttpJson, ANumberThatIsNoneIsAString) {
  v1::ReadCurveResponse curve;
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    curve.add_values(value);
  }
  EXPECT_THAT(*WriteJson(curve), testing::HasSubstr(R"("values":["NaN","Infinity","-Infinity"])"));
}

TEST(HttpJson, AnEnumWithoutANameIsItsNumber) {
  v1::Job job;
  job.set_state(static_cast<v1::JobState>(77));
  EXPECT_THAT(*WriteJson(job), testing::HasSubstr(R"("state":77)"));
}

TEST(HttpJson, AnErrorWhoseDetailNobodyKnowsIsStillOne) {
  google::rpc::Status wire;
  auto* any = wire.add_details();
  any->set_type_url("type.googleapis.com/no.such.Message");
  any->set_value("x");
  const std::string json = ErrorJson(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone \"x\"", wire.SerializeAsString()));
  const nlohmann::json error = nlohmann::json::parse(json)["error"];
  EXPECT_EQ(error["code"], 5);
  EXPECT_EQ(error["status"], "NOT_FOUND");
  EXPECT_EQ(error["message"], "gone \"x\"");
  EXPECT_EQ(error["details"], nlohmann::json::array());
}

TEST(HttpJson, EveryCodeHasItsStatus) {
  const std::pair<int, int> expected[] = {{1, 499},  {2, 500},  {3, 400},  {4, 504},  {5, 404},  {6, 409},
                                          {7, 403},  {8, 429},  {9, 400},  {10, 409}, {11, 400}, {12, 501},
                                          {13, 500}, {14, 503}, {15, 500}, {16, 401}};
  for (const auto& [code, status] : expected) {
    EXPECT_EQ(HttpStatus(static_cast<grpc::StatusCode>(code)), status) << code;
  }
  EXPECT_EQ(HttpStatus(static_cast<grpc::StatusCode>(99)), 500);
}

}  // namespace
}  // namespace normlab::server::http
