#include "wire/katib/algorithm.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/hash.h"
#include "base/strings.h"

namespace keelson::wire::katib {
namespace {

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// As Python's int() and float() say it in Katib's message.
Result<std::int64_t> WholeOf(const Named& setting) {
  if (const auto whole = ParseInt(Trim(setting.second))) return *whole;
  return Bad(fmt::format("failed to validate {0}({1}): invalid literal for int() with base 10: '{1}'", setting.first,
                         setting.second));
}

Result<double> NumberOf(const Named& setting) {
  if (const auto number = ParseDouble(Trim(setting.second))) return *number;
  return Bad(fmt::format("failed to validate {0}({1}): could not convert string to float: '{1}'", setting.first,
                         setting.second));
}

// `words`: what Katib says of a value that is under `least`.
Result<int> WholeFrom(const Named& setting, std::int64_t least, std::string_view words) {
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t whole, WholeOf(setting));
  if (whole < least) return Bad(fmt::format("{} {}", setting.first, words));
  return static_cast<int>(std::min<std::int64_t>(whole, std::numeric_limits<int>::max()));
}

std::uint64_t SeedOf(std::string_view name) {
  std::uint64_t seed = 0;
  for (const char digit : Sha256::Hex(name).substr(0, 12)) {
    seed = seed << 4 | static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  }
  return seed;
}

Status TakeTpeSetting(const Named& setting, training::SamplerSettings& settings) {
  const std::string& name = setting.first;
  if (name == "gamma") {
    KEELSON_ASSIGN_OR_RETURN(settings.gamma, NumberOf(setting));
    if (!(settings.gamma > 0 && settings.gamma < 1)) return Bad("gamma should be in the range of (0, 1)");
  } else if (name == "prior_weight") {
    KEELSON_ASSIGN_OR_RETURN(settings.prior_weight, NumberOf(setting));
    if (!(settings.prior_weight > 0)) return Bad("prior_weight should be great than zero");
  } else if (name == "n_EI_candidates") {
    KEELSON_ASSIGN_OR_RETURN(settings.candidates, WholeFrom(setting, 1, "should be great than zero"));
  } else if (name == "n_ei_candidates") {
    KEELSON_ASSIGN_OR_RETURN(settings.candidates, WholeFrom(setting, 0, "should be greate or equal than zero"));
    settings.candidates = std::max(settings.candidates, 1);
  } else if (name == "n_startup_trials") {
    KEELSON_ASSIGN_OR_RETURN(settings.startup, WholeFrom(setting, 0, "should be greate or equal than zero"));
  } else {
    return Bad(fmt::format("unknown setting {} for algorithm tpe", name));
  }
  return {};
}

}  // namespace

Result<training::SamplerSettings> SettingsOf(const Experiment& experiment) {
  const Algorithm& algorithm = experiment.algorithm;
  if (algorithm.name != "tpe" && algorithm.name != "random") {
    return Bad(fmt::format("unknown algorithm name {}", algorithm.name));
  }
  training::SamplerSettings settings;
  settings.seed = SeedOf(experiment.name);
  for (const Named& setting : algorithm.settings) {
    if (setting.first == "random_state") {
      KEELSON_ASSIGN_OR_RETURN(const std::int64_t seed, WholeOf(setting));
      if (seed < 0) return Bad("random_state should be great or equal than zero");
      settings.seed = static_cast<std::uint64_t>(seed);
    } else if (algorithm.name == "tpe") {
      KEELSON_RETURN_IF_ERROR(TakeTpeSetting(setting, settings));
    } else {
      return Bad(fmt::format("unknown setting {} for algorithm random", setting.first));
    }
  }
  return settings;
}

}  // namespace keelson::wire::katib
