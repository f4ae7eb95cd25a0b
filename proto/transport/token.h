// token.h - bearer tokens: made once, kept in a file of mode 0600, shown as "authorization: Bearer ...".
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab {

// The metadata entry of a call that holds what AuthorizationOf makes.
inline constexpr char kAuthorization[] = "authorization";

// The environment variable in which a launcher gives a worker that it starts a token of the worker's own.
inline constexpr char kWorkerCredential[] = "NORMLAB_WORKER_CREDENTIAL";

// 256 random bits in hexadecimal. kUnavailable if the system has none.
absl::StatusOr<std::string> NewToken();

// Puts `token` into a new file of mode 0600. kAlreadyExists if there is a file.
absl::Status WriteToken(const std::string& path, std::string_view token);

// The token in the file `path`: 32 to 512 printable characters on one line. kNotFound if there is no file,
// kPermissionDenied if others may read it, kInvalidArgument if it holds something else.
absl::StatusOr<std::string> ReadToken(const std::string& path);

// The same; makes the file with 256 random bits if it is missing.
absl::StatusOr<std::string> ReadOrMakeToken(const std::string& path);

// "Bearer <token>", and the way back: empty for anything else.
std::string AuthorizationOf(std::string_view token);
std::string_view TokenOf(std::string_view authorization);

}  // namespace normlab
