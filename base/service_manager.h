// service_manager.h - tells systemd how a service is getting on: the protocol of sd_notify(3), a datagram to the socket
// that $NOTIFY_SOCKET names.
//
// Thread safety: free function, any thread, while nobody changes the environment.
#pragma once

#include <string>

namespace normlab {

// `state`: "READY=1", "STOPPING=1". Without a service manager, or if it cannot be told, nothing happens.
void TellServiceManager(const std::string& state);

}  // namespace normlab
