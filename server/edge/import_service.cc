#include "server/edge/import_service.h"

#include "server/edge/convert.h"
#include "server/edge/receive_import.h"

namespace normlab::server {

grpc::Status ImportServiceImpl::ImportJob(grpc::ServerContext* context,
                                          grpc::ServerReader<v1::ImportJobRequest>* reader,
                                          v1::ImportJobResponse* response) {
  return core_.gate.Call(*context, "ImportService.ImportJob", CallKind::kCompare, {nullptr, response},
                         [&](const Caller&) -> absl::Status {
                           NORMLAB_ASSIGN_OR_RETURN(const store::CreatedJob imported, ReceiveImport(core_, *reader));
                           ToWire(imported.job, *response->mutable_job());
                           response->set_reused(imported.reused);
                           return absl::OkStatus();
                         });
}

}  // namespace normlab::server
