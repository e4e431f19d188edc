#pragma once

#include "app/command.h"

namespace keelson::app {

// What was spent and by whom, and what could be saved.
Command CostCommand();
Command AdviseCommand();

}  // namespace keelson::app
