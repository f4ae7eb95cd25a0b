// xml.h - XML as data files use it: elements and attributes, handed over one by one, with their byte offsets.
//
// Hostile input is expected. A document type declaration is refused, so no entity can be defined, expanded or fetched;
// depth and size are bounded. The parser is Expat. Errors are kDataLoss and name the file (`source`) and the offset.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::data {

struct XmlElement {
  struct Attribute {
    std::string_view name, value;
  };
  std::string_view name;              // this and the attributes live until the handler returns
  std::vector<Attribute> attributes;  // in the document's order

  std::optional<std::string_view> Find(std::string_view attribute) const;
};

class XmlHandler {
 public:
  virtual ~XmlHandler() = default;
  // A status that is not OK ends the parse; its message, "file: byte N: " put before it, is what ParseXml returns.
  virtual absl::Status Start(const XmlElement& element) = 0;
  virtual absl::Status End(std::string_view name) = 0;
};

struct XmlLimits {
  std::int64_t max_bytes = std::int64_t{64} << 20;
  int max_depth = 16;
};

// Takes a whole document in ISO-8859-1, UTF-8 or UTF-16.
absl::Status ParseXml(std::string_view document, std::string_view source, XmlHandler& handler, XmlLimits limits = {});

}  // namespace normlab::data
