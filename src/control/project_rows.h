#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/project_files.h"
#include "control/row_intake.h"
#include "control/step_specs.h"
#include "features/expression.h"
#include "features/online.h"
#include "monitoring/monitor.h"

namespace keelson::control {

// The ways in of one project's pushed rows, a source each, and where accepted rows go: to the online features, and,
// when the source carries the truth, to the monitor as labels.
//
// A label belongs to the prediction whose request id the row's key says; to a source without a key the rows come with a
// further column "request_id", text, which the prepared table need not have. It stays in the row log, and neither
// features nor training see it.
//
// Owned by the project's runtime and called on the control thread only.
class ProjectRows {
 public:
  struct Options {
    AppliedProject project;
    ProjectFolders folders;
    Json tables = Json::object();  // of the newest prepared tables: {name: {"schema": [...]}}; {}: none yet
    std::string online_folder;  // of the materialized tables that the online features begin with; "": no features yet
  };
  struct World {
    std::function<void(const monitoring::Label&)> label;
    // Called for each stored batch with the instant at which it was accepted; answers what time it is then.
    std::function<Instant(Instant accepted)> now;
  };
  // Takes in again what is stored: features and labels both drop what they know already.
  static Result<std::unique_ptr<ProjectRows>> Open(Options options, World world);

  // kNotFound: no such source; kFailedPrecondition: its table was not prepared yet.
  Result<PushedRows> Read(const std::string& source, std::string_view body) const;  // changes nothing
  Result<RowsAnswer> Accept(const std::string& source, const PushedRows& rows, Instant now);
  Status Sync();  // before anybody is told that rows were accepted

  bool empty() const { return intakes_.empty(); }
  std::map<std::string, std::uint64_t> sequences() const;  // of the last batch, by source
  std::uint64_t refused_batches() const;
  // nullptr: the model has no view features, or they are not there yet. Predictions may hold it longer than we do.
  const std::shared_ptr<features::OnlineFeatures>& online() const { return online_; }

 private:
  ProjectRows(Options options, World world) : options_(std::move(options)), world_(std::move(world)) {}
  Result<RowIntake*> IntakeOf(const std::string& source) const;
  data::Schema SchemaOf(const std::string& table) const;
  Status OpenOnline();
  Status OpenIntake(const project::Source& source);
  Status Take(const std::string& source, const data::Table& rows, Instant accepted, Instant now);
  Status TakeLabels(const data::Table& rows, Instant known);

  Options options_;
  World world_;
  std::map<std::string, std::unique_ptr<RowIntake>> intakes_;
  std::map<std::string, data::Schema> schemas_;  // of the prepared tables of their sources
  std::shared_ptr<features::OnlineFeatures> online_;
  std::optional<features::BoundExpression> label_;  // over the label source's rows
};

}  // namespace keelson::control
