#include "server/http/methods.h"

#include <fmt/format.h>

#include "normlab/v1/admin.pb.h"
#include "normlab/v1/artifacts.pb.h"
#include "normlab/v1/catalog.pb.h"
#include "normlab/v1/comparison.pb.h"
#include "normlab/v1/curves.pb.h"
#include "normlab/v1/imports.pb.h"
#include "normlab/v1/jobs.pb.h"
#include "normlab/v1/papers.pb.h"
#include "normlab/v1/worker.pb.h"

namespace normlab::server::http {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

constexpr std::string_view kPrefix = "/v1/";
constexpr std::string_view kPackage = "normlab.v1";

// Those with services.
std::vector<const FileDescriptor*> Files() {
  return {v1::Job::descriptor()->file(),          v1::Series::descriptor()->file(),
          v1::Artifact::descriptor()->file(),     v1::Field::descriptor()->file(),
          v1::Paper::descriptor()->file(),        v1::CompareJobsRequest::descriptor()->file(),
          v1::LeaseRequest::descriptor()->file(), v1::ImportJobRequest::descriptor()->file(),
          v1::Backup::descriptor()->file()};
}

}  // namespace

const MethodDescriptor* FindMethod(std::string_view path) {
  if (!path.starts_with(kPrefix)) {
    return nullptr;
  }
  path.remove_prefix(kPrefix.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos || path.find_first_of("./", slash + 1) != std::string_view::npos ||
      path.substr(0, slash).find('.') != std::string_view::npos) {
    return nullptr;
  }
  return DescriptorPool::generated_pool()->FindMethodByName(
      fmt::format("{}.{}.{}", kPackage, path.substr(0, slash), path.substr(slash + 1)));
}

std::string HttpPath(const MethodDescriptor& method) {
  return fmt::format("{}{}/{}", kPrefix, method.service()->name(), method.name());
}

std::string GrpcPath(const MethodDescriptor& method) {
  return fmt::format("/{}/{}", method.service()->full_name(), method.name());
}

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const FileDescriptor* file : Files()) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  return methods;
}

}  // namespace normlab::server::http
