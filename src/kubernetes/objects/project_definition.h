#pragma once

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// An IANA time zone: what a project file says as metadata.time_zone, where Kubernetes lets no field of others stand.
inline constexpr const char* kTimeZoneAnnotation = "keelson.dev/time-zone";
// Which version of the model serves, and the image of the pods: what of the settings is a project's own.
inline constexpr const char* kModelVersionAnnotation = "keelson.dev/model-version";
inline constexpr const char* kImageAnnotation = "keelson.dev/image";
// A further version that gets a share of the requests, that share in percent, and the Gateway (NAMESPACE/NAME) that
// divides them.
inline constexpr const char* kCanaryVersionAnnotation = "keelson.dev/canary-version";
inline constexpr const char* kCanaryPercentAnnotation = "keelson.dev/canary-percent";
inline constexpr const char* kGatewayAnnotation = "keelson.dev/gateway";

// The CustomResourceDefinition projects.keelson.dev: a project file is an object of it as it stands, but for its time
// zone. From project::JsonSchema; with conditions, what serves and what kubectl shows in columns.
Json ProjectDefinition(const std::string& version);

// A project as such an object, every default written out.
Json ProjectResource(const Owner& owner);

}  // namespace keelson::kubernetes
