#include "serving/python_worker.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json_depth.h"
#include "io/files.h"

namespace keelson::serving {

extern const char* const kPythonWorkerText;  // python_worker.py

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint32_t kMaxMessage = std::uint32_t{16} << 20;
constexpr std::size_t kMaxDepth = 16;
constexpr milliseconds kLook{100};  // at whether the process lives still
constexpr std::size_t kLastWords = 600;

// Ours, with one thread for numeric libraries where nobody says otherwise: workers are many, and processors few.
std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text = *each;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  variables.emplace("OMP_NUM_THREADS", "1");
  variables.emplace("MLFLOW_DISABLE_TELEMETRY", "true");
  variables["PYTHONDONTWRITEBYTECODE"] = "1";
  return variables;
}

std::unexpected<Error> System(std::string_view what) {
  return Fail(ErrorCode::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno)), "Python worker");
}

// Waits until `fd` can be read; false when the time is up.
bool WaitReadable(int fd, steady_clock::time_point until) {
  const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
  pollfd entry{fd, POLLIN, 0};
  return left.count() > 0 && poll(&entry, 1, static_cast<int>(left.count())) > 0;
}

Result<std::vector<TensorInfo>> ReadInfos(const nlohmann::json& json) {
  std::vector<TensorInfo> infos;
  for (const auto& each : json) {
    const auto datatype = ParseDatatype(each.at("datatype").get<std::string>());
    if (!datatype) return Fail(ErrorCode::kUnsupported, "a datatype that the protocol does not have", each.dump());
    infos.push_back({each.at("name").get<std::string>(), *datatype, each.at("shape").get<std::vector<std::int64_t>>(),
                     each.at("optional").get<bool>()});
  }
  return infos;
}

Result<nlohmann::json> Parse(const std::string& text) {
  if (JsonDepth(text) > kMaxDepth) return Fail(ErrorCode::kInternal, "the Python worker's message is nested too deep");
  auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Fail(ErrorCode::kInternal, "the Python worker's message is no JSON object");
  return json;
}

}  // namespace

Result<std::unique_ptr<PythonWorker>> PythonWorker::Start(const PythonOptions& options, const std::string& folder) {
  std::unique_ptr<PythonWorker> worker(new PythonWorker(options));
  KEELSON_RETURN_IF_ERROR(worker->Connect(folder));
  KEELSON_RETURN_IF_ERROR(worker->SendMemory());
  KEELSON_ASSIGN_OR_RETURN(const auto text, worker->Receive(steady_clock::now() + options.start_timeout));
  KEELSON_ASSIGN_OR_RETURN(const auto ready, Parse(text));
  if (const auto error = ready.find("error"); error != ready.end() && error->is_string()) {
    return Fail(ErrorCode::kDataLoss, "Python cannot load the model: " + error->get<std::string>(), folder);
  }
  try {
    KEELSON_ASSIGN_OR_RETURN(worker->inputs_, ReadInfos(ready.at("inputs")));
    KEELSON_ASSIGN_OR_RETURN(worker->outputs_, ReadInfos(ready.at("outputs")));
    worker->scores_ = ready.value("scores", false);
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kUnsupported, fmt::format("the model's signature: {}", error.what()), folder);
  }
  return worker;
}

PythonWorker::~PythonWorker() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_size_);
  if (memory_ >= 0) close(memory_);
  if (socket_ >= 0) close(socket_);
  if (process_.pid == 0) return;
  (void)io::SignalGroup(process_, SIGKILL);
  while (io::IsAlive(process_)) std::this_thread::sleep_for(milliseconds(1));
  (void)io::TryReap(process_);
}

Status PythonWorker::Connect(const std::string& folder) {
  KEELSON_ASSIGN_OR_RETURN(auto temp, io::TempFolder::Make());
  temp_ = std::make_unique<io::TempFolder>(std::move(temp));
  const std::string path = temp_->File("s");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return Fail(ErrorCode::kUnavailable, "the path is too long", path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listening < 0) return System("socket");
  const auto connect = [&]() -> Status {
    if (bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return System("bind");
    if (listen(listening, 1) != 0) return System("listen");
    io::SpawnOptions spawn;
    spawn.command = {options_.python, "-c", kPythonWorkerText, path, folder};
    spawn.environment = Environment();
    spawn.folder = temp_->path();
    spawn.output = temp_->File("log");
    KEELSON_ASSIGN_OR_RETURN(process_, io::Spawn(spawn));
    for (const auto until = steady_clock::now() + options_.start_timeout; steady_clock::now() < until;) {
      if (WaitReadable(listening, std::min(until, steady_clock::now() + kLook))) {
        socket_ = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket_ < 0) return System("accept");
        return {};
      }
      if (!io::IsAlive(process_)) break;
    }
    return Fail(ErrorCode::kUnavailable, fmt::format("{} did not start the worker: {}", options_.python, LastWords()),
                folder);
  };
  auto connected = connect();
  close(listening);
  return connected;
}

Status PythonWorker::SendMemory() {
  memory_ = memfd_create("keelson-tensors", MFD_CLOEXEC);
  if (memory_ < 0) return System("memfd_create");
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &memory_, sizeof(int));
  if (sendmsg(socket_, &message, MSG_NOSIGNAL) != 1) return System("sendmsg");
  return {};
}

// Maps at least so much, and all that the worker has made of it.
Status PythonWorker::Reserve(std::size_t bytes) {
  struct stat info {};
  if (fstat(memory_, &info) != 0) return System("fstat");
  auto size = static_cast<std::size_t>(info.st_size);
  if (size < bytes) {
    if (ftruncate(memory_, static_cast<off_t>(bytes)) != 0) return System("ftruncate");
    size = bytes;
  }
  if (size <= mapped_size_) return {};
  if (mapped_ != nullptr) munmap(mapped_, mapped_size_);
  mapped_size_ = 0;
  void* const mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_, 0);
  mapped_ = mapped == MAP_FAILED ? nullptr : static_cast<char*>(mapped);
  if (mapped_ == nullptr) return System("mmap");
  mapped_size_ = size;
  return {};
}

Status PythonWorker::Send(const std::string& message) {
  const auto length = static_cast<std::uint32_t>(message.size());
  std::string framed(reinterpret_cast<const char*>(&length), sizeof(length));
  framed += message;
  for (std::size_t sent = 0; sent < framed.size();) {
    const auto count = send(socket_, framed.data() + sent, framed.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return Lost("ended");
    sent += static_cast<std::size_t>(count);
  }
  return {};
}

Result<std::string> PythonWorker::Receive(steady_clock::time_point until) {
  const auto exactly = [&](char* out, std::size_t size) -> Status {
    for (std::size_t got = 0; got < size;) {
      if (!WaitReadable(socket_, until)) return Lost("took too long and was ended");
      const auto count = recv(socket_, out + got, size - got, 0);
      if (count <= 0) return Lost("ended");
      got += static_cast<std::size_t>(count);
    }
    return {};
  };
  std::uint32_t length = 0;
  KEELSON_RETURN_IF_ERROR(exactly(reinterpret_cast<char*>(&length), sizeof(length)));
  if (length > kMaxMessage) return Lost("sent what makes no sense");
  std::string message(length, '\0');
  KEELSON_RETURN_IF_ERROR(exactly(message.data(), message.size()));
  return message;
}

bool PythonWorker::Waits() const {
  pollfd entry{socket_, POLLIN, 0};
  return poll(&entry, 1, 0) == 0;
}

std::unexpected<Error> PythonWorker::Lost(std::string_view how) {
  usable_ = false;
  return Fail(ErrorCode::kAborted, fmt::format("the Python process of the model {}: {}", how, LastWords()));
}

std::string PythonWorker::LastWords() const {
  auto log = io::ReadFile(temp_->File("log"), std::size_t{64} << 20);
  if (!log || log->empty()) return "it wrote nothing";
  return log->size() > kLastWords ? log->substr(log->size() - kLastWords) : *log;
}

Result<nlohmann::json> PythonWorker::Exchange(std::string_view contents, const nlohmann::json& question) {
  KEELSON_RETURN_IF_ERROR(Reserve(std::max<std::size_t>(contents.size(), 1)));
  std::memcpy(mapped_, contents.data(), contents.size());
  KEELSON_RETURN_IF_ERROR(Send(question.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  KEELSON_ASSIGN_OR_RETURN(const auto text,
                           Receive(steady_clock::now() + (answered_ ? options_.call_timeout : options_.start_timeout)));
  answered_ = true;
  KEELSON_ASSIGN_OR_RETURN(auto reply, Parse(text));
  if (const auto error = reply.find("error"); error != reply.end() && error->is_string()) {
    return Fail(reply.value("invalid", false) ? ErrorCode::kInvalidArgument : ErrorCode::kInternal,
                error->get<std::string>());
  }
  KEELSON_RETURN_IF_ERROR(Reserve(1));
  return reply;
}

Result<ScoredText> PythonWorker::Score(std::string_view content_type, std::string_view body) {
  const nlohmann::json question = {{"score", body.size()}, {"content_type", content_type}};
  KEELSON_ASSIGN_OR_RETURN(const auto reply, Exchange(body, question));
  try {
    const auto size = reply.at("size").get<std::size_t>();
    if (size > mapped_size_) return Lost("sent what makes no sense");
    return ScoredText{reply.at("status").get<int>(), reply.at("content_type").get<std::string>(), {mapped_, size}};
  } catch (const std::exception& error) {
    return Lost(fmt::format("sent what makes no sense ({})", error.what()));
  }
}

Result<std::vector<Tensor>> PythonWorker::Ask(std::span<const Tensor* const> inputs) {
  std::string contents;
  nlohmann::json described = nlohmann::json::array();
  for (const Tensor* tensor : inputs) {
    if (tensor == nullptr) continue;
    const std::size_t offset = contents.size();
    WriteBinary(*tensor, &contents);
    described.push_back({{"name", tensor->name},
                         {"datatype", DatatypeName(tensor->datatype)},
                         {"shape", tensor->shape},
                         {"offset", offset},
                         {"size", contents.size() - offset}});
  }
  KEELSON_ASSIGN_OR_RETURN(const auto reply, Exchange(contents, {{"inputs", std::move(described)}}));
  std::vector<Tensor> outputs;
  try {
    for (const auto& each : reply.at("outputs")) {
      Tensor& tensor = outputs.emplace_back();
      tensor.name = each.at("name").get<std::string>();
      tensor.datatype = ParseDatatype(each.at("datatype").get<std::string>()).value();
      tensor.shape = each.at("shape").get<std::vector<std::int64_t>>();
      const auto offset = each.at("offset").get<std::size_t>();
      const auto size = each.at("size").get<std::size_t>();
      if (offset > mapped_size_ || size > mapped_size_ - offset) return Lost("sent what makes no sense");
      KEELSON_RETURN_IF_ERROR(ReadBinary({mapped_ + offset, size}, &tensor));
    }
  } catch (const std::exception& error) {
    return Lost(fmt::format("sent what makes no sense ({})", error.what()));
  }
  return outputs;
}

}  // namespace keelson::serving
