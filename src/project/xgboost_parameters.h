#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "project/yaml_node.h"

namespace keelson::project {

// One parameter of XGBoost 3.2 as its documentation lists them.
struct XgboostParameter {
  enum class Kind { kInt, kNumber, kBool, kText, kChoice };
  std::string name;
  Kind kind = Kind::kText;
  double low = 0;  // of kInt and kNumber: the closed range that XGBoost accepts
  double high = 0;
  std::vector<std::string> choices;  // of kChoice
};

// Those that a project may set, by name.
const std::vector<XgboostParameter>& XgboostParameters();
const XgboostParameter* FindXgboostParameter(std::string_view name);

// Parameters that Keelson sets itself, and what decides them: "nthread" is "train.resources.cpu".
std::optional<std::string> XgboostParameterSetByUs(std::string_view name);

// "learning_rate" for "eta": the same parameter under XGBoost's other name; "" when it has none.
std::string XgboostAlias(std::string_view name);

// What is expected of a value of this parameter, for messages; nothing when `value` is right.
std::optional<std::string> WrongXgboostValue(const XgboostParameter& parameter, const YamlNode& value);

}  // namespace keelson::project
