#pragma once

#include <string>

#include "app/client/client.h"
#include "app/command.h"

namespace keelson::app {

// Progress on standard error: a bar that is drawn anew on a terminal, plain lines (no more than one a second, and at
// the end of each thing) in a pipe.
class ProgressLine {
 public:
  explicit ProgressLine(Terminal& terminal);
  ~ProgressLine();  // ends the line

  // `label` names what goes on; when it changes, the line before stays.
  void Show(const std::string& label, double fraction, const std::string& note);
  void Say(const std::string& line);  // a line that stays

 private:
  Terminal& terminal_;
  bool is_terminal_;
  std::string label_;
  std::string shown_;
  std::int64_t last_second_ = 0;
  bool open_ = false;
};

// Shows a pipeline until it ends: 0, or 4 when a check said no, or 1 when it failed. Goes on through restarts of the
// server.
Result<int> FollowPipeline(Client& client, const std::string& pipeline, Terminal& terminal);

}  // namespace keelson::app
