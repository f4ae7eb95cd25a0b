// contexts.h - named servers: a file in the user's config directory, and which server a command means.
//
// The file is $XDG_CONFIG_HOME/normlab/contexts.json, of mode 0600 in a folder of mode 0700: it names files with tokens and keys, not
// what is in them.
//
// One thread. Errors name the file; a damaged one is kInvalidArgument, never written over.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "client/connection.h"

namespace normlab::client {

struct Contexts {
  std::string current;  // empty: none
  std::map<std::string, Endpoint> named;
};

// Where they are: empty if nobody says where the user's home is.
std::string ContextsFile();
absl::StatusOr<Contexts> LoadContexts();
absl::Status SaveContexts(const Contexts& contexts);

// kInvalidArgument unless it is [A-Za-z0-9][A-Za-z0-9._-]{0,63}.
absl::Status CheckContextName(const std::string& name);

// The server that is meant, given what the options say: --home, --socket and --address, else --context, else
// $NORMLAB_ADDRESS, else $NORMLAB_HOME, else $NORMLAB_CONTEXT, else the current context, else the default home. A token file
// that no option names is that of the context, or $NORMLAB_TOKEN_FILE with an address that came from elsewhere; certificates
// likewise ($NORMLAB_CA, $NORMLAB_CERT, $NORMLAB_KEY).
absl::StatusOr<Endpoint> ResolveEndpoint(const Endpoint& options, const std::string& context);

}  // namespace normlab::client
