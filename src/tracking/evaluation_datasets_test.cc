#include "tracking/evaluation_datasets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "io/database_testing.h"
#include "io/temp_folder.h"
#include "tracking/store.h"

namespace keelson::tracking {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

class EvaluationDatasetsTest : public testing::Test {
 protected:
  EvaluationDatasetsTest()
      : database_(std::move(*io::OpenTestDatabase(folder_.File("keelson.db")))),
        store_(std::move(*Store::Open(*database_, clock_, folder_.File("artifacts")))),
        datasets_(*database_, clock_) {}

  std::string Make(const std::string& name, const OrderedJson& tags = OrderedJson::object(),
                   const std::vector<std::string>& experiments = {}) {
    const auto made = datasets_.Create(name, tags, experiments);
    EXPECT_TRUE(made.has_value()) << made.error().ToString();
    clock_.Advance(std::chrono::seconds(1));
    return made->id;
  }
  EvaluationDatasets::Upserted Upsert(const std::string& id, std::string_view records) {
    const auto done = datasets_.Upsert(id, *ReadEvaluationInputs(ParseOrdered(records)));
    EXPECT_TRUE(done.has_value()) << done.error().ToString();
    return done.value_or(EvaluationDatasets::Upserted());
  }
  std::vector<std::string> Names(const std::vector<Condition>& conditions, const std::vector<Order>& order = {},
                                 const std::vector<std::string>& experiments = {}) {
    Search search;
    search.conditions = conditions;
    search.order = order;
    const auto page = datasets_.Find(experiments, search);
    EXPECT_TRUE(page.has_value()) << page.error().ToString();
    std::vector<std::string> names;
    for (const auto& dataset : page->records) names.push_back(dataset.name);
    return names;
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
  EvaluationDatasets datasets_;
};

TEST_F(EvaluationDatasetsTest, IsMadeReadAndDeleted) {
  const std::string id = Make("questions", {{"mlflow.user", "ann"}, {"n", 5}}, {"0", "77"});
  const auto dataset = *datasets_.Get(id);
  EXPECT_TRUE(id.starts_with("d-"));
  EXPECT_EQ(id.size(), 34u);
  EXPECT_EQ(dataset.name, "questions");
  EXPECT_EQ(dataset.digest, "916c5c67");
  EXPECT_EQ(dataset.created_ms, 1767225600000);
  EXPECT_EQ(dataset.created_by, "ann");
  EXPECT_FALSE(dataset.schema.has_value());
  EXPECT_THAT(dataset.tags,
              ElementsAre(Pair("mlflow.user", Optional(std::string("ann"))), Pair("n", Optional(std::string("5")))));
  EXPECT_THAT(*datasets_.ExperimentsOf(id), ElementsAre("0", "77"));
  Upsert(id, R"([{"inputs": {"q": 1}}])");
  for (int repeated = 0; repeated < 2; ++repeated) EXPECT_TRUE(datasets_.Delete(id).has_value());
  EXPECT_EQ(datasets_.Get(id).error().message, "Evaluation dataset with id '" + id + "' not found");
  EXPECT_THAT(datasets_.Records(id, 10, "")->records, IsEmpty());
}

TEST_F(EvaluationDatasetsTest, RecordsWithTheSameInputsAreOne) {
  const std::string id = Make("d");
  auto done = Upsert(id, R"([{"inputs": {"q": 1, "r": 2}, "outputs": "a"}, {"inputs": {"r": 2, "q": 1},
      "expectations": {"e": 1}}, {"inputs": {"q": 2}, "tags": {"mlflow.user": "bob"}}])");
  EXPECT_EQ(done.inserted, 2);
  EXPECT_EQ(done.updated, 1);
  const auto before = *datasets_.Get(id);
  EXPECT_EQ(before.profile, R"({"num_records": 2})");
  EXPECT_THAT(*before.schema, HasSubstr(R"("inputs": {"q": "integer", "r": "integer"})"));
  EXPECT_EQ(before.updated_by, "bob");
  clock_.Advance(std::chrono::seconds(1));
  done = Upsert(id, R"([{"inputs": {"q": 1, "r": 2}, "outputs": "b"}])");
  EXPECT_EQ(done.inserted, 0);
  EXPECT_EQ(done.updated, 1);
  const auto after = *datasets_.Get(id);
  EXPECT_NE(after.digest, before.digest);
  EXPECT_FALSE(after.updated_by.has_value()) << "nobody was named";
  std::set<std::string> outputs;
  const auto page = *datasets_.Records(id, 10, "");
  for (const auto& record : page.records) outputs.insert(*record.outputs);
  EXPECT_THAT(outputs, ElementsAre("\"b\"", "{}"));
  EXPECT_EQ(datasets_.Upsert("d-none", {}).error().code, ErrorCode::kNotFound);
  // Others may have the same.
  EXPECT_EQ(Upsert(Make("other"), R"([{"inputs": {"q": 2}}])").inserted, 1);
}

TEST_F(EvaluationDatasetsTest, PagesOfRecordsNeitherRepeatNorMiss) {
  const std::string id = Make("d");
  std::string records = "[";
  for (int i = 0; i < 25; ++i) records += (i > 0 ? ", " : "") + ("{\"inputs\": {\"i\": " + std::to_string(i) + "}}");
  Upsert(id, records + "]");  // all in one millisecond: told apart by their ids
  std::set<std::string> seen;
  std::string page;
  int pages = 0;
  do {
    const auto found = *datasets_.Records(id, 10, page);
    for (const auto& record : found.records) EXPECT_TRUE(seen.insert(record.id).second);
    page = found.next;
    ++pages;
    clock_.Advance(std::chrono::seconds(1));
    Upsert(id, "[{\"inputs\": {\"later\": " + std::to_string(pages) + "}}]");
  } while (!page.empty());
  EXPECT_GE(seen.size(), 25u);
  EXPECT_EQ(datasets_.Records(id, 10, "nonsense").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(EvaluationDatasetsTest, DeletesSomeRecords) {
  const std::string id = Make("d");
  Upsert(id, R"([{"inputs": {"q": 1}}, {"inputs": {"q": 2}}])");
  const auto records = datasets_.Records(id, 10, "")->records;
  EXPECT_EQ(*datasets_.DeleteRecords(id, {records[0].id, "dr-none"}), 1);
  EXPECT_EQ(*datasets_.DeleteRecords(id, {records[0].id}), 0);
  EXPECT_EQ(datasets_.Get(id)->profile, R"({"num_records": 1})");
  EXPECT_EQ(*datasets_.DeleteRecords(Make("other"), {records[1].id}), 0) << "it is of another set";
  EXPECT_EQ(*datasets_.DeleteRecords(id, {records[1].id}), 1);
  EXPECT_EQ(datasets_.Get(id)->profile, "null");
  EXPECT_EQ(*datasets_.DeleteRecords("d-none", {"dr-none"}), 0);
}

TEST_F(EvaluationDatasetsTest, TagsAreAddedAndTakenAway) {
  const std::string id = Make("d", {{"a", "1"}});
  ASSERT_TRUE(datasets_.SetTags(id, {{"a", true}, {"b", nullptr}, {"c", "x"}}).has_value());
  EXPECT_THAT(datasets_.Get(id)->tags,
              ElementsAre(Pair("a", Optional(std::string("True"))), Pair("c", Optional(std::string("x")))));
  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(datasets_.DeleteTag(id, "a").has_value());
  EXPECT_EQ(datasets_.Get(id)->tags.size(), 1u);
  EXPECT_EQ(datasets_.SetTags("d-none", OrderedJson::object()).error().message,
            "Could not find evaluation dataset with ID d-none");
  EXPECT_TRUE(datasets_.DeleteTag("d-none", "a").has_value());
}

TEST_F(EvaluationDatasetsTest, BelongsToExperiments) {
  const auto experiment = store_->EnsureExperiment("e");
  const std::string id = Make("d", OrderedJson::object(), {"0"});
  EXPECT_EQ(datasets_.AddTo(id, {experiment->id, "999"}).error().message, "No Experiment with id=999");
  EXPECT_THAT(*datasets_.ExperimentsOf(id), ElementsAre("0")) << "all or nothing";
  const auto before = datasets_.Get(id)->updated_ms;
  ASSERT_TRUE(datasets_.AddTo(id, {experiment->id, "0"}).has_value());
  EXPECT_THAT(*datasets_.ExperimentsOf(id), ElementsAre("0", experiment->id));
  EXPECT_GT(datasets_.Get(id)->updated_ms, before);
  ASSERT_TRUE(datasets_.RemoveFrom(id, {"0", "999"}).has_value());
  EXPECT_THAT(*datasets_.ExperimentsOf(id), ElementsAre(experiment->id));
  EXPECT_EQ(datasets_.AddTo("d-none", {}).error().message, "Dataset 'd-none' not found");
  EXPECT_EQ(datasets_.RemoveFrom("d-none", {}).error().message, "Dataset 'd-none' not found");
  EXPECT_EQ(datasets_.AddTo(id, {"abc"}).error().message, "No Experiment with id=abc");
}

TEST_F(EvaluationDatasetsTest, IsFound) {
  Make("alpha", {{"stage", "dev"}, {"mlflow.user", "ann"}}, {"0"});
  Make("beta", {{"stage", "prod"}}, {"0", "1"});
  Make("gamma", OrderedJson::object(), {"1"});
  EXPECT_THAT(Names({}), ElementsAre("gamma", "beta", "alpha"));
  EXPECT_THAT(Names({}, {{Entity::kAttribute, "name", true}}), ElementsAre("alpha", "beta", "gamma"));
  EXPECT_THAT(Names({}, {}, {"1"}), ElementsAre("gamma", "beta"));
  EXPECT_THAT(Names({}, {}, {"0", "1"}), ElementsAre("gamma", "beta", "alpha"));
  EXPECT_THAT(Names({}, {}, {"7"}), IsEmpty());
  EXPECT_THAT(Names({{Entity::kTag, "stage", Compare::kNotEqual, {"dev"}}}), ElementsAre("beta"));
  EXPECT_THAT(Names({{Entity::kAttribute, "name", Compare::kLike, {"%a%m%"}}}), ElementsAre("gamma"));
  EXPECT_THAT(Names({{Entity::kAttribute, "name", Compare::kIn, {"alpha", "beta"}}}), ElementsAre("beta", "alpha"));
  EXPECT_THAT(Names({{Entity::kAttribute, "created_by", Compare::kEqual, {"ann"}}}), ElementsAre("alpha"));
  EXPECT_THAT(Names({{Entity::kAttribute, "created_time", Compare::kGreater, {std::int64_t{1767225600000}}}}),
              ElementsAre("gamma", "beta"));
  Search search;
  search.at_most = 2;
  const auto first = *datasets_.Find({}, search);
  EXPECT_EQ(first.records.size(), 2u);
  search.page = first.next;
  const auto second = *datasets_.Find({}, search);
  EXPECT_EQ(second.records.at(0).name, "alpha");
  EXPECT_EQ(second.next, "");
}

}  // namespace
}  // namespace keelson::tracking
