#pragma once

#include "app/command.h"

namespace keelson::app {

// The payload log's segments into Parquet.
Command PayloadCommand();

}  // namespace keelson::app
