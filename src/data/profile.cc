#include "data/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace keelson::data {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxCategories = 50;
constexpr double kFloorShare = 0.0001;

std::optional<double> NumberOf(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    return std::isnan(*number) ? std::nullopt : std::optional(*number);
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<double>(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1.0 : 0.0;
  if (const auto* instant = std::get_if<Instant>(&value)) return static_cast<double>(ToMicros(*instant));
  return std::nullopt;
}

std::size_t NumberBin(const std::vector<double>& edges, double value) {
  return static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), value) - edges.begin());
}

std::size_t TextBin(const std::vector<std::string>& categories, std::string_view value) {
  const auto at = std::lower_bound(categories.begin(), categories.end(), value);
  if (at == categories.end() || *at != value) return categories.size();
  return static_cast<std::size_t>(at - categories.begin());
}

std::vector<double> QuantileEdges(const Column& column, std::size_t bins) {
  std::vector<double> values;
  values.reserve(column.size());
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (const double value = column.Number(row); std::isfinite(value)) values.push_back(value);
  }
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  if (values.front() == values.back()) {
    // A constant: its own bin between two empty ones, so that any other value is seen.
    const double before = std::nextafter(values.front(), -std::numeric_limits<double>::infinity());
    if (std::isfinite(before)) return {before, values.front()};
    return {values.front()};
  }
  std::vector<double> edges;
  for (std::size_t i = 1; i < bins; ++i) {
    const double edge = values[(i * values.size() + bins - 1) / bins - 1];
    if (edge < values.back() && (edges.empty() || edges.back() < edge)) edges.push_back(edge);
  }
  if (edges.empty()) edges.push_back(*std::prev(std::lower_bound(values.begin(), values.end(), values.back())));
  return edges;
}

std::vector<std::string> FrequentCategories(const Column& column) {
  std::unordered_map<std::string_view, std::uint64_t> counts;
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (!column.is_null(row)) ++counts[column.strings[row]];
  }
  std::vector<std::pair<std::string_view, std::uint64_t>> ordered(counts.begin(), counts.end());
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (ordered.size() > kMaxCategories) ordered.resize(kMaxCategories);
  std::vector<std::string> categories;
  for (const auto& [text, count] : ordered) categories.emplace_back(text);
  std::sort(categories.begin(), categories.end());
  return categories;
}

// nlohmann's own conversion wraps a negative number.
std::uint64_t CountOf(const Json& json) {
  if (!json.is_number_unsigned()) throw std::invalid_argument("a count is not a whole number from zero");
  return json.get<std::uint64_t>();
}

Status CheckColumn(const ColumnProfile& column) {
  const bool text = column.type == ColumnType::kString;
  const std::size_t cuts = text ? column.categories.size() : column.edges.size();
  if (column.counts.size() != cuts + 2) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("profile of \"{}\": {} counts; expected {}", column.name, column.counts.size(), cuts + 2));
  }
  const auto rising = [](const auto& values) {
    return std::adjacent_find(values.begin(), values.end(), [](const auto& a, const auto& b) { return !(a < b); }) ==
           values.end();
  };
  if (!rising(column.edges) || !rising(column.categories)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("profile of \"{}\": its bins are not in order", column.name));
  }
  return {};
}

}  // namespace

std::size_t ColumnProfile::BinOf(const Value& value) const {
  const std::size_t missing = counts.size() - 1;
  if (std::holds_alternative<std::monostate>(value)) return missing;
  if (type == ColumnType::kString) {
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? categories.size() : TextBin(categories, *text);
  }
  const auto number = NumberOf(value);
  return number ? NumberBin(edges, *number) : missing;
}

std::vector<std::uint64_t> ColumnProfile::Count(const Column& column) const {
  std::vector<std::uint64_t> counted(counts.size(), 0);
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (column.is_null(row)) {
      ++counted.back();
    } else if (type == ColumnType::kString && column.type == ColumnType::kString) {
      ++counted[TextBin(categories, column.strings[row])];
    } else {
      ++counted[BinOf(column.At(row))];
    }
  }
  return counted;
}

const ColumnProfile* Profile::Find(std::string_view name) const {
  for (const ColumnProfile& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

std::string Profile::ToJson() const {
  Json list = Json::array();
  for (const ColumnProfile& column : columns) {
    Json entry = {{"name", column.name}, {"type", ColumnTypeName(column.type)}, {"counts", column.counts}};
    if (column.type == ColumnType::kString) {
      entry["categories"] = column.categories;
    } else {
      entry["edges"] = column.edges;
    }
    list.push_back(std::move(entry));
  }
  return Json{{"rows", rows}, {"columns", std::move(list)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Profile> Profile::FromJson(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    Profile profile;
    profile.rows = CountOf(json.at("rows"));
    for (const Json& entry : json.at("columns")) {
      ColumnProfile column;
      column.name = entry.at("name").get<std::string>();
      const auto type = ParseColumnType(entry.at("type").get<std::string>());
      if (!type) {
        return Fail(ErrorCode::kInvalidArgument, fmt::format("profile of \"{}\": unknown type", column.name));
      }
      column.type = *type;
      for (const Json& count : entry.at("counts")) column.counts.push_back(CountOf(count));
      if (column.type == ColumnType::kString) {
        column.categories = entry.at("categories").get<std::vector<std::string>>();
      } else {
        column.edges = entry.at("edges").get<std::vector<double>>();
      }
      KEELSON_RETURN_IF_ERROR(CheckColumn(column));
      profile.columns.push_back(std::move(column));
    }
    return profile;
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("not a profile: {}", error.what()));
  }
}

Profile ProfileTable(const Table& table, std::size_t bins) {
  Profile profile;
  profile.rows = table.rows();
  for (const Column& column : table.columns()) {
    ColumnProfile shape;
    shape.name = column.name;
    shape.type = column.type;
    if (column.type == ColumnType::kString) {
      shape.categories = FrequentCategories(column);
    } else {
      shape.edges = QuantileEdges(column, std::max<std::size_t>(bins, 1));
    }
    shape.counts.assign(shape.edges.size() + shape.categories.size() + 2, 0);
    shape.counts = shape.Count(column);
    profile.columns.push_back(std::move(shape));
  }
  return profile;
}

double PopulationStabilityIndex(const std::vector<std::uint64_t>& expected, const std::vector<std::uint64_t>& actual) {
  const auto total = [](const std::vector<std::uint64_t>& counts) {
    double sum = 0;
    for (const std::uint64_t count : counts) sum += static_cast<double>(count);
    return sum;
  };
  const double expected_total = total(expected);
  const double actual_total = total(actual);
  if (expected_total == 0 || actual_total == 0) return 0;
  double index = 0;
  for (std::size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    const double e = std::max(static_cast<double>(expected[i]) / expected_total, kFloorShare);
    const double a = std::max(static_cast<double>(actual[i]) / actual_total, kFloorShare);
    index += (a - e) * std::log(a / e);
  }
  return index;
}

}  // namespace keelson::data
