#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "control/controller.h"
#include "io/http.h"
#include "tracking/garbage.h"
#include "wire/api/routes.h"

namespace keelson::wire::api {

// Our own REST interface, /api/keelson/v1, and what workers call. Bodies are JSON; an unknown field is an error that
// names its path. Errors are {"error": {"code", "message", "where"}} with the HTTP status of their kind.
//
// Thread-safe: requests come on I/O threads, are parsed there, and run on the control thread.
class Api {
 public:
  struct Options {
    std::string version;                                      // of the program
    std::function<Status(const std::string& folder)> backup;  // into a folder that does not exist yet
    std::function<Result<std::vector<tracking::GarbageItem>>(const tracking::GarbagePolicy&, bool dry_run)>
        collect_garbage = {};
  };
  Api(control::Controller& controller, Options options);

  void Handle(const Match& match, io::HttpRequest request, io::HttpRespond respond);

 private:
  using Answer = Result<io::HttpResponse>;
  // Runs on the control thread.
  Answer Run(RouteId id, const std::vector<std::string>& parts, const io::HttpRequest& request);
  Answer RunProject(const std::string& project, const control::Json& body, const std::string& request_id);
  Answer MoveClock(const std::string& project, const std::string& body);
  Answer PushRows(const std::string& project, const std::string& source, const std::string& body);
  Answer Attempt(RouteId id, const std::string& job, const io::HttpRequest& request);
  Answer JobLog(const std::string& job, const io::HttpRequest& request);

  control::Controller& controller_;
  Options options_;
  // Off the control thread, which it would block.
  Answer BackUp(const std::string& body);
  Answer CollectGarbage(const std::string& body);
  ThreadPool pool_;  // for those two
};

// The JSON object of a request's body. kInvalidArgument for what is something else, or nests deeper than anything of
// ours.
Result<control::Json> ObjectOfBody(const std::string& body);

io::HttpResponse ErrorResponse(const Error& error);
io::HttpResponse JsonResponse(const control::Json& json, int status = 200);

// Fields of a request body: reads each once, then refuses what is left.
class BodyReader {
 public:
  static Result<BodyReader> Parse(const std::string& body);
  Result<std::string> Text(const std::string& name);
  std::optional<std::string> OptionalText(const std::string& name);
  Result<std::int64_t> Integer(const std::string& name);
  std::optional<control::Json> Any(const std::string& name);
  Status Done() const;  // kInvalidArgument names what was not read, or an optional text that was something else

 private:
  control::Json json_ = control::Json::object();
  std::string not_text_;
};

}  // namespace keelson::wire::api
