#include "tracking/trace_usage.h"

#include <cmath>
#include <limits>
#include <map>

#include "base/strings.h"
#include "tracking/python_text.h"

namespace keelson::tracking {
namespace {

OrderedJson ObjectOf(std::string_view text) {
  OrderedJson json = ParseOrdered(text);
  return json.is_object() ? json : OrderedJson::object();
}

std::optional<double> ToDouble(const OrderedJson& value) {
  std::optional<double> number;
  if (value.is_number()) number = value.get<double>();
  if (value.is_string()) number = ParseDouble(Trim(value.get_ref<const std::string&>()));
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<std::int64_t> ToCount(const OrderedJson& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_string()) {
    if (const auto whole = ParseInt(Trim(value.get_ref<const std::string&>()))) return whole;
  }
  const auto number = ToDouble(value);
  constexpr double kLimit = 9.2e18;
  if (!number || std::trunc(*number) != *number || std::abs(*number) > kLimit) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

// The spans that count: those that say something and that stand below none that does. Each span is looked at once,
// however deep the tree is.
template <typename Said>
std::vector<const SpanRecord*> Topmost(const std::vector<SpanRecord>& spans, const Said& said) {
  enum class Place { kUnknown, kOnPath, kOpen, kCovered };
  struct Node {
    const SpanRecord* span;
    Place place = Place::kUnknown;  // kCovered: it or one above it says something, so that those below do not count
  };
  std::map<std::string_view, Node> nodes;
  for (const SpanRecord& span : spans) nodes[span.id] = {&span};
  std::vector<const SpanRecord*> found;
  for (auto& [id, first] : nodes) {
    std::vector<Node*> path;
    bool covered = false;
    for (Node* node = &first;;) {
      if (node->place == Place::kOnPath) covered = true;  // a cycle of parents has no top: nothing of it counts
      if (node->place != Place::kUnknown) {
        covered = covered || node->place == Place::kCovered;
        break;
      }
      node->place = Place::kOnPath;
      path.push_back(node);
      const auto above = nodes.find(node->span->parent_id);
      if (node->span->parent_id.empty() || above == nodes.end()) break;
      node = &above->second;
    }
    for (auto node = path.rbegin(); node != path.rend(); ++node) {
      const bool says = said(*(*node)->span);
      if (says && !covered) found.push_back((*node)->span);
      covered = covered || says;
      (*node)->place = covered ? Place::kCovered : Place::kOpen;
    }
  }
  return found;
}

constexpr std::size_t kLongestModel = 500;  // characters

// An attribute is a text that may be JSON of a text; what is no text names no model.
std::optional<std::string> NameOf(const OrderedJson& attributes, std::string_view key) {
  const auto found = attributes.find(key);
  if (found == attributes.end() || !found->is_string()) return std::nullopt;
  const std::string& written = found->get_ref<const std::string&>();
  const OrderedJson meant = ParseOrdered(written);
  const std::string name = meant.is_string() ? meant.get<std::string>() : written;
  return std::string(FirstCharacters(name, kLongestModel));
}

std::int64_t AddUp(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

}  // namespace

TokenCounts ReadTokenCounts(std::string_view text) {
  const OrderedJson json = ObjectOf(text);
  TokenCounts counts;
  for (std::size_t i = 0; i < kTokenKeys.size(); ++i) {
    if (const auto found = json.find(kTokenKeys[i]); found != json.end()) counts[i] = ToCount(*found);
  }
  return counts;
}

Costs ReadCosts(std::string_view text) {
  const OrderedJson json = ObjectOf(text);
  Costs costs;
  for (std::size_t i = 0; i < kCostKeys.size(); ++i) {
    if (const auto found = json.find(kCostKeys[i]); found != json.end()) costs[i] = ToDouble(*found);
  }
  return costs;
}

std::optional<std::string> WriteTokenCounts(const TokenCounts& counts) {
  OrderedJson json = OrderedJson::object();
  for (std::size_t i = 0; i < kTokenKeys.size(); ++i) {
    if (counts[i]) json[std::string(kTokenKeys[i])] = *counts[i];
  }
  return json.empty() ? std::nullopt : std::optional(PythonJson(json));
}

std::optional<std::string> WriteCosts(const Costs& costs) {
  OrderedJson json = OrderedJson::object();
  for (std::size_t i = 0; i < kCostKeys.size(); ++i) {
    if (costs[i]) json[std::string(kCostKeys[i])] = *costs[i];
  }
  return json.empty() ? std::nullopt : std::optional(PythonJson(json));
}

ModelUsage ReadModelUsage(const OrderedJson& attributes) {
  ModelUsage usage;
  if (!attributes.is_object()) return usage;
  const auto cost = attributes.find("mlflow.llm.cost");
  if (cost != attributes.end() && cost->is_string()) usage.costs = ReadCosts(cost->get_ref<const std::string&>());
  usage.model = NameOf(attributes, "mlflow.llm.model");
  usage.provider = NameOf(attributes, "mlflow.llm.provider");
  return usage;
}

std::vector<io::SqlValue> ToSql(const ModelUsage& usage) {
  std::vector<io::SqlValue> values;
  for (const auto& cost : usage.costs) values.push_back(cost ? io::SqlValue(*cost) : io::SqlValue());
  for (const auto& name : {usage.model, usage.provider}) {
    values.push_back(name ? io::SqlValue(*name) : io::SqlValue());
  }
  return values;
}

std::optional<TokenCounts> SumTokens(const std::vector<SpanRecord>& spans) {
  constexpr std::size_t kAlways = 3;  // the first three are 0 where nobody says them
  std::optional<TokenCounts> sums;
  for (const SpanRecord* span : Topmost(spans, [](const SpanRecord& each) { return each.usage.has_value(); })) {
    if (!sums) {
      sums.emplace();
      for (std::size_t i = 0; i < kAlways; ++i) (*sums)[i] = 0;
    }
    const TokenCounts counts = ReadTokenCounts(*span->usage);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i]) (*sums)[i] = AddUp((*sums)[i].value_or(0), *counts[i]);
    }
  }
  return sums;
}

std::optional<Costs> SumCosts(const std::vector<SpanRecord>& spans) {
  std::optional<Costs> sums;
  for (const SpanRecord* span : Topmost(spans, [](const SpanRecord& each) { return each.cost.has_value(); })) {
    if (!sums) sums.emplace(Costs{0.0, 0.0, 0.0});
    const Costs costs = ReadCosts(*span->cost);
    for (std::size_t i = 0; i < costs.size(); ++i) (*sums)[i] = *(*sums)[i] + costs[i].value_or(0);
  }
  return sums;
}

}  // namespace keelson::tracking
