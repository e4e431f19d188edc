#include "control/documents.h"

#include <gtest/gtest.h>

#include "io/database_testing.h"
#include "io/temp_folder.h"

namespace keelson::control {
namespace {

class DocumentStoreTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    store_.reset();
    database_.reset();
    database_ = io::OpenTestDatabase(folder_.File("keelson.db")).value();
    store_ = DocumentStore::Open(*database_).value();
  }
  static Event EventOf(const std::string& project, const std::string& message) {
    return {.sequence = 99,
            .project = project,
            .kind = "job",
            .message = message,
            .wall = InstantFromMicros(7),
            .clock = InstantFromMicros(-8)};
  }
  std::string Bodies(const std::string& kind) {
    std::string all;
    const auto documents = store_->List(kind).value();
    for (const auto& document : documents) all += document.id + "=" + document.body + " ";
    return all;
  }
  static std::string Messages(const Result<std::vector<Event>>& events) {
    std::string all;
    for (const Event& event : events.value()) all += event.message + " ";
    return all;
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<DocumentStore> store_;
};

TEST_F(DocumentStoreTest, PutsReplaceListSortsAndRemoveTakes) {
  ASSERT_TRUE(store_->Commit({.put = {{"job", "j2", "p", "two"}, {"job", "j1", "p", "one"}, {"step", "j1", "p", "x"}},
                              .remove = {},
                              .events = {}}));
  EXPECT_EQ(Bodies("job"), "j1=one j2=two ");
  ASSERT_TRUE(store_->Commit({.put = {{"job", "j2", "q", "new"}},
                              .remove = {{"job", "j1", "", ""}, {"job", "absent", "", ""}},
                              .events = {}}));
  EXPECT_EQ(Bodies("job"), "j2=new ");
  EXPECT_EQ(store_->List("job")->at(0).project, "q");
  EXPECT_EQ(Bodies("step"), "j1=x ") << "another kind with the same id is another document";
  EXPECT_EQ(Bodies("nothing"), "");
}

TEST_F(DocumentStoreTest, AMovedDataFolderTakesThePathsAlong) {
  ASSERT_TRUE(store_->MoveTo("/var/a \"b\"/data"));
  const std::string job =
      R"({"path":"/var/a \"b\"/data/jobs/1","twin":"/var/a \"b\"/database/x","text":"in /var/a \"b\"/data/jobs"})";
  ASSERT_TRUE(store_->Commit({.put = {{"job", "j1", "p", job}}, .remove = {}, .events = {}}));
  ASSERT_TRUE(store_->MoveTo("/var/a \"b\"/data"));
  EXPECT_EQ(Bodies("job"), "j1=" + job + " ");
  ASSERT_TRUE(store_->MoveTo("/srv/\\new"));
  EXPECT_EQ(Bodies("job"),
            R"(j1={"path":"/srv/\\new/jobs/1","twin":"/var/a \"b\"/database/x","text":"in /var/a \"b\"/data/jobs"} )");
  Reopen();
  ASSERT_TRUE(store_->MoveTo("/srv/\\new/deeper"));
  EXPECT_TRUE(Bodies("job").starts_with(R"(j1={"path":"/srv/\\new/deeper/jobs/1")")) << Bodies("job");
}

TEST_F(DocumentStoreTest, AStoredPlaceThatDoesNotReadBackIsSaid) {
  ASSERT_TRUE(store_->Commit({.put = {{"data_folder", "", "", "not json"}}, .remove = {}, .events = {}}));
  EXPECT_EQ(store_->MoveTo("/srv").error().code, ErrorCode::kDataLoss);
}

TEST_F(DocumentStoreTest, ABatchIsAllOrNothing) {
  ASSERT_TRUE(store_->Commit({.put = {{"job", "j1", "p", "old"}}, .remove = {}, .events = {}}));
  // The last thing of the batch is made to fail: a trigger refuses that event.
  ASSERT_TRUE(database_->Write([](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("CREATE TRIGGER refuse BEFORE INSERT ON control_events WHEN NEW.message = "
                        "'bad' BEGIN SELECT RAISE(ABORT, 'refused'); END"));
    return {};
  }));
  EXPECT_FALSE(store_->Commit({.put = {{"job", "j1", "p", "new"}, {"job", "j2", "p", "two"}},
                               .remove = {},
                               .events = {EventOf("p", "good"), EventOf("p", "bad")}}));
  EXPECT_EQ(Bodies("job"), "j1=old ");
  EXPECT_EQ(Messages(store_->Events("p", 0, 9)), "");
}

TEST_F(DocumentStoreTest, EventsComeOldestFirstFromWhereTheReaderWas) {
  ASSERT_TRUE(
      store_->Commit({.put = {},
                      .remove = {},
                      .events = {EventOf("p", "a"), EventOf("q", "other"), EventOf("p", "b"), EventOf("p", "c")}}));
  EXPECT_EQ(Messages(store_->Events("p", 0, 9)), "a b c ");
  EXPECT_EQ(Messages(store_->Events("p", 0, 2)), "a b ");
  EXPECT_EQ(Messages(store_->LatestEvents("p", 2)), "b c ");
  const auto first = store_->Events("p", 0, 1)->at(0);
  EXPECT_EQ(first.sequence, 1) << "the store gives the sequence, whatever the event said";
  EXPECT_EQ(first.kind, "job");
  EXPECT_EQ(ToMicros(first.wall), 7);
  EXPECT_EQ(ToMicros(first.clock), -8);
  EXPECT_EQ(Messages(store_->Events("p", first.sequence, 9)), "b c ");
}

TEST_F(DocumentStoreTest, RemoveProjectTakesItsDocumentsAndEventsAndNoOthers) {
  ASSERT_TRUE(
      store_->Commit({.put = {{"job", "j1", "p", "mine"}, {"project", "p", "p", "mine"}, {"job", "j2", "q", "kept"}},
                      .remove = {},
                      .events = {EventOf("p", "gone"), EventOf("q", "kept")}}));
  ASSERT_TRUE(store_->RemoveProject("p"));
  EXPECT_EQ(Bodies("job"), "j2=kept ");
  EXPECT_EQ(Bodies("project"), "");
  EXPECT_EQ(Messages(store_->Events("p", 0, 9)), "");
  EXPECT_EQ(Messages(store_->Events("q", 0, 9)), "kept ");
}

TEST_F(DocumentStoreTest, EverythingSurvivesReopeningAndSequencesAreNotGivenTwice) {
  ASSERT_TRUE(store_->Commit({.put = {{"job", "j1", "p", "one"}}, .remove = {}, .events = {EventOf("p", "a")}}));
  ASSERT_TRUE(store_->Commit({.put = {}, .remove = {}, .events = {EventOf("gone", "b")}}));
  ASSERT_TRUE(store_->RemoveProject("gone"));
  Reopen();
  EXPECT_EQ(Bodies("job"), "j1=one ");
  ASSERT_TRUE(store_->Commit({.put = {}, .remove = {}, .events = {EventOf("p", "c")}}));
  const auto events = store_->Events("p", 0, 9).value();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].sequence, 3) << "a reader that waits after 2 must not miss it";
}

}  // namespace
}  // namespace keelson::control
