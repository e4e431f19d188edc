#pragma once

#include <string>

#include "app/client/client.h"

namespace keelson::app {

// Copies the files of a registered version of a project's model from the server to `folder`, which is then whole or not
// there: their content hash is that of the registration, else it is kDataLoss. No error when they are there already;
// kAlreadyExists when something else is. kNotFound: there is no such version.
Status FetchModel(Client& client, const std::string& project, int version, const std::string& folder);

}  // namespace keelson::app
