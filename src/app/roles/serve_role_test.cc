#include "app/roles/serve_role.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <sstream>
#include <thread>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::app {
namespace {

const std::string kModels = KEELSON_SOURCE_DIR "/src/serving/testdata/";
const char* const kBody = R"({"inputs":[{"name":"x","shape":[1,5],"datatype":"FP32","data":[1,2,3,4,5]}]})";

serving::ModelSource Source(const std::string& name, const std::string& file) {
  serving::ModelSource source;
  source.name = name;
  source.path = kModels + file;
  return source;
}

class ServeRole : public testing::Test {
 protected:
  Result<io::HttpResponse> Ask(const std::string& address, const std::string& model) {
    auto connection = io::HttpConnection::Create(*io::ParseHttpTarget(address));
    io::HttpCall call;
    call.method = "POST";
    call.target = "/v2/models/" + model + "/infer";
    call.body = kBody;
    return connection->Call(call);
  }

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
};

TEST_F(ServeRole, ServesSeveralModelsAndLogsEach) {
  serving::ReplicaOptions options;
  options.models = {Source("a", "logistic.json"), Source("b", "softprob.ubj")};
  options.payload_folder = temp_.File("payload");
  auto replica = ReplicaServer::Start(options);
  ASSERT_TRUE(replica.has_value()) << replica.error().ToString();
  for (const std::string name : {"a", "b"}) {
    const auto answer = Ask((*replica)->address(), name);
    ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
    EXPECT_EQ(answer->status, 200) << answer->body;
    serving::PayloadReader reader(temp_.File("payload/" + name));
    EXPECT_EQ(reader.Next()->size(), 1u);
  }
  (*replica)->Drain(std::chrono::milliseconds(1'000));
  EXPECT_FALSE(Ask((*replica)->address(), "a").has_value());
}

TEST_F(ServeRole, HoldsToTheLimitsThatItIsGiven) {
  serving::ReplicaOptions options;
  options.models = {Source("a", "logistic.json")};
  const auto status = [&](const ServeListenOptions& listen) {
    const auto replica = ReplicaServer::Start(options, listen);
    EXPECT_TRUE(replica.has_value());
    const auto answer = Ask((*replica)->address(), "a");
    EXPECT_TRUE(answer.has_value());
    return answer->status;
  };
  EXPECT_EQ(status({}), 200);
  ServeListenOptions listen;
  listen.limits.body_bytes = 50;
  EXPECT_EQ(status(listen), 413);
  listen = {};
  listen.limits.header_bytes = 20;
  EXPECT_EQ(status(listen), 431);
  listen = {};
  listen.tensors.rank = 1;
  EXPECT_EQ(status(listen), 400);
  listen = {};
  listen.tensors.elements = 4;
  EXPECT_EQ(status(listen), 400);
}

TEST_F(ServeRole, RefusesWhatItCannotServe) {
  serving::ReplicaOptions options;
  EXPECT_FALSE(ReplicaServer::Start(options).has_value());
  options.models = {Source("a", "logistic.json"), Source("a", "softprob.ubj")};
  EXPECT_FALSE(ReplicaServer::Start(options).has_value());
  options.models = {Source("a", "none.json")};
  EXPECT_EQ(ReplicaServer::Start(options).error().code, ErrorCode::kNotFound);
  options.models = {Source("../a", "logistic.json"), Source("b", "logistic.json")};
  options.payload_folder = temp_.File("payload");
  EXPECT_FALSE(ReplicaServer::Start(options).has_value());
}

TEST_F(ServeRole, ServesAFolderOfModelsAndSwapsTheirVersionsWhileTheyAreAsked) {
  const std::string folder = temp_.File("models");
  const auto put = [&](const std::string& path, const std::string& content) {
    ASSERT_TRUE(io::MakeFolders(folder + "/" + path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(io::WriteFileAtomically(folder + "/" + path, content));
  };
  const std::string model = *io::ReadFile(kModels + "logistic.json");
  put("m/1/model.json", model);
  put("bad/1/model.json", "{");
  put("other/model.ubj", *io::ReadFile(kModels + "softprob.ubj"));
  serving::ReplicaOptions options;
  options.models_folder = folder;
  options.memory_budget_bytes = 1;  // each one that is asked takes the place of the other
  auto replica = ReplicaServer::Start(options);
  ASSERT_TRUE(replica.has_value()) << replica.error().ToString();
  const std::string address = (*replica)->address();
  const auto post = [&](const std::string& target, const std::string& body) {
    io::HttpCall call;
    call.method = "POST";
    call.target = target;
    call.body = body;
    return *io::HttpConnection::Create(*io::ParseHttpTarget(address))->Call(call);
  };
  EXPECT_EQ(post("/v2/models/bad/infer", kBody).status, 404);
  std::atomic<bool> stop{false};
  std::atomic<int> asked{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> clients;
  for (const std::string name : {"m", "other"}) {
    clients.emplace_back([&, name] {
      auto connection = io::HttpConnection::Create(*io::ParseHttpTarget(address));
      io::HttpCall call;
      call.method = "POST";
      call.target = "/v2/models/" + name + "/infer";
      call.body = kBody;
      while (!stop) {
        const auto answer = connection->Call(call);
        if (!answer || answer->status != 200) ++failed;
        ++asked;
      }
    });
  }
  const auto wait = [&](int more) {
    for (const int until = asked + more; asked < until;) std::this_thread::yield();
  };
  wait(50);
  put("m/2/model.json", *io::ReadFile(kModels + "old_logistic.json"));
  EXPECT_EQ(post("/v2/repository/models/m/load", "").status, 200);
  wait(50);
  EXPECT_EQ(post("/v2/models/m/versions/2/infer", kBody).status, 200);
  EXPECT_EQ(post("/v2/models/m/versions/1/infer", kBody).status, 200);
  put("m/3/model.json", model.substr(0, model.size() / 2));
  const auto refused = post("/v2/repository/models/m/load", "");
  EXPECT_EQ(refused.status / 100, 5) << refused.body;
  EXPECT_THAT(refused.body, testing::HasSubstr("version 3"));
  wait(50);
  EXPECT_EQ(post("/v2/models/m/versions/2/infer", kBody).status, 200);
  io::RemoveTree(folder + "/m/1").value();
  put("m/3/model.json", model);
  EXPECT_EQ(post("/v2/repository/models/m/load", "").status, 200);
  EXPECT_EQ(post("/v2/models/m/versions/1/infer", kBody).status, 404);
  wait(50);
  stop = true;
  for (auto& client : clients) client.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(post("/v2/repository/models/m/unload", "").status, 200);
  EXPECT_EQ(post("/v2/models/m/infer", kBody).status, 404);
}

// The whole role in a child process, as the server starts it.
class Child {
 public:
  explicit Child(const serving::ReplicaOptions& options) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid_ = fork();
    if (pid_ == 0) {
      // As when the server starts it: nothing inherited (the server's lock above all), and an end in any case.
      for (int fd = 3; fd < 1'024; ++fd) {
        if (fd != ends[1]) close(fd);
      }
      alarm(60);
      // The ready line goes to a pipe: written when RunReplica flushes it.
      class PipeBuffer : public std::stringbuf {
       public:
        explicit PipeBuffer(int fd) : fd_(fd) {}
        int sync() override {
          const std::string text = str();
          const bool whole = write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
          str("");
          return whole ? 0 : -1;
        }

       private:
        int fd_;
      } buffer(ends[1]);
      std::ostream out(&buffer);
      const auto code = RunReplica(options, {}, out);
      _exit(code.value_or(99));
    }
    close(ends[1]);
    char c = 0;
    while (read(ends[0], &c, 1) == 1 && c != '\n') ready_ += c;
    close(ends[0]);
  }
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  const std::string& ready() const { return ready_; }
  void Terminate() const { kill(pid_, SIGTERM); }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  std::string ready_;
};

TEST_F(ServeRole, SaysThatItIsReadyAndDrainsOnSigterm) {
  serving::ReplicaOptions options;
  options.models = {Source("m", "logistic.ubj")};
  options.unix_socket = temp_.File("s.sock");
  Child child(options);
  EXPECT_EQ(child.ready(), "keelson serve: ready at unix:" + options.unix_socket + " (m version 1)");
  EXPECT_EQ(Ask("unix:" + options.unix_socket, "m")->status, 200);
  child.Terminate();
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(ServeRole, EndsWhenTheServerIsGone) {
  auto lock = io::FileLock::Acquire(temp_.File("lock"));
  ASSERT_TRUE(lock.has_value());
  serving::ReplicaOptions options;
  options.models = {Source("m", "logistic.ubj")};
  options.unix_socket = temp_.File("s.sock");
  options.lock_file = temp_.File("lock");
  options.orphan_grace = std::chrono::milliseconds(200);
  Child child(options);
  EXPECT_EQ(Ask("unix:" + options.unix_socket, "m")->status, 200);  // held: it stays
  { const auto gone = std::move(*lock); }
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace keelson::app
