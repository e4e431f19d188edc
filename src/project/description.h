#pragma once

#include <string>
#include <vector>

#include "project/shape.h"
#include "project/spec.h"

namespace keelson::project {

// The one description of the project file: every field with its type, default and meaning.
const ObjectShape& ProjectShape();

// The parts of it that stand in files of their own, for their length.
Field TrainField();    // description_train.cc
Field PromoteField();  // description_serve.cc, like the next three
Field ServeField();
Field MonitorField();
Field RetentionField();

// Names that the description and the checks share.
inline constexpr const char* kApiVersion = "keelson.dev/v1";
const std::vector<std::string>& MetricNames();
ShapeOf<std::string> ColumnName();
ShapeOf<std::string> AliasName();
ShapeOf<ResourcesSpec> Resources();

}  // namespace keelson::project
