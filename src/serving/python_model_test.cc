#include "serving/python_model.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "io/files.h"

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A worker of the standard library alone, in the place of python_worker.py, whose own work tests/clients shows with the
// real libraries. Doubles its numbers; what the first one is tells what else it does.
constexpr std::string_view kWorker = R"(
import json, mmap, os, socket, struct, sys, time
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
_, fds, _, _ = socket.recv_fds(connection, 1, 1)
def send(message):
    data = json.dumps(message).encode()
    connection.sendall(struct.pack("<I", len(data)) + data)
def exactly(size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data
if os.path.exists(sys.argv[2] + "/broken"):
    send({"error": "ValueError: no such model"})
    sys.exit(0)
send({"inputs": [{"name": "x", "datatype": "FP64", "shape": [-1], "optional": False}],
      "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1], "optional": False}],
      "scores": not os.path.exists(sys.argv[2] + "/no_mlflow")})
while True:
    request = json.loads(exactly(struct.unpack("<I", exactly(4))[0]))
    if "score" in request:
        memory = mmap.mmap(fds[0], os.fstat(fds[0]).st_size)
        said = memory[:request["score"]]
        if said == b"poison":
            os.abort()
        said = (request["content_type"].encode() + b":" + said) * (1000 if said == b"more" else 1)
        os.ftruncate(fds[0], max(len(said), len(memory)))
        mmap.mmap(fds[0], len(said))[:] = said
        send({"status": 418, "content_type": "text/tea", "size": 1 << 40 if said.endswith(b"lie") else len(said)})
        continue
    spec = request["inputs"][0]
    memory = mmap.mmap(fds[0], os.fstat(fds[0]).st_size)
    values = struct.unpack_from(f"<{spec['shape'][0]}d", memory, spec["offset"])
    first = values[0] if values else 0
    if first == -1:
        print("struck by poison", flush=True)
        os.abort()
    if first == -2:
        time.sleep(3600)
    if first == -3:
        send({"error": "ValueError: bad number", "invalid": True})
    elif first == -4:
        send({"error": "ZeroDivisionError", "invalid": False})
    elif first == -5:
        send({"outputs": [{"name": "y", "datatype": "FP64", "shape": [9], "offset": 0, "size": 1 << 40}]})
    elif first == -6:
        connection.sendall(struct.pack("<I", 1 << 30))
    else:
        repeat = int(-first) if first < -100 else 1
        answer = struct.pack(f"<{len(values)}d", *[2 * value for value in values]) * repeat
        if len(answer) > len(memory):
            os.ftruncate(fds[0], len(answer))
            memory = mmap.mmap(fds[0], len(answer))
        memory[:len(answer)] = answer
        send({"outputs": [{"name": "y", "datatype": "FP64", "shape": [len(answer) // 8], "offset": 0, "size": len(answer)}]})
)";

class PythonModelTest : public testing::Test {
 protected:
  PythonModelTest() {
    EXPECT_TRUE(io::WriteFileAtomically(temp_.File("worker.py"), kWorker).has_value());
    options_.python = temp_.File("python");
    EXPECT_TRUE(io::WriteFileAtomically(options_.python,
                                        "#!/bin/sh\nexec python3 " + temp_.File("worker.py") + " \"$3\" \"$4\"\n")
                    .has_value());
    EXPECT_EQ(chmod(options_.python.c_str(), 0700), 0);
  }
  std::unique_ptr<const PythonModel> Start() {
    auto model = PythonModel::Start(options_, temp_.path());
    EXPECT_TRUE(model.has_value()) << model.error().ToString();
    return model ? std::move(*model) : nullptr;
  }
  static Result<std::vector<Tensor>> Ask(const PythonModel& model, std::vector<double> numbers) {
    Tensor tensor;
    tensor.name = "x";
    tensor.datatype = Datatype::kFp64;
    tensor.shape = {static_cast<std::int64_t>(numbers.size())};
    tensor.doubles = std::move(numbers);
    const std::vector<Tensor> inputs = {tensor};
    return model.Infer(inputs, {});
  }
  static void WaitForWorkers(const PythonModel& model, std::size_t restarts) {
    while (model.restarts() < restarts) std::this_thread::yield();
  }

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
  PythonOptions options_;
};

TEST_F(PythonModelTest, AnswersThroughSharedMemory) {
  const auto model = Start();
  EXPECT_TRUE(model->waits());
  EXPECT_EQ(model->inputs()[0].datatype, Datatype::kFp64);
  EXPECT_EQ(model->worker_pids().size(), 2u);
  EXPECT_GT(model->memory_bytes(), 0u);
  EXPECT_THAT(Ask(*model, {1, 2.5})->front().doubles, ElementsAre(2, 5));
  EXPECT_EQ(Ask(*model, std::vector<double>(100'000, 3))->front().doubles[99'999], 6);
  EXPECT_EQ(Ask(*model, {-200'000.0, 1})->front().doubles.size(), 400'000u);  // an answer larger than its question
  EXPECT_THAT(Ask(*model, {4})->front().doubles, ElementsAre(8));
  EXPECT_TRUE(Ask(*model, {})->front().doubles.empty());
}

TEST_F(PythonModelTest, TellsTheModelsOwnErrorsAndLivesOn) {
  const auto model = Start();
  const auto pids = model->worker_pids();
  EXPECT_EQ(Ask(*model, {-3}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Ask(*model, {-4}).error().code, ErrorCode::kInternal);
  EXPECT_EQ(model->worker_pids(), pids);
}

TEST_F(PythonModelTest, ReplacesAWorkerThatEndedAndQuarantinesWhatEndedIt) {
  const auto model = Start();
  const auto first = Ask(*model, {-1});
  EXPECT_EQ(first.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(first.error().message, HasSubstr("struck by poison"));
  EXPECT_THAT(Ask(*model, {1})->front().doubles, ElementsAre(2));  // by the other
  EXPECT_EQ(Ask(*model, {-1}).error().code, ErrorCode::kInternal);
  WaitForWorkers(*model, 2);
  const auto third = Ask(*model, {-1});
  EXPECT_EQ(third.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(third.error().message, HasSubstr("not tried again"));
  EXPECT_EQ(model->restarts(), 2u);
  EXPECT_THAT(Ask(*model, {1})->front().doubles, ElementsAre(2));
}

TEST_F(PythonModelTest, ReplacesAWorkerThatIsKilled) {
  const auto model = Start();
  for (const pid_t pid : model->worker_pids()) kill(pid, SIGKILL);
  int failed = 0;
  for (double number = 1; model->restarts() < 2; ++number) {
    if (!Ask(*model, {number})) ++failed;
  }
  EXPECT_LE(failed, 2);  // what they had in hand
  const auto answer = Ask(*model, {1});
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_THAT(answer->front().doubles, ElementsAre(2));
}

TEST_F(PythonModelTest, EndsAWorkerThatTakesTooLong) {
  options_.call_timeout = std::chrono::milliseconds(300);
  options_.workers = 1;
  const auto model = Start();
  ASSERT_TRUE(Ask(*model, {1}).has_value());  // the first answer has the time of a start
  const auto slow = Ask(*model, {-2});
  EXPECT_EQ(slow.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(slow.error().message, HasSubstr("took too long"));
  WaitForWorkers(*model, 1);
  EXPECT_TRUE(Ask(*model, {1}).has_value());
}

TEST_F(PythonModelTest, TrustsNoAnswer) {
  options_.workers = 1;
  const auto model = Start();
  EXPECT_THAT(Ask(*model, {-5}).error().message, HasSubstr("makes no sense"));
  WaitForWorkers(*model, 1);
  EXPECT_THAT(Ask(*model, {-6}).error().message, HasSubstr("makes no sense"));
  WaitForWorkers(*model, 2);
  EXPECT_TRUE(Ask(*model, {1}).has_value());
}

TEST_F(PythonModelTest, RefusesAModelThatPythonCannotLoad) {
  ASSERT_TRUE(io::WriteFileAtomically(temp_.File("broken"), "").has_value());
  EXPECT_THAT(PythonModel::Start(options_, temp_.path()).error().message, HasSubstr("no such model"));
  options_.python = temp_.File("none");
  EXPECT_FALSE(PythonModel::Start(options_, temp_.path()).has_value());
  options_.python = "/bin/false";
  EXPECT_THAT(PythonModel::Start(options_, temp_.path()).error().message, HasSubstr("did not start"));
}

TEST_F(PythonModelTest, ManyThreadsShareTheWorkersAndTheQueueIsBounded) {
  options_.queue = 1;
  options_.workers = 1;
  const auto model = Start();
  std::atomic<int> answered{0}, refused{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        const auto answer = Ask(*model, std::vector<double>(1'000, t));
        if (!answer && answer.error().code == ErrorCode::kResourceExhausted)
          ++refused;
        else if (!answer || answer->front().doubles[999] != 2 * t)
          ++wrong;
        else
          ++answered;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(answered, 0);
  EXPECT_EQ(answered + refused, 400);
}

TEST_F(PythonModelTest, HandsScoringRequestsToTheModelsOwnMlflow) {
  const auto model = Start();
  ASSERT_TRUE(model->scores());
  const auto answer = model->Score("text/csv", "a\n1\n");
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ(answer->status, 418);
  EXPECT_EQ(answer->content_type, "text/tea");
  EXPECT_EQ(answer->body, "text/csv:a\n1\n");
  EXPECT_EQ(model->Score("x", "")->body, "x:");
  EXPECT_EQ(model->Score("x", "more")->body.size(), 6'000u);  // more than was asked with
  EXPECT_EQ(model->Score("x", "lie").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(model->Score("x", "poison").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(model->Score("x", "poison").error().code, ErrorCode::kInternal);
  EXPECT_THAT(model->Score("x", "poison").error().message, HasSubstr("is not tried again"));
  EXPECT_EQ(model->Score("x", "good")->body, "x:good");
}

TEST_F(PythonModelTest, DoesNotScoreWithoutMlflow) {
  ASSERT_TRUE(io::WriteFileAtomically(temp_.File("no_mlflow"), "").has_value());
  const auto model = Start();
  EXPECT_FALSE(model->scores());
  EXPECT_EQ(model->Score("x", "y").error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace keelson::serving
