// openapi.h - the API as an OpenAPI 3.1 document, from the services' descriptors and the options of their fields.
//
// Thread safety: free function, any thread.
#pragma once

#include <string>

namespace normlab::server::http {

std::string OpenApiDocument();

}  // namespace normlab::server::http
