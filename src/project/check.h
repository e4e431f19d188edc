#pragma once

#include <string>

#include "project/problem.h"
#include "project/reader.h"
#include "project/spec.h"

namespace keelson::project {

// Fills in the defaults that depend on other fields: train.table, train.views, serve.replicas.max.
void FillDefaults(Project& project, const Positions& positions);

// What only shows when fields are seen together: names that must exist, numbers that must rise, expressions that must
// parse. Pure; expects FillDefaults to have run.
Problems CheckReferences(const Project& project, const Positions& positions, const std::string& file);

// Whether the SQL, suites and (with `data`) source files that the project names are there, below `folder`, through no
// symbolic link that leaves it.
Problems CheckFiles(const Project& project, const Positions& positions, const std::string& file,
                    const std::string& folder, bool data);

}  // namespace keelson::project
