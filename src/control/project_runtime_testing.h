#pragma once

#include <string>

#include "control/loop_testing.h"

namespace keelson::control {

// One project through the loop: what is decided is decided by the real plans, what is served is seen at the gateway.
class ProjectRuntimeTest : public LoopFixture {
 protected:
  static Instant At(const std::string& text) { return ParseInstant(text).value(); }
  static ErrorCode CodeOf(const auto& result) { return result ? ErrorCode::kInternal : result.error().code; }
  // Makes and plays a further version.
  void Retrain() {
    train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: " + std::to_string(++rounds_) + "}}}";
    Apply();
    Run();
    Play();
  }
  // Up to where the project's clock of a replay comes; a replica may have to become ready on the way.
  void MoveTo(const std::string& text) {
    for (int i = 0; i < 50; ++i) {
      const auto answer = Project().AdvanceClock(At(text));
      ASSERT_TRUE(answer) << answer.error().ToString();
      if (answer->reached) return;
      Turn();
    }
    ADD_FAILURE() << "the clock does not come to " << text;
  }
  void ServeReplay(const std::string& as_of) {
    Apply();
    Run(At(as_of));
    Play();
    MoveTo(FormatInstant(At(as_of) + std::chrono::hours(2)));
    ASSERT_EQ(Project().rollout().champion, 1);
  }
  // Predictions in the payload log, one a minute from `from` on, with the input and the score that are given.
  void Predict(const std::string& from, int count, double input, float score, int version = 1) {
    const std::string folder = folder_.File("projects/trips/payload/") + std::to_string(version) + "/replica" +
                               std::to_string(++payload_folders_);
    ASSERT_TRUE(io::MakeFolders(folder));
    auto writer = serving::PayloadWriter::Open(
        folder, {kName, std::to_string(version), {{"a", data::ColumnType::kDouble}}, {"probability"}});
    ASSERT_TRUE(writer) << writer.error().ToString();
    for (int i = 0; i < count; ++i) {
      serving::PayloadRecord record;
      record.request_id = "t" + std::to_string(++predictions_);
      record.version = std::to_string(version);
      record.time = At(from) + std::chrono::minutes(i);
      record.rows = 1;
      record.inputs = {{"a", data::ColumnType::kDouble, {}, {input}, {}, {1}}};
      record.outputs = {score};
      ASSERT_TRUE((*writer)->Append(record));
    }
  }

  Result<RowsAnswer> Push(const std::string& source, const Json& rows) {
    KEELSON_ASSIGN_OR_RETURN(const auto read, Project().ReadRows(source, Json{{"rows", rows}}.dump()));
    return Project().AcceptRows(source, read);
  }

  int rounds_ = 5;
  int predictions_ = 0;
  int payload_folders_ = 0;
};

}  // namespace keelson::control
