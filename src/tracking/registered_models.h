#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/database.h"
#include "tracking/records.h"
#include "tracking/search.h"

namespace keelson::tracking {

// Registered models and their versions as MLflow's clients know them, in the tables of Store (opened before): a version
// that Keelson's gate let in is among them. Version numbers count up and are never given twice: a deleted version stays
// as a hidden row. What is not there is kNotFound in MLflow's words. Every write is durable when it returns, and every
// change of an alias is recorded with who made it. Thread-safe; the database and the clock outlive it.
class RegisteredModels {
 public:
  RegisteredModels(io::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  Result<ModelRecord> Create(const std::string& name, const Pairs& tags, const std::string& description);
  Result<ModelRecord> Get(const std::string& name);
  Result<ModelRecord> Describe(const std::string& name, const std::string& description);
  Result<ModelRecord> Rename(const std::string& name, const std::string& new_name);
  Status Delete(const std::string& name);
  Status SetTag(const std::string& name, const std::string& key, const std::string& value);
  Status DeleteTag(const std::string& name, const std::string& key);  // no error when it is gone
  // By attribute name (order also by creation and update), and by tags. Prompts only when asked for.
  Result<Page<ModelRecord>> Find(const Search& search);

  struct NewVersion {
    std::string model;
    std::string source;
    std::string location;      // where the files are; the source, when that is no reference
    std::string content_hash;  // of the files, when they are here; "" otherwise
    std::string run_id;
    std::string run_link;
    std::string description;
    std::string model_id;
    Pairs tags;
  };
  Result<VersionRecord> CreateVersion(const NewVersion& version);
  Result<VersionRecord> GetVersion(const std::string& name, std::int64_t version);
  // Of its files, as they were registered; "" when they were not here.
  Result<std::string> ContentHash(const std::string& name, std::int64_t version);
  Result<VersionRecord> DescribeVersion(const std::string& name, std::int64_t version,
                                        const std::optional<std::string>& description);
  // Moves it to `stage`; with `archive_others`, those that were in that stage go to "Archived".
  Result<VersionRecord> Transition(const std::string& name, std::int64_t version, const std::string& stage,
                                   bool archive_others);
  Status DeleteVersion(const std::string& name, std::int64_t version, const std::string& who);
  Status SetVersionTag(const std::string& name, std::int64_t version, const std::string& key, const std::string& value);
  Status DeleteVersionTag(const std::string& name, std::int64_t version, const std::string& key);
  // By attributes name, version_number, run_id, source_path, creation_timestamp, last_updated_timestamp and by tags.
  Result<Page<VersionRecord>> FindVersions(const Search& search);

  Status SetAlias(const std::string& name, const std::string& alias, std::int64_t version, const std::string& who);
  Status DeleteAlias(const std::string& name, const std::string& alias, const std::string& who);
  Result<VersionRecord> GetByAlias(const std::string& name, const std::string& alias);

 private:
  std::int64_t NowMicros() const { return ToMicros(clock_.WallNow()); }

  io::Database& database_;
  const Clock& clock_;
};

}  // namespace keelson::tracking
