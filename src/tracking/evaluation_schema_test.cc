#include "tracking/evaluation_schema.h"

#include <gtest/gtest.h>

#include "io/database.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "tracking/schema.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

TEST(EvaluationSchema, FillsTheColumnsOfSpansThatAreThere) {
  const io::TempFolder folder = *io::TempFolder::Make();
  const auto database = std::move(*io::Database::Open(folder.File("keelson.db")));
  const std::string dump = *io::ReadFile(KEELSON_SOURCE_DIR "/src/tracking/testdata/schema_v7.sql");
  const std::string spans = R"sql(
INSERT INTO span VALUES (1, 'a', NULL, 'x', NULL, 'OK', 1, 2, NULL, NULL,
  '{"attributes": {"mlflow.llm.model": "\"m\"", "mlflow.llm.cost": "{\"input_cost\": 0.5, \"total_cost\": 1}"}}');
INSERT INTO span VALUES (1, 'b', NULL, 'x', NULL, 'OK', 1, 2, NULL, NULL,
  '{"attributes": {"mlflow.llm.model": 5, "mlflow.llm.cost": "free", "mlflow.llm.provider": "us"}}');
INSERT INTO span VALUES (1, 'c', NULL, 'x', NULL, 'OK', 1, 2, NULL, NULL, 'no JSON: "mlflow.llm.model"');
)sql";
  ASSERT_TRUE(database->Migrate("dump", {{1, dump + spans}}).has_value());
  const Status migrated = database->Migrate("tracking", SchemaMigrations());
  ASSERT_TRUE(migrated.has_value()) << migrated.error().ToString();
  const auto rows = Reading(*database, [](io::SqlSession& session) {
    return session.Query(
        "SELECT input_cost, output_cost, total_cost, model_name, model_provider FROM span WHERE name = 'x' ORDER BY "
        "id");
  });
  ASSERT_TRUE(rows.has_value());
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0], (io::SqlRow{0.5, {}, 1.0, "m", {}}));
  EXPECT_EQ((*rows)[1], (io::SqlRow{{}, {}, {}, {}, "us"}));
  EXPECT_EQ((*rows)[2], io::SqlRow(5));
}

}  // namespace
}  // namespace keelson::tracking
