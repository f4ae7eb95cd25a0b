// authority.h - a private certificate authority: certificates for servers of known names, and for those who may reach them.
//
// Keys are of the curve P-256. The authority is good for ten years, and signs no other authority; what it issues is good for as
// many days as asked for, from an hour ago on, so that clocks need not agree.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "proto/transport/certificate.h"

namespace normlab {

// Days that a certificate is good for unless told otherwise: those that browsers take, and a year with a month to renew it.
inline constexpr int kCertificateDays = 397;

absl::StatusOr<Certificate> MakeAuthority();

// `hosts`: names and addresses by which clients reach the server, at least one. kInvalidArgument for what is neither.
absl::StatusOr<Certificate> IssueServerCertificate(const Certificate& authority, const std::vector<std::string>& hosts,
                                                   int days = kCertificateDays);
// For a client, or a worker, of this name.
absl::StatusOr<Certificate> IssueClientCertificate(const Certificate& authority, const std::string& name,
                                                   int days = kCertificateDays);

// The names and addresses that a server's certificate was issued for; empty if it cannot be read.
std::vector<std::string> HostsOf(const std::string& certificate_pem);

}  // namespace normlab
