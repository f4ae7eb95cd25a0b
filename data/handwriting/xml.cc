#include "data/handwriting/xml.h"

#include <expat.h>
#include <fmt/format.h>

#include <memory>

#include "data/handwriting/text_cursor.h"

namespace normlab::data {
namespace {

// Joins Expat's C callbacks to the handler, and stops at the first thing wrong.
class Driver {
 public:
  Driver(XmlHandler& handler, int max_depth)
      : handler_(handler), max_depth_(max_depth), parser_(XML_ParserCreate(nullptr), &XML_ParserFree) {
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), &Driver::OnStart, &Driver::OnEnd);
    XML_SetStartDoctypeDeclHandler(parser_.get(), &Driver::OnDoctype);
  }

  absl::Status Parse(std::string_view document, std::string_view source) {
    const XML_Status parsed =
        XML_Parse(parser_.get(), document.data(), static_cast<int>(document.size()), /*isFinal=*/1);
    if (!failure_.ok()) {
      return BadInput(source, failed_at_, Message(failure_));
    }
    if (parsed != XML_STATUS_OK) {
      return BadInput(source, Offset(), fmt::format("bad XML: {}", XML_ErrorString(XML_GetErrorCode(parser_.get()))));
    }
    return absl::OkStatus();
  }

 private:
  static Driver& Self(void* user) { return *static_cast<Driver*>(user); }

  static void OnStart(void* user, const XML_Char* name, const XML_Char** attributes) {
    Driver& self = Self(user);
    if (!self.failure_.ok()) {
      return;
    }
    if (++self.depth_ > self.max_depth_) {
      return self.Fail(absl::DataLossError(fmt::format("elements nested more than {} deep", self.max_depth_)));
    }
    self.element_.name = name;
    self.element_.attributes.clear();
    for (; attributes[0] != nullptr; attributes += 2) {
      self.element_.attributes.push_back({attributes[0], attributes[1]});
    }
    self.Fail(self.handler_.Start(self.element_));
  }

  static void OnEnd(void* user, const XML_Char* name) {
    Driver& self = Self(user);
    --self.depth_;
    if (self.failure_.ok()) {
      self.Fail(self.handler_.End(name));
    }
  }

  static void OnDoctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    Self(user).Fail(absl::DataLossError("a document type declaration (<!DOCTYPE): refused, data files need none"));
  }

  void Fail(const absl::Status& status) {
    if (!status.ok() && failure_.ok()) {
      failure_ = status;
      failed_at_ = Offset();
      XML_StopParser(parser_.get(), XML_FALSE);
    }
  }

  std::size_t Offset() const {
    const XML_Index index = XML_GetCurrentByteIndex(parser_.get());
    return index < 0 ? 0 : static_cast<std::size_t>(index);
  }

  XmlHandler& handler_;
  int max_depth_;
  int depth_ = 0;
  XmlElement element_;
  absl::Status failure_;
  std::size_t failed_at_ = 0;
  std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser_;
};

}  // namespace

std::optional<std::string_view> XmlElement::Find(std::string_view attribute) const {
  for (const Attribute& each : attributes) {
    if (each.name == attribute) {
      return each.value;
    }
  }
  return std::nullopt;
}

absl::Status ParseXml(std::string_view document, std::string_view source, XmlHandler& handler, XmlLimits limits) {
  if (static_cast<std::int64_t>(document.size()) > limits.max_bytes) {
    return BadInput(source, static_cast<std::size_t>(limits.max_bytes),
                    fmt::format("the file has {} bytes, expected at most {}", document.size(), limits.max_bytes));
  }
  return Driver(handler, limits.max_depth).Parse(document, source);
}

}  // namespace normlab::data
