// Kinds of fields that no experiment uses yet, and two experiments in one spec, on a message made for the purpose.
#include "proto/read_message.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tests/proto/violations.h"

namespace normlab {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class ReadMessageTest : public testing::Test {
 protected:
  ReadMessageTest() {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
      name: "test.proto" syntax: "proto3"
      message_type {
        name: "Config"
        field { name: "i64" number: 1 type: TYPE_INT64 label: LABEL_OPTIONAL }
        field { name: "u32" number: 2 type: TYPE_UINT32 label: LABEL_OPTIONAL }
      }
      message_type {
        name: "Spec"
        field { name: "draw" number: 1 type: TYPE_MESSAGE type_name: "Config" label: LABEL_OPTIONAL oneof_index: 0 }
        field { name: "mlp" number: 2 type: TYPE_MESSAGE type_name: "Config" label: LABEL_OPTIONAL oneof_index: 0 }
        oneof_decl { name: "experiment" }
      })",
                                                              &file));
    pool_.BuildFile(file);
    message_.reset(factory_.GetPrototype(pool_.FindMessageTypeByName("Spec"))->New());
  }

  std::vector<FieldViolation> Read(std::string_view text) {
    std::vector<FieldViolation> violations;
    message_->Clear();
    YamlProblem problem;
    ReadMessage(*ParseYaml(text, {.bytes = 1 << 16}, problem), "", *message_, violations);
    return violations;
  }

  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
  std::unique_ptr<google::protobuf::Message> message_;
};

TEST_F(ReadMessageTest, TwoExperimentsAreOneTooMany) {
  EXPECT_THAT(Read("{draw: {}, mlp: {}}"),
              ElementsAre(Violation("experiment", "is both draw and mlp; expected one of them (line 1, column 12)")));
  EXPECT_THAT(Read("{draw: {}, draw: {}}"),
              ElementsAre(Violation("draw", "is given twice; expected once (line 1, column 12)")));
}

TEST_F(ReadMessageTest, WideIntegersKeepEveryBit) {
  EXPECT_THAT(Read("draw: {i64: -9223372036854775808, u32: 4294967295}"), ElementsAre());
  EXPECT_EQ(message_->ShortDebugString(), "draw { i64: -9223372036854775808 u32: 4294967295 }");
}

TEST_F(ReadMessageTest, IntegersBeyondTheirTypeAreRefused) {
  EXPECT_THAT(
      Read("draw: {i64: 9223372036854775808, u32: 4294967296}"),
      UnorderedElementsAre(Violation("draw.i64", "is 9223372036854775808; expected an integer (line 1, column 13)"),
                           Violation("draw.u32", "is 4294967296; expected an integer (line 1, column 39)")));
  EXPECT_THAT(Read("draw: {i64: 1e30, u32: -1.0}"),
              UnorderedElementsAre(ViolationStarting("draw.i64", "is 1e30"), ViolationStarting("draw.u32", "is -1.0")));
}

}  // namespace
}  // namespace normlab
