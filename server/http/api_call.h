// api_call.h - one request for a method: its JSON becomes messages, the service's messages become JSON.
//
//   request    JSON of the message; of a client stream, NDJSON: a message a line
//   answer     JSON of the message; of a server stream, server-sent events: "data: JSON" for each message, "event: end"
//              after the last. A call that fails is an error of its own HTTP status, or "event: error" if the stream has
//              begun.
//
// One message at a time is under way in each direction: whoever reads slowly makes his service wait.
//
// Threads: the connection's strand.
#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>

#include "server/http/connection.h"
#include "server/http/services.h"

namespace normlab::server::http {

// Answers the connection's request, whose method is `method`. `services` outlive the connection.
void RunApiCall(std::shared_ptr<Connection> connection, const google::protobuf::MethodDescriptor& method,
                Services& services);

}  // namespace normlab::server::http
