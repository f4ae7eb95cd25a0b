// methods.h - which method a path names: one rule for all, read from the services' descriptors.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>
#include <vector>

namespace normlab::server::http {

// The method of package normlab.v1 that "/v1/JobService/ListJobs" names; null for any other path.
const google::protobuf::MethodDescriptor* FindMethod(std::string_view path);

// The path of a method, here and over gRPC.
std::string HttpPath(const google::protobuf::MethodDescriptor& method);
std::string GrpcPath(const google::protobuf::MethodDescriptor& method);

// All of them, in the order of their files.
std::vector<const google::protobuf::MethodDescriptor*> AllMethods();

}  // namespace normlab::server::http
