#include "app/client/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <ostream>
#include <set>
#include <thread>

namespace keelson::app {
namespace {

constexpr int kBarWidth = 30;
constexpr auto kPeriod = std::chrono::milliseconds(100);
constexpr auto kGiveUpAfter = std::chrono::minutes(3);

std::int64_t NowSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

ProgressLine::ProgressLine(Terminal& terminal) : terminal_(terminal), is_terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (open_) terminal_.err << "\n" << std::flush;
}

void ProgressLine::Say(const std::string& line) {
  if (open_) terminal_.err << "\n";
  open_ = false;
  terminal_.err << line << "\n" << std::flush;
}

void ProgressLine::Show(const std::string& label, double fraction, const std::string& note) {
  if (is_terminal_) {
    if (open_ && label != label_) terminal_.err << "\n";
    label_ = label;
    const int filled = static_cast<int>(fraction * kBarWidth + 0.5);
    terminal_.err << fmt::format("\r\x1b[K{:<22} [{:█<{}}{:·<{}}] {:3.0f} %  {}", label, "", filled, "",
                                 kBarWidth - filled, fraction * 100, note)
                  << std::flush;
    open_ = true;
    return;
  }
  const std::int64_t second = NowSeconds();
  const std::string text = fmt::format("{:<22} {:3.0f} %  {}", label, fraction * 100, note);
  if (text == shown_ || (second == last_second_ && label == label_ && fraction < 1)) return;
  last_second_ = second;
  label_ = label;
  shown_ = text;
  terminal_.err << text << "\n" << std::flush;
}

Result<int> FollowPipeline(Client& client, const std::string& pipeline, Terminal& terminal) {
  ProgressLine progress(terminal);
  std::set<std::string> said;
  auto last_answer = std::chrono::steady_clock::now();
  for (;;) {
    const auto answer = client.Get(kApi + "/pipelines/" + io::PercentEncode(pipeline));
    if (!answer) {
      const bool away = answer.error().code == ErrorCode::kUnavailable;
      if (!away || std::chrono::steady_clock::now() - last_answer > kGiveUpAfter)
        return std::unexpected(answer.error());
      std::this_thread::sleep_for(kPeriod);
      continue;
    }
    last_answer = std::chrono::steady_clock::now();
    for (const Json& step : answer->at("steps")) {
      const std::string name = step.at("name");
      const std::string state = step.at("state");
      if (state == "running") progress.Show(name, step.at("fraction"), step.at("progress"));
      if (state == "succeeded" && said.insert(name).second) {
        progress.Show(
            name, 1,
            step.at("seconds").is_number() ? fmt::format("{:.1f} s", step.at("seconds").get<double>()) : "done");
      }
      if (state == "skipped" && said.insert(name).second) progress.Show(name, 1, "unchanged");
      if (state == "failed" && !step.at("error").get<std::string>().empty() && said.insert(name).second) {
        progress.Say(fmt::format("{}: {}", name, step.at("error").get<std::string>()));
      }
    }
    const std::string state = answer->at("state");
    if (state == "succeeded") {
      progress.Say(answer->at("version").is_number()
                       ? fmt::format("{} made version {}", pipeline, answer->at("version").get<int>())
                       : pipeline + " succeeded");
      return kExitOk;
    }
    if (state == "refused" || state == "failed") {
      progress.Say(fmt::format("{} {}: {}", pipeline, state == "refused" ? "was stopped by a check" : "failed",
                               answer->at("error").get<std::string>()));
      return state == "refused" ? kExitRefused : kExitFailed;
    }
    std::this_thread::sleep_for(kPeriod);
  }
}

}  // namespace keelson::app
