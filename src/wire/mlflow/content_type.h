#pragma once

#include <string>
#include <string_view>

namespace keelson::wire::mlflow {

// What a browser is told that a file is, by the end of its name; "application/octet-stream" when it says nothing.
std::string_view ContentTypeOf(std::string_view path);

// The same of an artifact, as MLflow's server says it: what people read as text is "text/plain", JSON and scripts too.
std::string_view ArtifactTypeOf(std::string_view path);

// The header content-disposition that gives a file at `path` its last name when it is saved (RFC 6266): as it is,
// quoted where it must be; of one that is not all printable ASCII a poorer name, and the whole one beside it.
std::string AttachmentOf(std::string_view path);

}  // namespace keelson::wire::mlflow
