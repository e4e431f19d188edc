#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "kubernetes/client/api_client.h"
#include "kubernetes/client/watch_reader.h"

namespace keelson::kubernetes {

struct MirrorOptions {
  std::string in_namespace = {};  // "": all
  std::string label_selector = {};
  std::chrono::seconds watch_for{300};  // after which the server ends a watch, and we go on with another
  // A server says something every minute (bookmarks): a watch that has said nothing for so long has stopped.
  std::chrono::milliseconds silence{90'000};
  // After so long the next watch begins with a list: what a lost event, or an etcd that was restored and has grown past
  // where the watch stood, has left behind goes then at the latest.
  std::chrono::milliseconds relist{std::chrono::minutes(30)};
  std::string keep_fields_of = {};       // of metadata.managedFields, only those of this manager; "": none
  std::function<void()> on_change = {};  // from the mirror's thread, after objects have changed; may not wait long
};

// All objects of one kind as the API server has them, kept up to date by one thread of our own that lists once and then
// watches: the snapshot that a decision is made from. A watch that ends, breaks or goes silent goes on where it was; a
// resource version that is known no more (410, or an etcd that was restored to an older state) means listing again,
// whereupon what went in between is gone here too. While the server is away the last state stands; `problem` tells.
class Mirror {
 public:
  // Objects by (namespace, name). They are shared: a snapshot costs a copy of pointers, and nobody changes one.
  using Objects = std::map<std::pair<std::string, std::string>, std::shared_ptr<const nlohmann::json>>;

  // `client` outlives it.
  Mirror(ApiClient& client, Kind kind, MirrorOptions options);
  ~Mirror();  // ends the watch; waits for an on_change under way, and for the answer to a list that was asked for
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  std::optional<Objects> Snapshot() const;  // nothing before the first list
  std::optional<Error> problem() const;     // why it is not up to date; nothing when it is
  // Waits until `holds` says so of a snapshot, and gives it; nothing when the time is over.
  std::optional<Objects> Await(const std::function<bool(const Objects&)>& holds,
                               std::chrono::milliseconds at_most) const;

  struct Counts {
    int lists = 0;
    int watches = 0;
    int events = 0;
  };
  Counts counts() const;

 private:
  enum class Next { kWatch, kList };
  void Run();
  Status ListAll();
  Result<Next> Watch();
  bool Store(WatchEvent event);
  void Changed();
  bool Rest(int times, Error why);  // Pause after something went wrong so often in a row, which `problem` tells
  bool Pause(std::chrono::milliseconds time);  // false: it is to end
  bool stopping() const;

  ApiClient& client_;
  const Kind kind_;
  const MirrorOptions options_;
  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  bool stopping_ = false;  // guarded by mutex_, as is all below but the thread
  std::optional<Objects> objects_;
  std::optional<Error> problem_;
  Counts counts_;
  std::shared_ptr<io::InterruptibleConnection> connection_;
  std::string version_;                              // where the next watch begins; the thread's own, as is the next
  std::optional<std::chrono::seconds> retry_after_;  // that the server has asked for
  std::chrono::steady_clock::time_point listed_{};   // begun
  std::thread thread_;
};

}  // namespace keelson::kubernetes
