#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "app/client/client.h"
#include "app/command.h"

namespace keelson::app {

// Progress on standard error: one bar that is drawn anew on a terminal; in a pipe plain lines, of each thing no more
// than one a second and only when it says something new.
class ProgressLine {
 public:
  explicit ProgressLine(Terminal& terminal);
  ProgressLine(Terminal& terminal, bool is_terminal);
  ~ProgressLine();  // ends the line

  void Show(const std::string& label, double fraction, const std::string& note);  // `label` names what goes on
  void Done(const std::string& label, const std::string& note);                   // it has ended; its line stays
  void Say(const std::string& line);                                              // a line that stays

 private:
  struct Shown {
    std::int64_t second;
    std::string text;
  };

  Terminal& terminal_;
  bool is_terminal_;
  std::map<std::string, Shown> shown_;  // by label, in a pipe
  bool open_ = false;                   // a bar stands in the terminal's last line
};

// Shows a pipeline until it ends: 0, or 4 when a check said no, or 1 when it failed. Goes on through restarts of the
// server.
Result<int> FollowPipeline(Client& client, const std::string& pipeline, Terminal& terminal);

}  // namespace keelson::app
