#include "data/expectation_check.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace keelson::data {
namespace {

// Of Great Expectations' own reporting: without meaning for what is checked.
const std::set<std::string>& ReportingKwargs() {
  static const std::set<std::string> names = {"result_format", "catch_exceptions", "include_config", "batch_id"};
  return names;
}

const std::set<std::string>& UnsupportedKwargs() {
  static const std::set<std::string> names = {"row_condition", "condition_parser"};
  return names;
}

// A whole number that an int64 holds.
bool IsInt64(const Json& value) {
  if (value.is_number_unsigned()) {
    return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  }
  return value.is_number_integer();
}

}  // namespace

const Json* Kwargs::Find(const std::string& name) {
  asked_.insert(name);
  const auto found = object_.find(name);
  if (found == object_.end() || found->is_null()) return nullptr;
  if (found->is_object() && (found->contains("$PARAMETER") || found->contains("$SUITE_PARAMETER"))) {
    Refuse(name, "evaluation parameters are not supported; expected a value", ErrorCode::kUnsupported);
    return nullptr;
  }
  return &*found;
}

void Kwargs::Refuse(const std::string& name, std::string message, ErrorCode code) {
  if (!error_) error_ = Error{code, std::move(message), name.empty() ? path_ : path_ + "." + name};
}

std::string Kwargs::Text(const std::string& name) {
  auto text = MaybeText(name);
  if (!text) Refuse(name, fmt::format("{} is missing; expected a text", name));
  return text.value_or("");
}

std::optional<std::string> Kwargs::MaybeText(const std::string& name) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  Refuse(name, fmt::format("{} is {}; expected a text", name, value->type_name()));
  return std::nullopt;
}

std::optional<double> Kwargs::MaybeNumber(const std::string& name) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) return value->get<double>();
  Refuse(name, fmt::format("{} is {}, which is not a valid float; expected a number", name, value->dump()));
  return std::nullopt;
}

std::optional<std::int64_t> Kwargs::MaybeWhole(const std::string& name) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (IsInt64(*value)) return value->get<std::int64_t>();
  if (value->is_number() && std::floor(value->get<double>()) == value->get<double>() &&
      std::abs(value->get<double>()) < 9e15) {
    return static_cast<std::int64_t>(value->get<double>());
  }
  Refuse(name, fmt::format("{} is {}, which is not a valid integer; min_value, max_value and value must be integers",
                           name, value->dump()));
  return std::nullopt;
}

bool Kwargs::Flag(const std::string& name, bool otherwise) {
  const Json* value = Find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) Refuse(name, fmt::format("{} is {}; expected true or false", name, value->dump()));
  return value->is_boolean() && value->get<bool>();
}

double Kwargs::Mostly() {
  const double mostly = MaybeNumber("mostly").value_or(1.0);
  if (!(mostly >= 0 && mostly <= 1)) {
    Refuse("mostly", fmt::format("mostly is {}; expected a number from 0 and less than or equal to 1", mostly));
  }
  return mostly;
}

std::vector<std::string> Kwargs::Texts(const std::string& name) {
  const Json* value = Find(name);
  std::vector<std::string> texts;
  const bool fits = value != nullptr && value->is_array() &&
                    std::all_of(value->begin(), value->end(), [](const Json& each) { return each.is_string(); });
  if (!fits) {
    Refuse(name, fmt::format("{} is {}; expected a list of texts", name, value == nullptr ? "missing" : value->dump()));
    return texts;
  }
  for (const Json& each : *value) texts.push_back(each.get<std::string>());
  return texts;
}

Json Kwargs::Any(const std::string& name) {
  const Json* value = Find(name);
  return value == nullptr ? Json() : *value;
}

Status Kwargs::Finish() {
  if (error_) return std::unexpected(*error_);
  for (const auto& [name, value] : object_.items()) {
    if (asked_.contains(name) || ReportingKwargs().contains(name)) continue;
    if (UnsupportedKwargs().contains(name)) {
      if (value.is_null()) continue;
      return Fail(ErrorCode::kUnsupported, fmt::format("{} is not supported; filter the rows in the table's SQL", name),
                  path_ + "." + name);
    }
    const auto meant = DidYouMean(name, {asked_.begin(), asked_.end()});
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("unknown kwarg {}{}", name, meant ? fmt::format("; did you mean {}?", *meant) : ""),
                path_ + "." + name);
  }
  return {};
}

Json JsonOf(const Column& column, std::size_t row) {
  if (column.is_null(row)) return nullptr;
  switch (column.type) {
    case ColumnType::kBool:
      return column.ints[row] != 0;
    case ColumnType::kInt64:
      return column.ints[row];
    case ColumnType::kDouble:
      return column.doubles[row];
    case ColumnType::kString:
      return column.strings[row];
    case ColumnType::kTimestamp:
      return FormatInstant(InstantFromMicros(column.ints[row]));
  }
  return nullptr;
}

bool MostlyHolds(std::uint64_t tested, std::uint64_t unexpected, double mostly) {
  return tested == 0 || static_cast<double>(tested - unexpected) / static_cast<double>(tested) >= mostly;
}

Check ValueCheck(std::string column, double mostly, Bind bind) {
  return [column = std::move(column), mostly, bind = std::move(bind)](const Table& table) {
    const Column* found = table.Find(column);
    if (found == nullptr) return Outcome::Exception(fmt::format("the column \"{}\" does not exist", column));
    std::string problem;
    const RowTest test = bind(*found, problem);
    if (!problem.empty()) return Outcome::Exception(std::move(problem));
    Outcome outcome;
    std::uint64_t missing = 0;
    for (std::size_t row = 0; row < found->size(); ++row) {
      if (found->is_null(row)) {
        ++missing;
      } else if (test && !test(row)) {
        outcome.unexpected_rows.push_back(row);
      }
    }
    const std::uint64_t unexpected = outcome.unexpected_rows.size();
    if (unexpected > 0) outcome.columns = {column};
    outcome.counts = UnexpectedCounts{found->size(), missing, unexpected};
    outcome.success = MostlyHolds(found->size() - missing, unexpected, mostly);
    return outcome;
  };
}

std::optional<Bound> Bound::Read(Kwargs& kwargs, const std::string& name) {
  const Json value = kwargs.Any(name);
  Bound bound;
  if (value.is_null()) return std::nullopt;
  if (value.is_number_integer()) {
    bound.number = value.is_number_unsigned() ? static_cast<long double>(value.get<std::uint64_t>())
                                              : static_cast<long double>(value.get<std::int64_t>());
  } else if (value.is_number()) {
    bound.number = static_cast<long double>(value.get<double>());
  } else if (value.is_string()) {
    bound.text = value.get<std::string>();
    if (const auto instant = ParseInstant(*bound.text)) bound.instant = *instant;
  } else {
    kwargs.Refuse(name, fmt::format("{} is {}; expected a number or a text", name, value.dump()));
  }
  return bound;
}

Range Range::Read(Kwargs& kwargs, bool bounds_required) {
  Range range;
  range.min = Bound::Read(kwargs, "min_value");
  range.max = Bound::Read(kwargs, "max_value");
  range.strict_min = kwargs.Flag("strict_min", false);
  range.strict_max = kwargs.Flag("strict_max", false);
  if (bounds_required && !range.min && !range.max) kwargs.Refuse("", "min_value and max_value cannot both be None");
  if (range.min && range.max) {
    if (range.min->number.has_value() != range.max->number.has_value()) {
      kwargs.Refuse("max_value", "min_value and max_value are a number and a text; expected two of the same type");
    } else if (range.min->number && *range.min->number > *range.max->number) {
      kwargs.Refuse("",
                    "ValueError: min_value cannot be greater than max_value; Minimum Threshold cannot be larger than "
                    "Maximum Threshold");
    } else if (range.min->instant && range.max->instant && *range.min->instant > *range.max->instant) {
      kwargs.Refuse("", "ValueError: min_value cannot be greater than max_value");
    }
  }
  return range;
}

bool Range::Holds(long double value) const {
  if (min && (strict_min ? value <= *min->number : value < *min->number)) return false;
  return !max || (strict_max ? value < *max->number : value <= *max->number);
}

bool Range::HoldsText(const std::string& value) const {
  if (min && (strict_min ? value <= *min->text : value < *min->text)) return false;
  return !max || (strict_max ? value < *max->text : value <= *max->text);
}

RowTest Range::For(const Column& column, std::string& problem) const {
  const auto both = [this](auto has) { return (!min || has(*min)) && (!max || has(*max)); };
  if (column.type == ColumnType::kString) {
    if (both([](const Bound& bound) { return bound.text.has_value(); })) {
      return [this, &column](std::size_t row) { return HoldsText(column.strings[row]); };
    }
  } else if (column.type == ColumnType::kTimestamp) {
    if (both([](const Bound& bound) { return bound.instant.has_value(); })) {
      Range instants = *this;
      if (instants.min) instants.min->number = static_cast<long double>(ToMicros(*instants.min->instant));
      if (instants.max) instants.max->number = static_cast<long double>(ToMicros(*instants.max->instant));
      return
          [instants, &column](std::size_t row) { return instants.Holds(static_cast<long double>(column.ints[row])); };
    }
  } else if (both([](const Bound& bound) { return bound.number.has_value(); })) {
    if (column.type == ColumnType::kDouble) {
      return [this, &column](std::size_t row) { return Holds(static_cast<long double>(column.doubles[row])); };
    }
    return [this, &column](std::size_t row) { return Holds(static_cast<long double>(column.ints[row])); };
  }
  problem = fmt::format(
      "TypeError: Column values, min_value, and max_value must either be None or of the same type. The column \"{}\" "
      "is {}",
      column.name, ColumnTypeName(column.type));
  return {};
}

std::optional<ValueSet> ValueSet::Read(Kwargs& kwargs, const std::string& name) {
  const Json list = kwargs.Any(name);
  if (list.is_null()) return std::nullopt;
  ValueSet set;
  if (!list.is_array()) {
    kwargs.Refuse(name, fmt::format("{} is {}; expected a list", name, list.dump()));
    return set;
  }
  for (const Json& value : list) {
    set.values_.push_back(value);
    if (value.is_boolean()) {
      (value.get<bool>() ? set.has_true_ : set.has_false_) = true;
    } else if (value.is_number()) {
      set.doubles_.insert(value.get<double>());
      if (IsInt64(value)) {
        set.ints_.insert(value.get<std::int64_t>());
      } else if (value.get<double>() == std::floor(value.get<double>()) && std::abs(value.get<double>()) < 9e15) {
        set.ints_.insert(static_cast<std::int64_t>(value.get<double>()));
      }
    } else if (value.is_string()) {
      set.texts_.insert(value.get<std::string>());
      if (const auto instant = ParseInstant(value.get<std::string>())) set.instants_.insert(ToMicros(*instant));
    } else if (!value.is_null()) {
      kwargs.Refuse(name, fmt::format("{} holds {}; expected numbers, texts, true, false or null", name, value.dump()));
    }
  }
  return set;
}

bool ValueSet::Contains(const Column& column, std::size_t row) const {
  switch (column.type) {
    case ColumnType::kBool:
      return column.ints[row] != 0 ? has_true_ || ints_.contains(1) : has_false_ || ints_.contains(0);
    case ColumnType::kInt64:
      return ints_.contains(column.ints[row]);
    case ColumnType::kDouble:
      return doubles_.contains(column.doubles[row]);
    case ColumnType::kString:
      return texts_.contains(column.strings[row]);
    case ColumnType::kTimestamp:
      return instants_.contains(column.ints[row]);
  }
  return false;
}

bool ValueSet::ContainsJson(const Json& value) const {
  if (value.is_boolean()) return value.get<bool>() ? has_true_ : has_false_;
  if (IsInt64(value)) return ints_.contains(value.get<std::int64_t>());
  if (value.is_number()) return doubles_.contains(value.get<double>());
  return value.is_string() && texts_.contains(value.get<std::string>());
}

}  // namespace keelson::data
