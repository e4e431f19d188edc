#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/backtest/history.h"
#include "app/backtest/trainings.h"
#include "data/table.h"
#include "features/plan.h"
#include "project/spec.h"

namespace keelson::leakage {

// examples/flights over the real files, which are looked for where script/setup unpacks them.
Result<project::Project> FlightsProject();

// A prepared table as the project file speaks of it: the columns that features need, no others.
struct Source {
  std::string name;
  std::string time;
  std::map<std::string, std::string> known;  // column -> the column with the instant at which it was known
  data::Table rows;
};

// What was left of the source had it been read at `t`: without the rows of later, and of the rows left without each
// value (and the instant itself) that became known later or never. Rows not after `oldest` are left out to save time.
// Written without the engine's own VisibleAt, row by row and cell by cell.
data::Table Truncated(const Source& source, std::int64_t t, std::int64_t oldest);

// The flights of 2013 with all features joined over the whole year's files, and a model of January to March.
class World {
 public:
  static Result<std::unique_ptr<World>> Make();

  const project::Project& project() const { return project_; }
  const app::History& history() const { return *history_; }
  const features::Definitions& definitions() const { return definitions_; }
  const Source& source(const std::string& name) const { return sources_.at(name); }
  const std::map<std::string, Source>& sources() const { return sources_; }
  const app::TrainedModel& model() const { return trainings_->model(1); }

  // Rows of the training table that are asked at each instant of April to December.
  const std::map<std::int64_t, std::vector<std::size_t>>& asked() const { return asked_; }
  // `count` of those instants, all different, in their order.
  std::vector<std::int64_t> RandomInstants(std::uint64_t seed, std::size_t count) const;

  // What a request for these rows carries, and their time.
  data::Table Questions(const std::vector<std::size_t>& rows) const;
  // The features of these questions over these tables.
  Result<data::Table> Join(const data::Table& questions, const std::map<std::string, data::Table>& tables) const;
  Result<std::vector<float>> Predict(const data::Table& questions, const data::Table& features) const;
  // The longest time that a feature looks back, and two days for flights that landed long after their time.
  std::int64_t Horizon() const;

 private:
  project::Project project_;
  std::unique_ptr<app::History> history_;
  std::unique_ptr<app::Trainings> trainings_;
  features::Definitions definitions_;
  std::map<std::string, Source> sources_;
  std::map<std::int64_t, std::vector<std::size_t>> asked_;
};

}  // namespace keelson::leakage
