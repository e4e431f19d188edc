#include "sklearn/attributes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace keelson::sklearn {
namespace {

using Kind = Value::Kind;

// Attributes that are objects and are read as such, or that only fitting asks.
constexpr std::array<std::string_view, 20> kObjects = {
    "tree_",   "estimator",   "estimator_", "base_estimator",   "base_estimator_", "random_state",           "_rng",
    "init",    "init_",       "_loss",      "_loss_function_",  "loss_function_",  "_feature_subsample_rng", "_scorer",
    "scoring", "_bin_mapper", "cv",         "_label_binarizer", "_label_encoder",  "_random_state"};

constexpr std::size_t kMaxAttributes = 500;  // the most that any has is some fifty

std::unexpected<Error> Unsupported(std::string what) {
  return Fail(ErrorCode::kUnsupported, std::move(what));
}

// 1.9.1 is 9; nothing for a version that is not read.
std::optional<int> MinorOf(std::string_view version) {
  const auto parts = Split(version, '.');
  if (parts.size() != 3 || parts[0] != "1" || !ParseInt(parts[2])) return std::nullopt;
  const auto minor = ParseInt(parts[1]);
  if (!minor || *minor < kOldestMinor || *minor > kNewestMinor) return std::nullopt;
  return static_cast<int>(*minor);
}

bool IsDefaultOutput(const Document& document, const Value& config) {
  if (config.kind != Kind::kDict) return false;
  for (std::size_t i = 1; i < config.items.size(); i += 2) {
    const Value& set = document.at(config.items[i]);
    if (set.kind != Kind::kNone && !(set.kind == Kind::kText && set.text == "default")) return false;
  }
  return true;
}

}  // namespace

Result<Attributes> Attributes::Of(const Document& document, const Value& object) {
  if (object.kind != Kind::kObject) return Unsupported("no object of a class");
  Attributes attributes;
  attributes.document_ = &document;
  attributes.class_ = &document.at(object.items[0]);
  const std::string name = fmt::format("{}.{}", attributes.module(), attributes.name());
  if (object.state == kNoRef || document.at(object.state).kind != Kind::kDict) {
    return Unsupported(fmt::format("{} without attributes", name));
  }
  attributes.state_ = &document.at(object.state);
  const auto& items = attributes.state_->items;
  if (items.size() > 2 * kMaxAttributes)
    return Unsupported(fmt::format("{} with {} attributes", name, items.size() / 2));
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const Value& key = document.at(items[i]);
    const Value& value = document.at(items[i + 1]);
    if (key.kind != Kind::kText) return Unsupported(fmt::format("{} has an attribute without a name", name));
    const bool acts = value.kind == Kind::kGlobal || value.kind == Kind::kObject;
    if (acts && std::ranges::find(kObjects, key.text) == kObjects.end()) return attributes.Unlike(key.text);
    if (key.text == "_sklearn_output_config" && !IsDefaultOutput(document, value)) return attributes.Unlike(key.text);
  }
  if (const Value* version = document.Find(*attributes.state_, "_sklearn_version"); version != nullptr) {
    const auto minor = version->kind == Kind::kText ? MinorOf(version->text) : std::nullopt;
    if (!minor) {
      return Unsupported(fmt::format("{} of scikit-learn {}; those of 1.{} to 1.{} are known", name,
                                     version->text.substr(0, 20), kOldestMinor, kNewestMinor));
    }
    attributes.minor_ = *minor;
  }
  return attributes;
}

std::unexpected<Error> Attributes::Unlike(std::string_view key) const {
  return Unsupported(fmt::format("{}'s {} is not as expected", name(), key.substr(0, 60)));
}

bool Attributes::IsNone(std::string_view key) const {
  const Value* const value = document_->Find(*state_, key);
  return value == nullptr || value->kind == Kind::kNone;
}

bool Attributes::Is(std::string_view key, std::string_view text) const {
  const Value* const value = document_->Find(*state_, key);
  return value != nullptr && value->kind == Kind::kText && value->text == text;
}

Result<const Value*> Attributes::Get(std::string_view key) const {
  const Value* const value = document_->Find(*state_, key);
  if (value == nullptr) return Unlike(key);
  return value;
}

Result<std::int64_t> Attributes::Int(std::string_view key) const {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, Get(key));
  if (value->kind != Kind::kInt) return Unlike(key);
  return value->integer;
}

Result<double> Attributes::Number(std::string_view key) const {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, Get(key));
  if (value->kind == Kind::kFloat) return value->number;
  if (value->kind == Kind::kInt) return static_cast<double>(value->integer);
  KEELSON_ASSIGN_OR_RETURN(const auto values, Doubles(key, 1));
  return values[0];
}

Result<bool> Attributes::Bool(std::string_view key) const {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, Get(key));
  if (value->kind != Kind::kBool) return Unlike(key);
  return value->integer != 0;
}

Result<std::string> Attributes::Text(std::string_view key) const {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, Get(key));
  if (value->kind != Kind::kText) return Unlike(key);
  return std::string(value->text);
}

Result<std::vector<double>> Attributes::Doubles(std::string_view key, std::size_t size) const {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, Get(key));
  if (value->kind != Kind::kArray || document_->array(*value).size() != size) return Unlike(key);
  auto values = DoublesOf(*document_, document_->array(*value));
  if (!values) return Unlike(key);
  return values;
}

Result<Attributes::Matrix> Attributes::DoubleMatrix(std::string_view key) const {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, Get(key));
  if (value->kind != Kind::kArray) return Unlike(key);
  const Array& array = document_->array(*value);
  if (array.type.kind != 'f' || array.type.size != 8) return Unlike(key);
  auto values = DoublesOf(*document_, array);
  if (!values) return Unlike(key);
  return Matrix{array.shape, std::move(*values)};
}

Result<Labels> Attributes::ClassLabels(std::string_view key) const {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, Get(key));
  if (value->kind != Kind::kArray || document_->array(*value).shape.size() != 1) return Unlike(key);
  const Array& array = document_->array(*value);
  Labels labels;
  labels.kind = array.type.kind;
  labels.size = array.type.size;
  if (labels.kind == 'U' || labels.kind == 'O') {
    labels.kind = 'U';
    auto texts = TextsOf(*document_, array);
    if (!texts) return Unlike(key);
    labels.texts = std::move(*texts);
  } else if (labels.kind == 'f') {
    KEELSON_ASSIGN_OR_RETURN(labels.doubles, DoublesOf(*document_, array));
  } else {
    auto ints = IntsOf(*document_, array);
    if (!ints) return Unlike(key);
    labels.ints = std::move(*ints);
  }
  return labels;
}

std::optional<std::vector<std::string>> Attributes::Names(std::string_view key) const {
  const Value* const value = document_->Find(*state_, key);
  if (value == nullptr || value->kind != Kind::kArray) return std::nullopt;
  auto names = TextsOf(*document_, document_->array(*value));
  if (!names) return std::nullopt;
  return std::move(*names);
}

Result<std::vector<Ref>> Attributes::Items(std::string_view key) const {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, Get(key));
  if (value->kind == Kind::kList || value->kind == Kind::kTuple) return value->items;
  if (value->kind != Kind::kArray || document_->array(*value).type.kind != 'O') return Unlike(key);
  return document_->array(*value).items;
}

}  // namespace keelson::sklearn
