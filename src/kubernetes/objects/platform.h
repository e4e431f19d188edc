#pragma once

#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

inline constexpr const char* kServerSecret = "keelson-server";  // keys below; whoever runs the cluster makes it
inline constexpr const char* kServerTokenHashKey = "token.sha256";
inline constexpr const char* kDatabaseKey = "database";  // postgresql://...; may be left out

// What runs the server: its Namespace, which enforces Pod Security "restricted", its account with its rights, a
// Deployment and a Service. One replica, which is ended before the next begins: there is one data folder. Its token and
// the database's password come from the Secret "keelson-server"; the data folder is the claim "keelson-data". Of
// `settings`, version, image and server_namespace count.
std::vector<Json> Platform(const Settings& settings);

}  // namespace keelson::kubernetes
