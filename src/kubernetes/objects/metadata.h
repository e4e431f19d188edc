#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "kubernetes/objects/settings.h"
#include "project/spec.h"

namespace keelson::kubernetes {

// An object of Kubernetes, its members in the order in which people write them.
using Json = nlohmann::ordered_json;

// Whose objects are made.
struct Owner {
  const project::Project& project;
  std::string revision;      // of the project's files, as project::Bundle has it
  const Settings& settings;  // as CheckSettings gives them
};

inline constexpr const char* kRevisionLabel = "keelson.dev/revision";

// Parts of a project, as the label app.kubernetes.io/component tells them.
namespace component {
inline constexpr const char* kWorkspace = "workspace";
inline constexpr const char* kPipeline = "pipeline";
inline constexpr const char* kEndpoint = "endpoint";
inline constexpr const char* kServer = "server";
}  // namespace component

// Longest name given to an object: what Kubernetes appends for pods and their hosts keeps within its 63.
inline constexpr std::size_t kMaximumName = 52;

// `parts` with "-" between them, as an RFC 1035 label, which is what a Service's name must be. A name in which
// something had to be replaced or cut ends with a hash of what it was, so that different parts have different names.
std::string ObjectName(const std::vector<std::string>& parts);

// What finds the pods of a component again: it never changes while the project lives, as a Deployment's selector must.
Json Selector(const Owner& owner, std::string_view component);

// Who owns an object, which revision of the project made it, and by which version of Keelson.
Json Labels(const Owner& owner, std::string_view component);

// {apiVersion, kind, metadata}; in the project's workspace.
Json NewObject(const Owner& owner, const char* api_version, const char* kind, const std::string& name,
               std::string_view component);

// The same of what belongs to no project, but to the cluster or the server; in no namespace yet.
Json PlatformObject(const std::string& version, const char* api_version, const char* kind, const std::string& name);

// Makes a Namespace one that takes pods of Pod Security "restricted" alone.
void EnforcePodSecurity(Json* object);

}  // namespace keelson::kubernetes
