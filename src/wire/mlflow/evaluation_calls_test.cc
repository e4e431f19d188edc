// Evaluation data sets over the API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/database_testing.h"
#include "io/temp_folder.h"
#include "tracking/store.h"
#include "wire/mlflow/edge.h"
#include "wire/mlflow/evaluation_filter.h"

namespace keelson::wire::mlflow {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class EvaluationCalls : public testing::Test {
 protected:
  EvaluationCalls()
      : database_(std::move(*io::OpenTestDatabase(folder_.File("keelson.db")))),
        store_(std::move(*tracking::Store::Open(*database_, clock_, folder_.File("artifacts")))),
        edge_(*database_, clock_, folder_.File("artifacts"), 1) {}

  Json Call(const std::string& method, const std::string& target, const Json& body = nullptr, int status = 200) {
    io::HttpRequest request;
    request.method = method;
    const std::size_t question = std::min(target.find('?'), target.size());
    request.path = "/api/3.0/mlflow/datasets/" + target.substr(0, question);
    if (question < target.size()) request.query = target.substr(question + 1);
    request.headers = {{"content-type", "application/json"}};
    if (!body.is_null()) request.body = body.dump();
    const auto response = edge_.Answer(request);
    EXPECT_EQ(response.status, status) << method << " " << target << response.body;
    return Json::parse(response.body, nullptr, false);
  }
  void Refused(const std::string& target, const Json& body, const std::string& message) {
    EXPECT_THAT(Call("POST", target, body, 400).value("message", ""), HasSubstr(message));
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<tracking::Store> store_;
  Edge edge_;
};

TEST_F(EvaluationCalls, ADataSetsLife) {
  const Json made =
      Call("POST", "create", {{"name", "größe"}, {"experiment_ids", {"0"}}, {"tags", R"({"t": "ü"})"}})["dataset"];
  const std::string id = made["dataset_id"];
  EXPECT_EQ(made["tags"], R"({"t": "\u00fc"})");
  EXPECT_EQ(made["experiment_ids"], Json::array({"0"}));
  EXPECT_EQ(made["created_time"], 1767225600000);
  EXPECT_FALSE(made.contains("schema"));
  const Json done = Call("POST", id + "/records",
                         {{"records", R"([{"inputs": {"q": "ü"}, "outputs": {"a": [1]}, "expectations": {"e": 0.5},
                                           "source": {"source_type": "HUMAN"}}, {"inputs": {"q": "w"}, "outputs": null}])"}});
  EXPECT_EQ(done, Json::parse(R"({"inserted_count": 2, "updated_count": 0})"));
  const Json page = Call("GET", id + "/records?max_results=1");
  EXPECT_FALSE(page["next_page_token"].get<std::string>().empty());
  Json records = Json::parse(page["records"].get<std::string>());
  const Json rest = Call("GET", id + "/records?page_token=" + page["next_page_token"].get<std::string>());
  EXPECT_FALSE(rest.contains("next_page_token"));
  for (const auto& record : Json::parse(rest["records"].get<std::string>())) records.push_back(record);
  ASSERT_EQ(records.size(), 2u);
  const Json& full = records[0].contains("source") ? records[0] : records[1];
  EXPECT_EQ(full["inputs"], Json::parse(R"({"q": "ü"})"));
  EXPECT_EQ(full["outputs"], Json::parse(R"({"a": [1]})"));
  EXPECT_EQ(full["source"], Json::parse(R"({"source_type": "HUMAN", "source_data": {}})"));
  EXPECT_EQ(full["source_type"], "HUMAN");
  EXPECT_EQ(full["dataset_id"], id);
  EXPECT_FALSE((&full == &records[0] ? records[1] : records[0]).contains("outputs"));
  EXPECT_EQ(
      Call("DELETE", id + "/records", {{"dataset_record_ids", {full["dataset_record_id"], "dr-x"}}})["deleted_count"],
      1);
  Call("PATCH", id + "/tags", {{"tags", R"({"n": 1, "gone": null})"}});
  Call("DELETE", id + "/tags/t");
  EXPECT_EQ(Call("GET", id)["dataset"]["tags"], R"({"n": "1"})");
  EXPECT_EQ(Call("GET", id)["dataset"]["profile"], R"({"num_records": 1})");
  Call("POST", id + "/add-experiments", {{"experiment_ids", {"0"}}});
  EXPECT_EQ(Call("GET", id + "/experiment-ids")["experiment_ids"], Json::array({"0"}));
  Call("POST", id + "/remove-experiments", {{"experiment_ids", {"0"}}});
  EXPECT_EQ(Call("GET", id + "/experiment-ids"), Json::object());
  EXPECT_EQ(Call("POST", "search", {{"max_results", 5}})["datasets"].size(), 1u);
  EXPECT_EQ(Call("GET", "search?max_results=5&filter_string=name+%3D+%27x%27"), Json::object());
  Call("DELETE", id);
  EXPECT_EQ(Call("GET", id, nullptr, 404)["error_code"], "RESOURCE_DOES_NOT_EXIST");
}

TEST_F(EvaluationCalls, RefusesWhatMakesNoSense) {
  Refused("create", {{"name", ""}}, "Missing value for required parameter 'name'");
  Refused("create", {{"name", "x"}, {"tags", "{"}}, "'tags' is not valid JSON");
  Refused("create", {{"name", "x"}, {"tags", "[1]"}}, "'tags' must be a JSON object");
  Refused("search", Json::object(), "Invalid value None for parameter 'max_results' supplied");
  Refused("search", {{"max_results", 50001}}, "at most 50000");
  Refused("search", {{"max_results", 5}, {"page_token", "x"}}, "page token");
  const std::string id = Call("POST", "create", {{"name", "x"}})["dataset"]["dataset_id"];
  Refused(id + "/records", {{"records", "[1]"}}, "must be a dictionary");
  Refused(id + "/records", Json::object(), "Missing value for required parameter 'records'");
  EXPECT_EQ(Call("POST", "d-none/records", {{"records", "[]"}}, 404)["error_code"], "RESOURCE_DOES_NOT_EXIST");
  EXPECT_EQ(Call("POST", id + "/add-experiments", {{"experiment_ids", {"9"}}}, 404)["message"],
            "No Experiment with id=9");
}

TEST(EvaluationFilter, ReadsItsLanguage) {
  const auto read = ParseEvaluationFilter(
      "name ILIKE 'q%' AND tags.stage != \"dev\" AND created_time >= 5 AND name IN ('a', 'b') AND created_by = 'ann'");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  ASSERT_EQ(read->size(), 5u);
  EXPECT_EQ((*read)[1].entity, tracking::Entity::kTag);
  EXPECT_EQ((*read)[1].key, "stage");
  EXPECT_EQ((*read)[3].values.size(), 2u);
  EXPECT_TRUE(ParseEvaluationFilter("")->empty());
  const auto orders = ParseEvaluationOrders({"name DESC", "created_time"});
  ASSERT_TRUE(orders.has_value());
  EXPECT_FALSE((*orders)[0].ascending);
}

TEST(EvaluationFilter, RefusesInMlflowsWords) {
  const auto refusal = [](std::string_view filter) {
    const auto read = ParseEvaluationFilter(filter);
    EXPECT_FALSE(read.has_value()) << filter;
    return read ? std::string() : read.error().message;
  };
  EXPECT_THAT(refusal("bogus = 'x'"), HasSubstr("Invalid attribute key 'bogus' specified. Valid keys are: {"));
  EXPECT_EQ(refusal("tag.x = 'x'"), "Invalid identifier token 'tag' specified");
  EXPECT_EQ(refusal("tags.x > 'x'"), "Invalid comparator for tag: >");
  EXPECT_EQ(refusal("tags.x IS NULL"), "Invalid comparator for tag: IS NULL");
  EXPECT_THAT(refusal("name IS NULL"), HasSubstr("only supported for tags and params, not for 'attribute' 'name'"));
  EXPECT_EQ(refusal("created_time LIKE 5"), "Invalid comparator for numeric attribute: LIKE");
  EXPECT_EQ(refusal("created_time = 1.5"), "Invalid value for numeric attribute 'created_time': '1.5'");
  EXPECT_THAT(refusal("created_time = 'x'"), HasSubstr("Expected numeric value type"));
  EXPECT_THAT(refusal("name = 5"), HasSubstr("Expected a quoted string value for attributes. Got value 5"));
  EXPECT_THAT(refusal("created_by IN ('a')"), HasSubstr("Only ['name'] attributes"));
  EXPECT_THAT(refusal("name = ('a')"), HasSubstr("only supported with the IN comparator"));
  EXPECT_THAT(refusal("name IN 'a'"), HasSubstr("list of quoted values"));
  EXPECT_THAT(refusal("created_by IN 'a'"), HasSubstr("Invalid comparator for string attribute: IN"));
  EXPECT_EQ(ParseEvaluationOrders({"tags.x"}).error().message, "Invalid order_by entity: tag");
  EXPECT_THAT(ParseEvaluationOrders({"created_by"}).error().message, HasSubstr("Invalid attribute key 'created_by'"));
}

}  // namespace
}  // namespace keelson::wire::mlflow
