#include "app/queues/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "scheduling/amounts.h"

namespace keelson::app {
namespace {

using nlohmann::json;
using scheduling::Resource;

constexpr double kMilli = 1'000;

std::string Cores(double cores) {
  return scheduling::FormatAmount(Resource::kCpu, std::llround(cores * kMilli));
}
std::string Bytes(std::int64_t bytes) {
  return scheduling::FormatAmount(Resource::kMemory, bytes);
}
std::string Asks(const json& job) {
  return fmt::format("{}, {}", Cores(job.at("cpu").get<double>()), Bytes(job.at("memory_bytes").get<std::int64_t>()));
}

// In the unit of its resource; bytes with theirs.
std::string Amount(const json& value, const std::string& resource) {
  if (value.is_null()) return "-";
  if (resource == "memory" || resource == "disk") return Bytes(value.get<std::int64_t>());
  return fmt::format("{:.4g}", value.get<double>());
}

double Percent(double part, double whole) {
  return whole > 0 ? 100 * part / whole : 0;
}

// "[####......] 40 %"
std::string Bar(double percent) {
  constexpr int kWidth = 20;
  const int filled = std::clamp(static_cast<int>(std::lround(percent * kWidth / 100)), 0, kWidth);
  return fmt::format("[{}{}] {:.0f} %", std::string(static_cast<std::size_t>(filled), '#'),
                     std::string(static_cast<std::size_t>(kWidth - filled), '.'), percent);
}

struct Load {
  int running = 0;
  int waiting = 0;
  double cpu = 0;
  std::int64_t memory = 0;
};

}  // namespace

TextTable QueueTable(const json& answer) {
  TextTable table;
  table.header = {"job", "project", "step", "queue", "class", "priority", "asks for", "state", "why"};
  for (const json& job : answer.at("jobs")) {
    const auto text = [&job](const char* field) { return job.at(field).get<std::string>(); };
    table.rows.push_back({text("id"), text("project"), text("step"), text("queue"), text("class"),
                          std::to_string(job.at("priority").get<int>()), Asks(job), text("state"), text("why")});
  }
  return table;
}

TextTable QuotaTable(const json& answer) {
  TextTable table;
  table.header = {"queue", "cohort", "flavor", "resource", "nominal", "used", "borrowed", "available", "waiting"};
  for (const json& queue : answer.at("queues")) {
    for (const json& quota : queue.at("quotas")) {
      const auto resource = quota.at("resource").get<std::string>();
      json borrowed = nullptr;
      if (const json& nominal = quota.at("nominal"); !nominal.is_null()) {
        const json& used = quota.at("used");
        if (nominal.is_number_integer()) {
          borrowed = std::max<std::int64_t>(0, used.get<std::int64_t>() - nominal.get<std::int64_t>());
        } else {
          borrowed = std::max(0.0, used.get<double>() - nominal.get<double>());
        }
      }
      const std::string name = queue.at("name").get<std::string>() + (queue.at("held").get<bool>() ? " (held)" : "");
      table.rows.push_back({name, queue.at("cohort").get<std::string>(), quota.at("flavor").get<std::string>(),
                            resource, Amount(quota.at("nominal"), resource), Amount(quota.at("used"), resource),
                            Amount(borrowed, resource), Amount(quota.at("available"), resource),
                            std::to_string(queue.at("waiting").get<int>())});
    }
  }
  return table;
}

std::string TopScreen(const json& answer) {
  const json& machine = answer.at("machine");
  const auto cores = machine.at("cpu").get<double>();
  const auto cores_used = machine.at("cpu_used").get<double>();
  const auto memory = machine.at("memory_bytes").get<std::int64_t>();
  const auto memory_used = machine.at("memory_bytes_used").get<std::int64_t>();
  std::map<std::string, Load> queues;
  std::map<std::string, Load> projects;
  std::map<std::string, Load> users;
  for (const json& queue : answer.at("queues")) queues[queue.at("name").get<std::string>()];
  TextTable running;
  running.header = {"job", "project", "step", "queue", "has", "done", "why"};
  for (const json& job : answer.at("jobs")) {
    const bool runs = job.at("state") == "running";
    const auto user = job.at("user").get<std::string>();
    for (Load* load : {&queues[job.at("queue").get<std::string>()], &projects[job.at("project").get<std::string>()],
                       &users[user.empty() ? "(keelson itself)" : user]}) {
      ++(runs ? load->running : load->waiting);
      if (!runs) continue;
      load->cpu += job.at("cpu").get<double>();
      load->memory += job.at("memory_bytes").get<std::int64_t>();
    }
    if (!runs) continue;
    const auto text = [&job](const char* field) { return job.at(field).get<std::string>(); };
    running.rows.push_back({text("id"), text("project"), text("step"), text("queue"), Asks(job),
                            fmt::format("{:.0f} %", 100 * job.at("fraction").get<double>()), text("why")});
  }
  const auto table = [](const std::string& what, const std::map<std::string, Load>& loads) {
    TextTable of;
    of.header = {what, "running", "waiting", "cores", "memory"};
    for (const auto& [name, load] : loads) {
      of.rows.push_back({name, std::to_string(load.running), std::to_string(load.waiting),
                         fmt::format("{:.4g}", load.cpu), Bytes(load.memory)});
    }
    return FormatTable(of);
  };
  std::string screen = fmt::format("cores   {} {} of {}\nmemory  {} {} of {}\n\n", Bar(Percent(cores_used, cores)),
                                   fmt::format("{:.4g}", cores_used), Cores(cores),
                                   Bar(Percent(static_cast<double>(memory_used), static_cast<double>(memory))),
                                   Bytes(memory_used), Bytes(memory));
  screen += table("queue", queues);
  if (!projects.empty()) screen += "\n" + table("project", projects);
  if (!users.empty()) screen += "\n" + table("user", users);
  if (!running.rows.empty()) screen += "\n" + FormatTable(running);
  return screen;
}

}  // namespace keelson::app
