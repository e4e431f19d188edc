#include "features/online.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "features/keys.h"

namespace keelson::features {

Result<std::unique_ptr<OnlineFeatures>> OnlineFeatures::Create(const Definitions& definitions, Options options) {
  KEELSON_ASSIGN_OR_RETURN(auto plan, FeaturePlan::Create(definitions));
  return std::unique_ptr<OnlineFeatures>(new OnlineFeatures(std::move(plan), options));
}

OnlineFeatures::OnlineFeatures(std::shared_ptr<const FeaturePlan> plan, Options options)
    : options_(options), plan_(std::move(plan)), names_(plan_->feature_names()), engine_(plan_), feed_(&engine_) {
  const data::Schema& columns = plan_->lookup_columns();
  for (const auto& planned : plan_->entities()) {
    auto& places = key_columns_.emplace_back();
    for (const std::string& key : planned.entity.keys) {
      places.push_back(
          static_cast<std::size_t>(std::ranges::find(columns, key, &data::ColumnSchema::name) - columns.begin()));
    }
  }
}

bool OnlineFeatures::Uses(std::string_view source) const {
  return std::ranges::any_of(plan_->series(),
                             [&](const auto& series) { return plan_->sources()[series.source].name == source; });
}

Status OnlineFeatures::Load(std::string_view source, const data::Table& table) {
  KEELSON_ASSIGN_OR_RETURN(const std::size_t index, plan_->SourceIndex(source));
  if (table.schema() != plan_->sources()[index].schema) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the table \"{}\" does not have the columns that the features were made for", source));
  }
  std::vector<data::Value> row(table.columns().size());
  for (std::size_t i = 0; i < table.rows(); ++i) {
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = table.At(i, j);
    const std::lock_guard lock(mutex_);
    KEELSON_RETURN_IF_ERROR(feed_.Apply(index, row));
  }
  return {};
}

Status OnlineFeatures::Apply(std::string_view source, const std::vector<data::Value>& row) {
  KEELSON_ASSIGN_OR_RETURN(const std::size_t index, plan_->SourceIndex(source));
  const std::lock_guard lock(mutex_);
  return feed_.Apply(index, row);
}

void OnlineFeatures::Advance(Instant now) {
  const std::lock_guard lock(mutex_);
  if (now < Instant::min() + options_.slack) return;
  if (engine_.Retain(now - options_.slack)) feed_.Forget();
}

Result<std::vector<double>> OnlineFeatures::Lookup(std::span<const data::Value> keys, std::size_t rows,
                                                   Instant t) const {
  const data::Schema& columns = plan_->lookup_columns();
  if (keys.size() != rows * columns.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} rows of {} keys were asked for, and {} cells came", rows, columns.size(), keys.size()));
  }
  const std::size_t entities = key_columns_.size();
  std::vector<std::string> bytes(rows * entities);
  std::vector<std::uint8_t> whole(rows * entities, 1);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t entity = 0; entity < entities; ++entity) {
      const std::size_t at = row * entities + entity;
      for (const std::size_t column : key_columns_[entity]) {
        KEELSON_ASSIGN_OR_RETURN(const bool part, AppendKeyPart(keys[row * columns.size() + column],
                                                                columns[column].type, columns[column].name, bytes[at]));
        if (!part) whole[at] = 0;
      }
    }
  }
  std::vector<double> out(rows * names_.size());
  std::vector<std::uint32_t> numbers(entities);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::lock_guard lock(mutex_);
    for (std::size_t entity = 0; entity < entities; ++entity) {
      const std::size_t at = row * entities + entity;
      numbers[entity] = whole[at] != 0 ? engine_.Find(entity, bytes[at]) : FeatureEngine::kNoKey;
    }
    KEELSON_RETURN_IF_ERROR(engine_.Lookup(numbers, t, std::span(out).subspan(row * names_.size(), names_.size())));
  }
  return out;
}

std::size_t OnlineFeatures::events() const {
  const std::lock_guard lock(mutex_);
  return engine_.events();
}

}  // namespace keelson::features
