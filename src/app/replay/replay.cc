#include "app/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/replay/ahead.h"
#include "app/replay/asking.h"
#include "app/replay/row_text.h"
#include "io/files.h"

namespace keelson::app {
namespace {

using std::chrono::steady_clock;

constexpr auto kRetryPeriod = std::chrono::milliseconds(50);
constexpr auto kWaitPeriod = std::chrono::milliseconds(10);
constexpr auto kGiveUpAfter = std::chrono::minutes(3);  // of no answer at all
constexpr std::size_t kPushesAtOnce = 32;
// How far rows may be pushed before the questions of earlier instants are answered: a fraction of how far back the
// server's features remember, and no more instants than keep everybody busy.
constexpr auto kTimeAhead = std::chrono::hours(6);
constexpr std::size_t kInstantsAhead = 64;
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
    pushing_ = io::HttpConnection::Create(target);
    KEELSON_ASSIGN_OR_RETURN(corruptions_, BindCorruptions(options_.corruptions, past_));
    for (const auto& source : past_.sources) {
      std::vector<const BoundCorruption*> here;
      for (const auto& corruption : corruptions_) {
        if (corruption.what.source == source.name) here.push_back(&corruption);
      }
      rows_.emplace_back(source, std::move(here));
    }
    in_step_ = options_.in_step || !MayRunAhead(past_, options_.corruptions);
    KEELSON_ASSIGN_OR_RETURN(ReplayTally so_far, ReadJournal());
    position_ = so_far.position;
    asking_ = std::make_unique<Asking>(Asking::Options{.target = target,
                                                       .endpoint = project_.name,
                                                       .at_once = options_.connections,
                                                       .call = [this](std::size_t row) { return AskCall(row); },
                                                       .retry_period = kRetryPeriod,
                                                       .give_up_after = kGiveUpAfter},
                                       std::move(so_far));
    while (position_ < past_.events.size()) {
      KEELSON_RETURN_IF_ERROR(Timed([&] { return NextStretch(calendar); }));
      KEELSON_RETURN_IF_ERROR(MaybeWriteJournal(past_.events[position_ - 1].at, false));
    }
    KEELSON_RETURN_IF_ERROR(Timed([&] { return asking_->WaitFor(0); }));
    LivedInstant end;
    KEELSON_RETURN_IF_ERROR(Deliver(PushesOf(options_.to, {}, position_, position_), end));
    KEELSON_RETURN_IF_ERROR(MaybeWriteJournal(options_.to, true));
    const ReplayTally tally = asking_->Tally();
    result_.months = tally.months;
    result_.refused_batches = tally.refused_batches;
    result_.refused_rows = tally.refused_rows;
    result_.first_refusals = tally.refusals;
    return result_;
  }

 private:
  // One request that moves the clock to `at` and, with rows, brings them.
  struct PushCall {
    Instant at;
    std::optional<Instant> after;       // the clock must have come this far, or the call waits for the one before it
    std::optional<Instant> unanswered;  // the first instant with a question that has no answer yet
    std::string path;
    std::string rows;
    std::size_t count = 0;

    std::string Body(bool ordered) const {
      std::string body = fmt::format(R"({{"{}":"{}")", count == 0 ? "to" : "clock", FormatInstant(at));
      if (ordered && after) body += fmt::format(R"(,"after":"{}")", FormatInstant(*after));
      if (ordered && unanswered) body += fmt::format(R"(,"unanswered":"{}")", FormatInstant(*unanswered));
      if (count > 0) body += ",\"rows\":[" + rows + "]";
      return body + "}";
    }
  };

  // Counts the time that `part` takes as asking, less what it waited for trainings and rollouts.
  Status Timed(const std::function<Status()>& part) {
    const auto started = steady_clock::now();
    const double waited = result_.waiting_seconds;
    Status done = part();
    result_.asking_seconds += SecondsSince(started) - (result_.waiting_seconds - waited);
    return done;
  }

  // Some instants of the past: what became known at them is pushed, in their order and together; then their questions
  // are asked, while the next stretch is pushed. The server answers a question as of its own instant, so that rows of
  // later ones change nothing; and it goes over no decision that is due before all earlier questions are answered.
  Status NextStretch(const Calendar& calendar) {
    KEELSON_RETURN_IF_ERROR(asking_->WaitFor(in_step_ ? 0 : kInstantsAhead / 2));
    std::vector<LivedInstant> instants;
    std::vector<PushCall> pushes;
    std::vector<std::size_t> pushes_until;  // of each instant
    std::optional<Instant> unanswered = asking_->Unanswered();
    std::optional<Instant> before;
    for (std::size_t end = position_; end < past_.events.size() && pushes.size() < kPushesAtOnce;) {
      const std::size_t begin = end;
      LivedInstant instant;
      instant.at = past_.events[begin].at;
      if (unanswered && (in_step_ || instant.at > *unanswered + kTimeAhead)) break;
      for (; end < past_.events.size() && past_.events[end].at == instant.at; ++end) {
        if (past_.events[end].kind == ReplayEvent::Kind::kAsk) instant.rows.push_back(past_.events[end].row);
      }
      for (auto& push : PushesOf(instant.at, before, begin, end)) {
        push.unanswered = unanswered;
        pushes.push_back(std::move(push));
      }
      pushes_until.push_back(pushes.size());
      before = instant.at;
      if (!instant.rows.empty()) {
        instant.month = calendar.Month(instant.at);
        if (!unanswered) unanswered = instant.at;
      }
      instant.end = end;
      instants.push_back(std::move(instant));
    }
    if (instants.empty()) return asking_->WaitFor(asking_->UnderWay() - 1);

    const auto answers = PushTogether(pushes);
    std::size_t next = 0;  // push
    for (std::size_t i = 0; i < instants.size(); ++i) {
      while (next < pushes_until[i] && next < answers.size() && Taken(answers[next], pushes[next].count, instants[i])) {
        ++next;
      }
      if (next == pushes_until[i]) {
        Lived(std::move(instants[i]));
        continue;
      }
      // What the clock waits for may be the answers. What comes behind is pushed again with the next stretch.
      KEELSON_RETURN_IF_ERROR(asking_->WaitFor(0));
      const auto first = pushes.begin() + static_cast<std::ptrdiff_t>(next);
      const auto last = pushes.begin() + static_cast<std::ptrdiff_t>(pushes_until[i]);
      KEELSON_RETURN_IF_ERROR(Deliver({first, last}, instants[i]));
      Lived(std::move(instants[i]));
      break;
    }
    return {};
  }

  void Lived(LivedInstant instant) {
    position_ = instant.end;
    asking_->Add(std::move(instant));
  }

  // What moves the clock to `at` and brings the rows of events [begin, end), source by source.
  std::vector<PushCall> PushesOf(Instant at, std::optional<Instant> after, std::size_t begin, std::size_t end) const {
    std::vector<PushCall> pushes;
    for (std::size_t s = 0; s < past_.sources.size(); ++s) {
      PushCall push{.at = at,
                    .after = after,
                    .unanswered = {},
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
      pushes.push_back({.at = at,
                        .after = after,
                        .unanswered = {},
                        .path = fmt::format("{}/projects/{}/clock", kApi, project_.name),
                        .rows = {}});
    }
    return pushes;
  }

  // All at once: their answers, or nothing when the connection broke.
  std::vector<io::HttpResponse> PushTogether(const std::vector<PushCall>& pushes) {
    std::vector<io::HttpCall> calls;
    for (const PushCall& push : pushes) {
      calls.push_back({.method = "POST",
                       .target = push.path,
                       .headers = {{"content-type", "application/json"}},
                       .body = push.Body(/*ordered=*/true)});
      if (!options_.server.token.empty())
        calls.back().headers.emplace_back("authorization", "Bearer " + options_.server.token);
    }
    auto answers = pushing_->Pipeline(calls);
    return answers ? *std::move(answers) : std::vector<io::HttpResponse>{};
  }

  static bool Taken(const io::HttpResponse& answer, std::size_t rows, LivedInstant& instant) {
    if (answer.status == 422) {
      Refused(Json::parse(answer.body, nullptr, false), rows, instant);
      return true;
    }
    return answer.status == 200 && answer.body.find("\"reached\":true") != std::string::npos;
  }

  Status Deliver(const std::vector<PushCall>& pushes, LivedInstant& instant) {
    for (const PushCall& push : pushes)
      KEELSON_RETURN_IF_ERROR(Deliver(push.path, push.Body(/*ordered=*/false), push.count, instant));
    return {};
  }

  // Until the server has taken it: through its restarts, and through what its clock waits for.
  Status Deliver(const std::string& path, const std::string& body, std::size_t rows, LivedInstant& instant) {
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
        Refused(answer->body, rows, instant);
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

  static void Refused(const Json& answer, std::size_t rows, LivedInstant& instant) {
    ++instant.refused_batches;
    instant.refused_rows += rows;
    if (instant.refusals.size() < ReplayTally::kRefusalsTold)
      instant.refusals.push_back(answer.value("report", Json::object()).dump());
  }

  // A question says its own instant: a server that was restarted in between may not have been told it again yet.
  io::HttpCall AskCall(std::size_t row) const {
    io::HttpCall call{.method = "POST",
                      .target = "/v2/models/" + project_.name + "/infer",
                      .headers = {{"content-type", "application/json"},
                                  {"x-keelson-time", fmt::to_string(ToMicros(requests_.At(row)))}},
                      .body = requests_.Of(row),
                      .retry_safe = true};
    if (!options_.server.token.empty()) call.headers.emplace_back("authorization", "Bearer " + options_.server.token);
    return call;
  }

  void Show(Instant clock) {
    const double fraction =
        past_.events.empty() ? 1 : static_cast<double>(position_) / static_cast<double>(past_.events.size());
    progress_({.clock = clock, .fraction = fraction, .asked = asking_->Tally().asked, .note = note_});
  }

  Status MaybeWriteJournal(Instant clock, bool now) {
    if (!now && steady_clock::now() - last_journal_ < kJournalPeriod) return {};
    last_journal_ = steady_clock::now();
    note_.clear();
    Show(clock);
    if (options_.journal.empty()) return {};
    const ReplayTally tally = asking_->Tally();
    Json months = Json::object();
    for (const auto& [name, month] : tally.months) {
      months[name] = {{"asked", month.asked}, {"failed", month.failed}, {"latencies_us", month.latencies_us}};
    }
    const Json journal = {{"project", project_.name},
                          {"from", ToMicros(options_.from)},
                          {"to", ToMicros(options_.to)},
                          {"position", tally.position},
                          {"asked", tally.asked},
                          {"months", months},
                          {"refused_batches", tally.refused_batches},
                          {"refused_rows", tally.refused_rows},
                          {"first_refusals", tally.refusals},
                          {"asking_seconds", result_.asking_seconds},
                          {"waiting_seconds", result_.waiting_seconds}};
    return io::WriteFileAtomically(options_.journal, journal.dump());
  }

  Result<ReplayTally> ReadJournal() {
    ReplayTally tally;
    if (options_.journal.empty() || !io::Exists(options_.journal)) return tally;
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(options_.journal));
    try {
      const Json journal = Json::parse(text);
      if (journal.at("project") != project_.name || journal.at("from") != ToMicros(options_.from) ||
          journal.at("to") != ToMicros(options_.to)) {
        return Fail(ErrorCode::kFailedPrecondition, "the journal is of another replay; remove it or name another one",
                    options_.journal);
      }
      tally.position = journal.at("position");
      tally.asked = journal.at("asked");
      for (const auto& [name, month] : journal.at("months").items()) {
        tally.months[name] = {month.at("asked"), month.at("failed"),
                              month.at("latencies_us").get<std::vector<std::uint32_t>>()};
      }
      tally.refused_batches = journal.at("refused_batches");
      tally.refused_rows = journal.at("refused_rows");
      tally.refusals = journal.at("first_refusals").get<std::vector<std::string>>();
      result_.asking_seconds = journal.at("asking_seconds");
      result_.waiting_seconds = journal.at("waiting_seconds");
    } catch (const std::exception& error) {
      return Fail(ErrorCode::kDataLoss, std::string("the journal does not read back: ") + error.what(),
                  options_.journal);
    }
    return tally;
  }

  const project::Project& project_;
  const Past& past_;
  const ReplayOptions& options_;
  Client client_;
  const std::function<void(const ReplayProgress&)>& progress_;
  std::unique_ptr<io::HttpConnection> pushing_;
  std::vector<BoundCorruption> corruptions_;
  std::vector<RowText> rows_;  // of each source
  const RequestText requests_;
  bool in_step_ = false;
  ReplayResult result_;       // the times; the rest is in the tally
  std::size_t position_ = 0;  // in the events: what is before it has been pushed
  std::string note_;
  steady_clock::time_point last_journal_ = steady_clock::now();
  std::unique_ptr<Asking> asking_;  // the last: its threads use what stands before
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
