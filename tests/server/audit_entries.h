// audit_entries.h - what the audit of a server holds, as its admin reads it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "normlab/v1/admin.grpc.pb.h"
#include "tests/server/fixture.h"

namespace normlab::server {

// All entries, oldest first. A call that is refused fails the test.
inline std::vector<v1::AuditEntry> AuditEntries(const std::shared_ptr<grpc::Channel>& channel) {
  CallContext context;
  const auto admin = v1::AdminService::NewStub(channel);
  const auto reader = admin->ReadAudit(&context, {});
  std::vector<v1::AuditEntry> entries;
  for (v1::ReadAuditResponse response; reader->Read(&response);) {
    entries.insert(entries.end(), response.entries().begin(), response.entries().end());
  }
  EXPECT_EQ(reader->Finish().error_message(), "");
  return entries;
}

}  // namespace normlab::server
