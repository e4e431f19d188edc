#include "kubernetes/operator/election.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "io/http.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// An API server that has one Lease, as far as an election can tell: versions, merge patches, conflicts.
class LeaseServer {
 public:
  LeaseServer() {
    auto started = io::HttpServer::Start(
        {}, [this](io::HttpRequest request, const io::HttpRespond& respond) { respond(Answer(request)); });
    EXPECT_TRUE(started.has_value()) << started.error().ToString();
    server_ = *std::move(started);
  }

  std::string address() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  std::string holder() const {
    const std::lock_guard lock(mutex_);
    return lease_.is_null() ? "" : lease_.at("spec").at("holderIdentity").get<std::string>();
  }
  int transitions() const {
    const std::lock_guard lock(mutex_);
    return lease_.at("spec").at("leaseTransitions");
  }
  void Forget() {
    const std::lock_guard lock(mutex_);
    lease_ = {};
  }
  std::atomic<bool> away = false;

 private:
  static io::HttpResponse Says(int status, const json& body) { return {.status = status, .body = body.dump()}; }
  static io::HttpResponse No(int status, const std::string& reason) {
    return Says(status, {{"kind", "Status"}, {"status", "Failure"}, {"reason", reason}, {"code", status}});
  }
  io::HttpResponse Answer(const io::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    if (away) return No(503, "ServiceUnavailable");
    if (request.method == "GET") return lease_.is_null() ? No(404, "NotFound") : Says(200, lease_);
    const json body = json::parse(request.body);
    if (request.method == "POST") {
      if (!lease_.is_null()) return No(409, "AlreadyExists");
      lease_ = body;
    } else {
      if (lease_.is_null()) return No(404, "NotFound");
      if (body.at("metadata").at("resourceVersion") != lease_.at("metadata").at("resourceVersion"))
        return No(409, "Conflict");
      lease_.merge_patch(body);
    }
    lease_["metadata"]["resourceVersion"] = std::to_string(++version_);
    return Says(200, lease_);
  }

  mutable std::mutex mutex_;
  json lease_;
  int version_ = 0;
  std::unique_ptr<io::HttpServer> server_;
};

class ElectionTest : public ::testing::Test {
 protected:
  // Short, as on a busy machine they still hold: nothing here depends on a wait being short.
  static constexpr LeaseTimes kTimes{milliseconds(2'000), milliseconds(1'200), milliseconds(50)};
  struct Voter {
    std::unique_ptr<ApiClient> client;
    std::unique_ptr<Election> election;
  };
  Voter Begin(const std::string& identity, const LeaseTimes& times = kTimes) {
    Access access;
    access.server = server_.address();
    Voter voter;
    voter.client = ApiClient::Create(access, Election::ClientOptions(clock_, times)).value();
    voter.election = std::make_unique<Election>(
        *voter.client, ElectionOptions{.in_namespace = "lab", .identity = identity, .times = times});
    return voter;
  }
  template <typename Holds>
  static bool Eventually(Holds holds) {
    for (int i = 0; i < 60'000; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }

  SystemClock clock_;
  LeaseServer server_;
};

TEST_F(ElectionTest, OneLeadsAndTheOtherTakesOverWhenItLeaves) {
  Voter first = Begin("first");
  ASSERT_TRUE(Eventually([&] { return first.election->Leads(); }));
  Voter second = Begin("second");
  ASSERT_TRUE(Eventually([&] { return second.election->holder() == "first"; }));
  EXPECT_FALSE(second.election->Leads());
  first.election.reset();  // gives it up
  EXPECT_TRUE(Eventually([&] { return second.election->Leads(); }));
  EXPECT_EQ(server_.holder(), "second");
  EXPECT_EQ(server_.transitions(), 1);
}

TEST_F(ElectionTest, ALeaseThatIsDeletedUnderItsHolderIsMadeAgainByHim) {
  // The holder looks seldom, the other all the time: without patience it would make the Lease while the holder acts.
  Voter holder = Begin("holder", {milliseconds(60'000), milliseconds(40'000), milliseconds(300)});
  ASSERT_TRUE(Eventually([&] { return holder.election->Leads(); }));
  Voter other = Begin("other", {milliseconds(60'000), milliseconds(40'000), milliseconds(5)});
  ASSERT_TRUE(Eventually([&] { return other.election->holder() == "holder"; }));
  server_.Forget();
  ASSERT_TRUE(Eventually([&] { return !server_.holder().empty(); }));
  EXPECT_EQ(server_.holder(), "holder");
  EXPECT_FALSE(other.election->Leads());
}

TEST_F(ElectionTest, WhoCannotRenewLeadsNoMoreAndLeadsAgainLater) {
  Voter only = Begin("only");
  ASSERT_TRUE(Eventually([&] { return only.election->Leads(); }));
  server_.away = true;
  EXPECT_TRUE(Eventually([&] { return !only.election->Leads(); }));
  EXPECT_TRUE(Eventually([&] { return only.election->problem().has_value(); }));
  server_.away = false;
  EXPECT_TRUE(Eventually([&] { return only.election->Leads(); }));
  EXPECT_TRUE(Eventually([&] { return !only.election->problem().has_value(); }));
}

// Many take turns while the server comes and goes: no two ever lead at a moment.
TEST_F(ElectionTest, NoTwoEverLead) {
  std::vector<Voter> voters;
  for (int i = 0; i < 4; ++i) voters.push_back(Begin("v" + std::to_string(i)));
  int led = 0;
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(Eventually([&] {
      const Voter* leader = nullptr;
      for (const Voter& voter : voters) {
        if (!voter.election->Leads()) continue;
        // Asked again after the other, for a lease may pass on between two looks.
        EXPECT_FALSE(leader != nullptr && leader->election->Leads());
        leader = &voter;
      }
      return leader != nullptr;
    }));
    for (Voter& voter : voters) {
      if (!voter.election->Leads()) continue;
      ++led;
      voter.election.reset();
      break;
    }
    std::erase_if(voters, [](const Voter& voter) { return voter.election == nullptr; });
  }
  EXPECT_EQ(led, 3);
}

}  // namespace
}  // namespace keelson::kubernetes
