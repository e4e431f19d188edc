#include "app/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/replay/row_text.h"
#include "io/files.h"

namespace keelson::app {
namespace {

using std::chrono::steady_clock;

constexpr auto kRetryPeriod = std::chrono::milliseconds(50);
constexpr auto kWaitPeriod = std::chrono::milliseconds(10);
constexpr auto kGiveUpAfter = std::chrono::minutes(3);  // of no answer at all
constexpr std::size_t kPushesAtOnce = 32;
constexpr auto kJournalPatience = std::chrono::seconds(30);
constexpr auto kJournalPeriod = std::chrono::seconds(1);

double SecondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

class Replayer {
 public:
  Replayer(const project::Project& project, const Past& past, const ReplayOptions& options, Client client,
           const std::function<void(const ReplayProgress&)>& progress)
      : project_(project),
        past_(past),
        options_(options),
        client_(std::move(client)),
        progress_(progress),
        requests_(past.sources[past.asked], past.request_columns) {}

  Result<ReplayResult> Run() {
    KEELSON_ASSIGN_OR_RETURN(const auto calendar, Calendar::Open(project_.time_zone));
    KEELSON_ASSIGN_OR_RETURN(const auto target, options_.server.Target());
    asking_ = io::HttpConnection::Create(target);
    pushing_ = io::HttpConnection::Create(target);
    KEELSON_ASSIGN_OR_RETURN(corruptions_, BindCorruptions(options_.corruptions, past_));
    for (const auto& source : past_.sources) {
      std::vector<const BoundCorruption*> here;
      for (const auto& corruption : corruptions_) {
        if (corruption.what.source == source.name) here.push_back(&corruption);
      }
      rows_.emplace_back(source, std::move(here));
    }
    KEELSON_RETURN_IF_ERROR(ReadJournal());
    while (position_ < past_.events.size()) {
      KEELSON_RETURN_IF_ERROR(NextStretch(calendar));
      KEELSON_RETURN_IF_ERROR(MaybeWriteJournal(past_.events[position_ - 1].at, false));
    }
    KEELSON_RETURN_IF_ERROR(Deliver(PushesOf(options_.to, {}, position_, position_)));
    KEELSON_RETURN_IF_ERROR(MaybeWriteJournal(options_.to, true));
    return result_;
  }

 private:
  // One request that moves the clock to `at` and, with rows, brings them.
  struct PushCall {
    Instant at;
    std::optional<Instant> after;  // the clock must have come this far, or the call waits for the one before it
    std::string path;
    std::string rows;
    std::size_t count = 0;

    std::string Body(bool ordered) const {
      std::string body = fmt::format(R"({{"{}":"{}")", count == 0 ? "to" : "clock", FormatInstant(at));
      if (ordered && after) body += fmt::format(R"(,"after":"{}")", FormatInstant(*after));
      if (count > 0) body += ",\"rows\":[" + rows + "]";
      return body + "}";
    }
  };

  // Up to and with the next instant at which something is asked: what became known on the way, instant by instant; then
  // the questions.
  Status NextStretch(const Calendar& calendar) {
    const auto started = steady_clock::now();
    const double waited = result_.waiting_seconds;
    std::vector<PushCall> pushes;
    std::optional<Instant> before;
    std::size_t begin = position_;
    std::size_t end = begin;
    bool asks = false;
    while (end < past_.events.size() && !asks && pushes.size() < kPushesAtOnce) {
      begin = end;
      const Instant at = past_.events[begin].at;
      while (end < past_.events.size() && past_.events[end].at == at) {
        asks = asks || past_.events[end].kind == ReplayEvent::Kind::kAsk;
        ++end;
      }
      for (auto& push : PushesOf(at, before, begin, end)) pushes.push_back(std::move(push));
      before = at;
    }
    KEELSON_RETURN_IF_ERROR(DeliverTogether(pushes));
    if (asks) KEELSON_RETURN_IF_ERROR(AskTogether(begin, end, result_.months[calendar.Month(past_.events[begin].at)]));
    position_ = end;
    result_.asking_seconds += SecondsSince(started) - (result_.waiting_seconds - waited);
    return {};
  }

  // What moves the clock to `at` and brings the rows of events [begin, end), source by source.
  std::vector<PushCall> PushesOf(Instant at, std::optional<Instant> after, std::size_t begin, std::size_t end) const {
    std::vector<PushCall> pushes;
    for (std::size_t s = 0; s < past_.sources.size(); ++s) {
      PushCall push{.at = at,
                    .after = after,
                    .path = fmt::format("{}/projects/{}/sources/{}/rows", kApi, project_.name, past_.sources[s].name),
                    .rows = {}};
      for (std::size_t i = begin; i < end; ++i) {
        const ReplayEvent& event = past_.events[i];
        if (event.kind == ReplayEvent::Kind::kAsk || event.source != s) continue;
        push.rows += push.rows.empty() ? "" : ",";
        rows_[s].Append(event.row, event.kind == ReplayEvent::Kind::kPartialRow, push.rows);
        ++push.count;
      }
      if (push.count == 0) continue;
      pushes.push_back(std::move(push));
      after = at;
    }
    if (pushes.empty()) {
      pushes.push_back(
          {.at = at, .after = after, .path = fmt::format("{}/projects/{}/clock", kApi, project_.name), .rows = {}});
    }
    return pushes;
  }

  // All at once; from the first that was not taken on, one by one.
  Status DeliverTogether(const std::vector<PushCall>& pushes) {
    std::vector<io::HttpCall> calls;
    for (const PushCall& push : pushes) {
      calls.push_back({.method = "POST",
                       .target = push.path,
                       .headers = {{"content-type", "application/json"}},
                       .body = push.Body(/*ordered=*/true)});
    }
    std::size_t taken = 0;
    if (const auto answers = pushing_->Pipeline(calls)) {
      for (; taken < answers->size(); ++taken) {
        const io::HttpResponse& answer = (*answers)[taken];
        if (answer.status == 422) {
          Refused(Json::parse(answer.body, nullptr, false), pushes[taken].count);
        } else if (answer.status != 200 || answer.body.find("\"reached\":true") == std::string::npos) {
          break;
        }
      }
    }
    return Deliver({pushes.begin() + static_cast<std::ptrdiff_t>(taken), pushes.end()});
  }

  Status Deliver(const std::vector<PushCall>& pushes) {
    for (const PushCall& push : pushes)
      KEELSON_RETURN_IF_ERROR(Deliver(push.path, push.Body(/*ordered=*/false), push.count));
    return {};
  }

  // Until the server has taken it: through its restarts, and through what its clock waits for.
  Status Deliver(const std::string& path, const std::string& body, std::size_t rows) {
    auto last_answer = steady_clock::now();
    for (;;) {
      const auto started = steady_clock::now();
      const auto answer = client_.Send("POST", path, body);
      if (!answer || answer->status >= 500) {
        if (steady_clock::now() - last_answer > kGiveUpAfter) {
          return answer ? Fail(ErrorCode::kUnavailable, answer->body.dump(), path)
                        : Status(std::unexpected(answer.error()));
        }
        std::this_thread::sleep_for(kRetryPeriod);
        continue;
      }
      last_answer = steady_clock::now();
      if (answer->status == 422) {
        Refused(answer->body, rows);
        return {};
      }
      if (answer->status >= 300) {
        return Fail(ErrorCode::kFailedPrecondition, "the server refused: " + answer->body.dump(), path);
      }
      if (answer->body.value("reached", true)) return {};
      if (answer->body.contains("waiting_for"))
        note_ = "waiting for " + answer->body.at("waiting_for").get<std::string>();
      Show(ParseInstant(answer->body.at("now").get<std::string>()).value_or(Instant{}));
      std::this_thread::sleep_for(kWaitPeriod);
      result_.waiting_seconds += SecondsSince(started);
    }
  }

  void Refused(const Json& answer, std::size_t rows) {
    ++result_.refused_batches;
    result_.refused_rows += rows;
    if (result_.first_refusals.size() < 5)
      result_.first_refusals.push_back(answer.value("report", Json::object()).dump());
  }

  // A question says its own instant: a server that was restarted in between may not have been told it again yet.
  io::HttpCall AskCall(std::size_t row) const {
    return {.method = "POST",
            .target = "/v2/models/" + project_.name + "/infer",
            .headers = {{"content-type", "application/json"},
                        {"x-keelson-time", fmt::to_string(ToMicros(requests_.At(row)))}},
            .body = requests_.Of(row),
            .retry_safe = true};
  }

  // The questions of one instant, several at once; those that got no answer again, one by one.
  Status AskTogether(std::size_t begin, std::size_t end, MonthOfAsking& month) {
    std::vector<std::size_t> rows;
    for (std::size_t i = begin; i < end; ++i) {
      if (past_.events[i].kind == ReplayEvent::Kind::kAsk) rows.push_back(past_.events[i].row);
    }
    const std::size_t at_once =
        std::min(static_cast<std::size_t>(options_.connections), io::HttpConnection::kPipelineAtMost);
    for (std::size_t first = 0; first < rows.size(); first += at_once) {
      const std::size_t last = std::min(rows.size(), first + at_once);
      std::vector<io::HttpCall> calls;
      for (std::size_t i = first; i < last; ++i) calls.push_back(AskCall(rows[i]));
      std::vector<std::chrono::microseconds> latencies;
      const auto answers = asking_->Pipeline(calls, &latencies);
      for (std::size_t i = first; i < last; ++i) {
        ++month.asked;
        ++asked_;
        if (answers && (*answers)[i - first].status == 200) {
          month.latencies_us.push_back(static_cast<std::uint32_t>(latencies[i - first].count()));
        } else {
          KEELSON_RETURN_IF_ERROR(AskAgain(rows[i], begin, end, month));
        }
      }
    }
    return {};
  }

  Status AskAgain(std::size_t row, std::size_t begin, std::size_t end, MonthOfAsking& month) {
    const io::HttpCall call = AskCall(row);
    const auto first = steady_clock::now();
    for (;;) {
      const auto started = steady_clock::now();
      const auto answer = asking_->Call(call);
      if (answer && answer->status == 200) {
        month.latencies_us.push_back(static_cast<std::uint32_t>(SecondsSince(started) * 1e6));
        return {};
      }
      if (answer && answer->status >= 400 && answer->status < 500 && answer->status != 429) {
        return Fail(ErrorCode::kFailedPrecondition, "the endpoint refused a request: " + answer->body, project_.name);
      }
      if (steady_clock::now() - first > kGiveUpAfter) {
        ++month.failed;
        return {};
      }
      std::this_thread::sleep_for(kRetryPeriod);
      // The server may have been restarted meanwhile: tell it again what time it is.
      KEELSON_RETURN_IF_ERROR(Deliver(PushesOf(past_.events[begin].at, {}, begin, end)));
    }
  }

  void Show(Instant clock) {
    const double fraction =
        past_.events.empty() ? 1 : static_cast<double>(position_) / static_cast<double>(past_.events.size());
    progress_({.clock = clock, .fraction = fraction, .asked = asked_, .note = note_});
  }

  Status MaybeWriteJournal(Instant clock, bool now) {
    if (!now && steady_clock::now() - last_journal_ < kJournalPeriod) return {};
    last_journal_ = steady_clock::now();
    note_.clear();
    Show(clock);
    if (options_.journal.empty()) return {};
    Json months = Json::object();
    for (const auto& [name, month] : result_.months) {
      months[name] = {{"asked", month.asked}, {"failed", month.failed}, {"latencies_us", month.latencies_us}};
    }
    const Json journal = {{"project", project_.name},
                          {"from", ToMicros(options_.from)},
                          {"to", ToMicros(options_.to)},
                          {"position", position_},
                          {"asked", asked_},
                          {"months", months},
                          {"refused_batches", result_.refused_batches},
                          {"refused_rows", result_.refused_rows},
                          {"first_refusals", result_.first_refusals},
                          {"asking_seconds", result_.asking_seconds},
                          {"waiting_seconds", result_.waiting_seconds}};
    return io::WriteFileAtomically(options_.journal, journal.dump());
  }

  Status ReadJournal() {
    if (options_.journal.empty() || !io::Exists(options_.journal)) return {};
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(options_.journal));
    try {
      const Json journal = Json::parse(text);
      if (journal.at("project") != project_.name || journal.at("from") != ToMicros(options_.from) ||
          journal.at("to") != ToMicros(options_.to)) {
        return Fail(ErrorCode::kFailedPrecondition, "the journal is of another replay; remove it or name another one",
                    options_.journal);
      }
      position_ = journal.at("position");
      asked_ = journal.at("asked");
      for (const auto& [name, month] : journal.at("months").items()) {
        result_.months[name] = {month.at("asked"), month.at("failed"),
                                month.at("latencies_us").get<std::vector<std::uint32_t>>()};
      }
      result_.refused_batches = journal.at("refused_batches");
      result_.refused_rows = journal.at("refused_rows");
      result_.first_refusals = journal.at("first_refusals").get<std::vector<std::string>>();
      result_.asking_seconds = journal.at("asking_seconds");
      result_.waiting_seconds = journal.at("waiting_seconds");
    } catch (const std::exception& error) {
      return Fail(ErrorCode::kDataLoss, std::string("the journal does not read back: ") + error.what(),
                  options_.journal);
    }
    return {};
  }

  const project::Project& project_;
  const Past& past_;
  const ReplayOptions& options_;
  Client client_;
  const std::function<void(const ReplayProgress&)>& progress_;
  std::unique_ptr<io::HttpConnection> asking_;
  std::unique_ptr<io::HttpConnection> pushing_;
  std::vector<BoundCorruption> corruptions_;
  std::vector<RowText> rows_;  // of each source
  const RequestText requests_;
  ReplayResult result_;
  std::size_t position_ = 0;
  std::uint64_t asked_ = 0;
  std::string note_;
  steady_clock::time_point last_journal_ = steady_clock::now();
};

}  // namespace

Result<Json> GetOnceBack(Client& client, const std::string& path, std::chrono::seconds patience) {
  const auto until = steady_clock::now() + patience;
  for (;;) {
    auto answer = client.Get(path);
    if (answer || answer.error().code != ErrorCode::kUnavailable || steady_clock::now() >= until) return answer;
    std::this_thread::sleep_for(kRetryPeriod);
  }
}

Result<ReplayResult> Replay(const project::Project& project, const Past& past, const ReplayOptions& options,
                            const std::function<void(const ReplayProgress&)>& progress) {
  KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options.server));
  // A server that is not there at the beginning is a mistake; one that goes away later is waited for, and who names a
  // journal means to go on after kills.
  KEELSON_RETURN_IF_ERROR(GetOnceBack(client, kApi + "/projects/" + io::PercentEncode(project.name),
                                      options.journal.empty() ? std::chrono::seconds(0) : kJournalPatience));
  return Replayer(project, past, options, std::move(client), progress).Run();
}

}  // namespace keelson::app
