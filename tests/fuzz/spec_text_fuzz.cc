// spec_text_fuzz.cc - any text must come out of the reader of specs as a spec that can be written and read again, or with
// violations; a spec that resolves has an identity.
#include <google/protobuf/util/message_differencer.h>

#include <cstdlib>

#include "proto/spec_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab;
  std::vector<FieldViolation> violations;
  const v1::JobSpec spec = ParseSpec({reinterpret_cast<const char*>(data), size}, violations);
  if (!violations.empty()) {
    return 0;
  }
  const v1::JobSpec resolved = ResolveSpec(spec, violations);
  if (!violations.empty()) {
    return 0;
  }
  const v1::JobSpec again = ParseSpec(SpecToYaml(resolved), violations);
  if (!violations.empty() || !google::protobuf::util::MessageDifferencer::Equals(again, resolved) ||
      Identity(again, "") != Identity(resolved, "")) {
    std::abort();
  }
  return 0;
}
