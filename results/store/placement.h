// placement.h - whether a directory can hold a store: on a disk of this machine, not on another's.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::store {

// "NFS" for the type that statfs(2) gives to a network file system; empty for others.
std::string_view NetworkFileSystem(long type);

// kFailedPrecondition if the directory, which exists, lies on a network file system. Any thread.
absl::Status CheckPlacement(const std::string& directory);

}  // namespace normlab::store
