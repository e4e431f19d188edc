#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "control/types.h"
#include "io/http.h"
#include "tracking/garbage.h"
#include "wire/api/routes.h"

namespace keelson::control {
class Controller;
}
namespace keelson::tracking {
class Promotions;
}

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
    tracking::Promotions* promotions = nullptr;
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

  // Off the control thread, which it would block.
  static bool IsBeside(RouteId id);
  Answer RunBeside(RouteId id, const std::vector<std::string>& parts, const std::string& body);
  Answer BackUp(const std::string& body) const;
  Answer CollectGarbage(const std::string& body) const;
  Answer Promotion(RouteId id, const std::vector<std::string>& parts, const std::string& body) const;

  control::Controller& controller_;
  Options options_;
  ThreadPool pool_;  // for what runs off the control thread
};

io::HttpResponse ErrorResponse(const Error& error);
io::HttpResponse JsonResponse(const control::Json& json, int status = 200);

}  // namespace keelson::wire::api
