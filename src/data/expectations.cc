#include "data/expectations.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/json_depth.h"
#include "base/strings.h"
#include "data/expectation_check.h"

namespace keelson::data {
namespace {

constexpr std::size_t kPartialValues = 20;
constexpr std::size_t kMaxSuiteBytes = 10u << 20;
constexpr std::size_t kMaxDepth = 64;  // writing JSON recurses

const std::map<std::string, CheckFactory>& Factories() {
  static const auto* const factories = [] {
    auto* all = new std::map<std::string, CheckFactory>;
    for (const auto& group : {ValueChecks(), TextChecks(), StatisticChecks(), TableChecks()}) {
      all->insert(group.begin(), group.end());
    }
    return all;
  }();
  return *factories;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A value of an ExpectationResult, which is JSON that Dump made.
Json Parsed(const std::string& text) {
  return text.empty() ? Json() : Json::parse(text, nullptr, false);
}

double Percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole) * 100;
}

std::vector<std::string> PartialValues(const Outcome& outcome, const Table& table) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < std::min(outcome.unexpected_rows.size(), kPartialValues); ++i) {
    const std::size_t row = outcome.unexpected_rows[i];
    Json value;
    for (const std::string& name : outcome.columns) {
      const Json cell = JsonOf(*table.Find(name), row);
      if (outcome.columns.size() == 1) {
        value = cell;
      } else if (outcome.as_list) {
        value.push_back(cell);
      } else {
        value[name] = cell;
      }
    }
    values.push_back(Dump(value));
  }
  return values;
}

Json ResultJson(const ExpectationResult& result) {
  Json json = Json::object();
  if (result.counts) {
    const UnexpectedCounts& counts = *result.counts;
    json["element_count"] = counts.elements;
    const std::uint64_t missing = counts.missing.value_or(0);
    if (counts.missing) {
      json["missing_count"] = missing;
      json["missing_percent"] = Percent(missing, counts.elements);
    }
    if (counts.unexpected) {
      json["unexpected_count"] = *counts.unexpected;
      json["unexpected_percent"] = Percent(*counts.unexpected, counts.elements - missing);
      if (counts.missing) {
        json["unexpected_percent_total"] = Percent(*counts.unexpected, counts.elements);
        json["unexpected_percent_nonmissing"] = json["unexpected_percent"];
      }
      json["partial_unexpected_list"] = Json::array();
      for (const std::string& value : result.partial_unexpected_json) {
        json["partial_unexpected_list"].push_back(Parsed(value));
      }
    }
  }
  if (!result.observed_value_json.empty()) json["observed_value"] = Parsed(result.observed_value_json);
  if (!result.details_json.empty()) json["details"] = Parsed(result.details_json);
  return json;
}

// The first key of `names` that the object has.
const Json* FirstOf(const Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto found = object.find(name); found != object.end()) return &*found;
  }
  return nullptr;
}

struct Parser {
  const std::string& file;

  std::unexpected<Error> Bad(const std::string& path, std::string message) const {
    return Fail(ErrorCode::kInvalidArgument, std::move(message), fmt::format("{}: {}", file, path));
  }

  Status KnownKeys(const Json& object, const std::string& path, const std::vector<std::string>& known) const {
    for (const auto& [key, value] : object.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const auto meant = DidYouMean(key, known);
      return Bad(path + "." + key,
                 fmt::format("unknown key{}", meant ? fmt::format("; did you mean {}?", *meant) : ""));
    }
    return {};
  }
};

struct Expectation {
  std::string type;
  std::string kwargs_json;
  std::string meta_json;
  Check check;
};

Result<Expectation> ParseExpectation(const Parser& parser, const Json& json, const std::string& path) {
  if (!json.is_object()) return parser.Bad(path, "expected an object with type and kwargs");
  KEELSON_RETURN_IF_ERROR(
      parser.KnownKeys(json, path,
                       {"type", "expectation_type", "kwargs", "meta", "id", "notes", "expectation_context",
                        "rendered_content", "ge_cloud_id", "description", "severity"}));
  const Json* type = FirstOf(json, {"type", "expectation_type"});
  if (type == nullptr || !type->is_string()) return parser.Bad(path, "the expectation has no type");
  Expectation expectation;
  expectation.type = type->get<std::string>();
  const auto factory = Factories().find(expectation.type);
  if (factory == Factories().end()) {
    const auto meant = DidYouMean(expectation.type, ExpectationSuite::KnownTypes());
    return parser.Bad(path + (json.contains("type") ? ".type" : ".expectation_type"),
                      fmt::format("unknown expectation \"{}\"{}", expectation.type,
                                  meant ? fmt::format("; did you mean {}?", *meant) : ""));
  }
  static const Json kEmpty = Json::object();
  const Json* kwargs = FirstOf(json, {"kwargs"});
  if (kwargs == nullptr || kwargs->is_null()) kwargs = &kEmpty;
  if (!kwargs->is_object()) return parser.Bad(path + ".kwargs", "expected an object");
  Kwargs reader(*kwargs, fmt::format("{}: {}.kwargs", parser.file, path));
  expectation.check = factory->second(reader);
  KEELSON_RETURN_IF_ERROR(reader.Finish());
  expectation.kwargs_json = Dump(*kwargs);
  const Json* meta = FirstOf(json, {"meta"});
  expectation.meta_json = meta == nullptr || meta->is_null() ? "{}" : Dump(*meta);
  return expectation;
}

ExpectationResult ResultOf(const Expectation& expectation, Outcome outcome, const Table& table) {
  ExpectationResult result;
  result.type = expectation.type;
  result.kwargs_json = expectation.kwargs_json;
  result.meta_json = expectation.meta_json;
  result.success = outcome.Holds();
  result.counts = outcome.counts;
  result.partial_unexpected_json = PartialValues(outcome, table);
  result.unexpected_rows = std::move(outcome.unexpected_rows);
  if (!outcome.observed.is_discarded()) result.observed_value_json = Dump(outcome.observed);
  if (!outcome.details.is_discarded()) result.details_json = Dump(outcome.details);
  result.exception = std::move(outcome.exception);
  return result;
}

}  // namespace

struct ExpectationSuite::State {
  std::string name;
  std::vector<Expectation> expectations;
};

ExpectationSuite::ExpectationSuite(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExpectationSuite::ExpectationSuite(ExpectationSuite&&) noexcept = default;
ExpectationSuite& ExpectationSuite::operator=(ExpectationSuite&&) noexcept = default;
ExpectationSuite::~ExpectationSuite() = default;

const std::string& ExpectationSuite::name() const {
  return state_->name;
}
std::size_t ExpectationSuite::size() const {
  return state_->expectations.size();
}

std::vector<std::string> ExpectationSuite::KnownTypes() {
  std::vector<std::string> types;
  for (const auto& [type, factory] : Factories()) types.push_back(type);
  return types;
}

Result<ExpectationSuite> ExpectationSuite::Parse(std::string_view text, const std::string& file) {
  const Parser parser{file};
  if (text.size() > kMaxSuiteBytes) return parser.Bad("$", "a suite larger than 10 MiB");
  if (JsonDepth(text) > kMaxDepth) return parser.Bad("$", fmt::format("JSON nested deeper than {}", kMaxDepth));
  try {
    const Json json = Json::parse(text);
    if (!json.is_object()) return parser.Bad("$", "expected an object with name and expectations");
    KEELSON_RETURN_IF_ERROR(
        parser.KnownKeys(json, "$",
                         {"name", "expectation_suite_name", "expectations", "meta", "id", "notes", "data_asset_type",
                          "ge_cloud_id", "evaluation_parameters", "suite_parameters"}));
    for (const char* key : {"evaluation_parameters", "suite_parameters"}) {
      if (const Json* parameters = FirstOf(json, {key}); parameters != nullptr && !parameters->empty()) {
        return Fail(ErrorCode::kUnsupported,
                    "evaluation parameters are not supported; write the values into the kwargs",
                    fmt::format("{}: $.{}", file, key));
      }
    }
    auto state = std::make_unique<State>();
    const Json* name = FirstOf(json, {"name", "expectation_suite_name"});
    if (name != nullptr && !name->is_null()) {
      if (!name->is_string()) return parser.Bad("$.name", "expected a text");
      state->name = name->get<std::string>();
    }
    const Json* list = FirstOf(json, {"expectations"});
    if (list == nullptr || !list->is_array()) return parser.Bad("$.expectations", "expected a list");
    for (std::size_t i = 0; i < list->size(); ++i) {
      KEELSON_ASSIGN_OR_RETURN(auto expectation,
                               ParseExpectation(parser, (*list)[i], fmt::format("$.expectations[{}]", i)));
      state->expectations.push_back(std::move(expectation));
    }
    return ExpectationSuite(std::move(state));
  } catch (const Json::exception& error) {
    return parser.Bad("$", error.what());
  }
}

ValidationReport ExpectationSuite::Validate(const Table& table) const {
  ValidationReport report;
  report.suite_name = state_->name;
  for (const Expectation& expectation : state_->expectations) {
    report.results.push_back(ResultOf(expectation, expectation.check(table), table));
    report.success = report.success && report.results.back().success;
  }
  return report;
}

std::vector<ExpectationResult> ExpectationSuite::Failures(const Table& table) const {
  std::vector<ExpectationResult> failures;
  for (const Expectation& expectation : state_->expectations) {
    Outcome outcome = expectation.check(table);
    if (!outcome.Holds()) failures.push_back(ResultOf(expectation, std::move(outcome), table));
  }
  return failures;
}

std::string ExpectationResult::Summary() const {
  std::string text = fmt::format("{} {}", type, kwargs_json);
  if (success) return text + ": holds";
  if (!exception.empty()) return fmt::format("{}: {}", text, exception);
  if (counts && counts->unexpected) {
    text += fmt::format(": {} of {} values are unexpected", *counts->unexpected,
                        counts->elements - counts->missing.value_or(0));
    std::vector<std::string> examples(
        partial_unexpected_json.begin(),
        partial_unexpected_json.begin() +
            static_cast<std::ptrdiff_t>(std::min<std::size_t>(partial_unexpected_json.size(), 5)));
    if (!examples.empty()) {
      text += fmt::format(", such as {} (first in row {})", Join(examples, ", "), unexpected_rows.front() + 1);
    }
    return text;
  }
  if (!details_json.empty() && details_json.size() < 500) return fmt::format("{}: {}", text, details_json);
  return observed_value_json.empty() ? text + ": does not hold"
                                     : fmt::format("{}: observed {}", text, observed_value_json.substr(0, 200));
}

std::string ValidationReport::Summary(std::size_t at_most) const {
  std::string text;
  std::size_t failed = 0;
  for (const ExpectationResult& result : results) {
    if (result.success || ++failed > at_most) continue;
    text += result.Summary() + "\n";
  }
  if (failed > at_most) text += fmt::format("and {} more\n", failed - at_most);
  return text;
}

std::string ValidationReport::ToJson() const {
  Json list = Json::array();
  std::uint64_t successes = 0;
  for (const ExpectationResult& result : results) {
    if (result.success) ++successes;
    Json exception = {{"raised_exception", !result.exception.empty()},
                      {"exception_message", result.exception.empty() ? Json() : Json(result.exception)},
                      {"exception_traceback", nullptr}};
    list.push_back(
        {{"success", result.success},
         {"expectation_config",
          {{"type", result.type}, {"kwargs", Parsed(result.kwargs_json)}, {"meta", Parsed(result.meta_json)}}},
         {"result", ResultJson(result)},
         {"meta", Json::object()},
         {"exception_info", std::move(exception)}});
  }
  const Json statistics = {{"evaluated_expectations", results.size()},
                           {"successful_expectations", successes},
                           {"unsuccessful_expectations", results.size() - successes},
                           {"success_percent", results.empty() ? Json() : Json(Percent(successes, results.size()))}};
  return Dump({{"success", success},
               {"results", std::move(list)},
               {"suite_name", suite_name},
               {"suite_parameters", Json::object()},
               {"statistics", statistics},
               {"meta", Json::object()}});
}

}  // namespace keelson::data
