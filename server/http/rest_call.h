// rest_call.h - one request of a REST API: its body becomes messages of its method, the method's messages become the answer.
//
// Threads: the connection's strand.
#pragma once

#include <memory>

#include "server/http/connection.h"
#include "server/http/rest_api.h"
#include "server/http/services.h"

namespace normlab::server::http {

// Answers the connection's request, which is `call` of `api`. Both of them and `services` outlive the connection.
void RunRestCall(std::shared_ptr<Connection> connection, const RestApi& api, RestCall call, Services& services);

}  // namespace normlab::server::http
