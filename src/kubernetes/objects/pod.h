#pragma once

#include <string>
#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// Things of a workspace that no project file can say, so that objects only refer to them. Whoever runs the cluster
// makes them (docs/kubernetes.md).
inline constexpr const char* kAccessSecret = "keelson-access";  // keys below; may come from Vault
inline constexpr const char* kServerTokenKey = "server-token";  // what the server asks of whoever asks it
inline constexpr const char* kReplicaTokenKey = "replica-token";
inline constexpr const char* kReplicaTokenHashKey = "replica-token.sha256";  // all that a replica knows of it
inline constexpr const char* kDataClaim = "keelson-data";                    // a volume claim: the server's data folder
inline constexpr const char* kDataFolder = "/var/lib/keelson";               // where the server and all pods have it

inline constexpr int kServerPort = 7070;
inline constexpr const char* kServiceAccount = "keelson-workload";  // of a workspace's pods: may do nothing

// "http://keelson.keelson-system.svc:7070"
std::string ServerUrl(const Settings& settings);

// Kubernetes' quantities: "500m", "2"; "2Gi".
std::string Cores(double cpu);
std::string Bytes(std::uint64_t bytes);

// A container of our image that needs no right at all: not root, nothing but its own folders to write to. It asks for
// the CPU and may have more while it lies idle; of memory it gets what it asked for.
Json Container(const Settings& settings, const char* name, const std::vector<std::string>& arguments,
               const project::ResourcesSpec& resources);

// An environment variable that holds a key of a Secret.
Json SecretVariable(const char* variable, const std::string& secret, const char* key);

// A pod's specification without containers, as Pod Security "restricted" asks for it. It has a "tmp" volume.
Json PodSpec(const char* priority_class);
// Asks `path` of the port "rest" each `period` seconds; `failures` times in a row without an answer count.
Json Probe(const char* path, int period, int failures);
Json Mount(const char* volume, const char* path, bool read_only);

}  // namespace keelson::kubernetes
