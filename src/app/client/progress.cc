#include "app/client/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ostream>
#include <set>
#include <thread>

namespace keelson::app {
namespace {

constexpr int kBarWidth = 30;
constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr auto kPeriod = std::chrono::milliseconds(100);
constexpr auto kGiveUpAfter = std::chrono::minutes(3);

std::int64_t NowSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string Bar(const std::string& label, double fraction, const std::string& note) {
  const int filled = static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * kBarWidth));
  return fmt::format("{:<22} [{:█<{}}{:·<{}}] {:3.0f} %  {}", label, "", filled, "", kBarWidth - filled, fraction * 100,
                     note);
}

std::string Line(const std::string& label, double fraction, const std::string& note) {
  return fmt::format("{:<22} {:3.0f} %  {}", label, fraction * 100, note);
}

}  // namespace

ProgressLine::ProgressLine(Terminal& terminal) : ProgressLine(terminal, isatty(STDERR_FILENO) == 1) {}
ProgressLine::ProgressLine(Terminal& terminal, bool is_terminal) : terminal_(terminal), is_terminal_(is_terminal) {}

ProgressLine::~ProgressLine() {
  if (open_) terminal_.err << "\n" << std::flush;
}

void ProgressLine::Say(const std::string& line) {
  if (open_) terminal_.err << kClearLine;
  open_ = false;
  terminal_.err << line << "\n" << std::flush;
}

void ProgressLine::Show(const std::string& label, double fraction, const std::string& note) {
  if (is_terminal_) {
    terminal_.err << kClearLine << Bar(label, fraction, note) << std::flush;
    open_ = true;
    return;
  }
  const std::int64_t second = NowSeconds();
  std::string text = Line(label, fraction, note);
  const auto shown = shown_.find(label);
  if (shown != shown_.end() && (shown->second.second == second || shown->second.text == text)) return;
  terminal_.err << text << "\n" << std::flush;
  shown_.insert_or_assign(label, Shown{second, std::move(text)});
}

void ProgressLine::Done(const std::string& label, const std::string& note) {
  Say(is_terminal_ ? Bar(label, 1, note) : Line(label, 1, note));
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
        const Json& seconds = step.at("seconds");
        progress.Done(name, seconds.is_number() ? fmt::format("{:.1f} s", seconds.get<double>()) : "done");
      }
      if (state == "skipped" && said.insert(name).second) progress.Done(name, "unchanged");
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
