// paths.h - where normlab keeps things on a user's machine, after the XDG base directory specification.
#pragma once

#include <string>
#include <vector>

namespace normlab {

// Jobs, curves, checkpoints: $NORMLAB_HOME, else $XDG_DATA_HOME/normlab, else ~/.local/share/normlab, where ~ is $HOME,
// else what the system knows of the user. Empty if none of them is known.
std::string DefaultHome();

// The server's socket of a home: <home>/run/normlabd.sock.
std::string SocketPath(const std::string& home);

// Of a home: the socket for the stock TensorBoard, and what it has to trust for it.
std::string TensorboardSocketPath(const std::string& home);
std::string TensorboardCertificatePath(const std::string& home);

// Beside a socket: the lock that everybody who uses the server shares (see base/use_lock.h).
std::string UsersPath(const std::string& socket);

// Where data sets are looked for, in order: the directories of $NORMLAB_DATA (separated by ':'), then <home>/data, then
// the same of the default home, then /usr/share/datasets (Debian's).
std::vector<std::string> DataDirectories(const std::string& home = DefaultHome());

// Where `normlab data fetch` puts what it gets: the first of DataDirectories() in the user's own home.
std::string OwnDataDirectory();

// Where what can be made again is kept, so that it need not be: below the user's own home.
std::string CacheDirectory();

// The folder of the running executable, for finding its sister programs.
std::string ExecutableDirectory();

}  // namespace normlab
