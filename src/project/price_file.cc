#include "project/price_file.h"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <tuple>

#include "project/fields.h"

namespace keelson::project {

// prices.yaml, written into the program by the build.
extern const std::string_view kPricesYaml;

namespace {

constexpr double kMostMoney = 1e6;  // an hour, and as a budget a thousand times that
constexpr double kMillion = 1e6;
constexpr std::int64_t kMostGpus = 64;

std::int64_t Millionths(double money) {
  return std::llround(money * kMillion);
}

class File {
 public:
  File(std::string_view text, const std::string& file) : text_(text), findings_{file, {}} {}

  Result<Pricing> Read() {
    YamlLimits limits;
    limits.nodes = 200'000;
    limits.bytes = std::size_t{4} << 20;
    const auto document = ReadYaml(text_, findings_.file, limits);
    if (!document) return Fail(ErrorCode::kInvalidArgument, ToString(document.error()));
    Fields top(*document, "the file", findings_);
    Expect(top, "apiVersion", "keelson.dev/v1");
    Expect(top, "kind", "Prices");
    if (const std::string currency = top.Text("currency"); !currency.empty()) pricing_.table.currency = currency;
    pricing_.table.date = top.Text("date");
    pricing_.table.source = top.Text("source");
    const YamlNode* machine = top.Take("machine");
    if (machine != nullptr) Machine(*machine);
    for (const YamlNode* each : top.List("instances")) Instance(*each);
    for (const YamlNode* each : top.List("budgets")) OneBudget(*each);
    top.Done();
    if (machine != nullptr && findings_.problems.empty()) {
      if (const auto priced = WithBuiltIn(pricing_); !priced) findings_.Add(*machine, priced.error().message);
    }
    KEELSON_RETURN_IF_ERROR(findings_.ToStatus());
    return std::move(pricing_);
  }

 private:
  void Expect(Fields& fields, const std::string& name, const std::string& value) {
    const YamlNode* node = fields.Take(name);
    if (node != nullptr && node->text == value) return;
    findings_.Add(node == nullptr ? fields.node() : *node,
                  node == nullptr ? fmt::format("{}.{} is missing", fields.path(), name)
                                  : fmt::format("{}.{} is {}", fields.path(), name, Quoted(node->text)),
                  value);
  }

  // A truth: "true" or "false".
  static bool Flag(Fields& fields, const std::string& name) { return fields.Choice(name, {"false", "true"}) == "true"; }

  void Machine(const YamlNode& node) {
    Fields fields(node, "machine", findings_);
    scheduling::MachineIs machine;
    if (const auto price = fields.Number("price", 0, kMostMoney)) machine.price = Millionths(*price);
    machine.cloud = fields.Text("cloud");
    machine.region = fields.Text("region");
    machine.type = fields.Text("type");
    machine.spot = Flag(fields, "spot");
    fields.Done();
    const bool named = !machine.cloud.empty() && !machine.region.empty() && !machine.type.empty();
    const bool part = !machine.cloud.empty() || !machine.region.empty() || !machine.type.empty() || machine.spot;
    if (machine.price ? part : !named)
      findings_.Add(node, "machine is neither a price nor an instance", "price, or cloud, region and type");
    pricing_.machine = machine;
  }

  void Instance(const YamlNode& node) {
    Fields fields(node, "instances", findings_);
    scheduling::InstancePrice instance;
    instance.cloud = fields.Text("cloud", true);
    instance.region = fields.Text("region", true);
    instance.type = fields.Text("type", true);
    instance.resources.cpu_milli = fields.Quantity("cpu", Unit::kThousandths, true).value_or(1);
    instance.resources.memory_bytes = fields.Quantity("memory", Unit::kWhole, true).value_or(1);
    if (instance.resources.cpu_milli == 0 || instance.resources.memory_bytes == 0)
      findings_.Add(node, "an instance without CPU or memory", "both above zero");
    instance.gpus = static_cast<int>(fields.Whole("gpus", 0, kMostGpus).value_or(0));
    instance.gpu = fields.Text("gpu");
    if ((instance.gpus > 0) == instance.gpu.empty())
      findings_.Add(node, "gpus and gpu go together", "how many there are, and their model");
    instance.on_demand = Millionths(fields.Number("on_demand", 0, kMostMoney, true).value_or(0));
    if (const auto spot = fields.Number("spot", 0, kMostMoney)) instance.spot = Millionths(*spot);
    instance.interruptions = fields.Number("interruptions", 0, 60);
    fields.Done();
    if (!instances_.emplace(instance.cloud, instance.region, instance.type).second)
      findings_.Add(node, fmt::format("{} stands twice", instance.Name()));
    pricing_.table.instances.push_back(std::move(instance));
  }

  void OneBudget(const YamlNode& node) {
    Fields fields(node, "budgets", findings_);
    scheduling::Budget budget;
    budget.project = fields.Text("project", true);
    budget.limit = Millionths(fields.Number("limit", 0, 1'000 * kMostMoney, true).value_or(0));
    const std::string per = fields.Choice("per", {"month", "day", "ever"});
    using Per = scheduling::Budget::Per;
    budget.per = per == "day" ? Per::kDay : per == "ever" ? Per::kEver : Per::kMonth;
    budget.warn_at = fields.Number("warn_at", 0, 1).value_or(budget.warn_at);
    fields.Done();
    if (!budgeted_.insert(budget.project).second)
      findings_.Add(node, fmt::format("project {} has two budgets", Quoted(budget.project)), "one");
    pricing_.budgets.push_back(std::move(budget));
  }

  std::string_view text_;
  Findings findings_;
  Pricing pricing_;
  std::set<std::tuple<std::string, std::string, std::string>> instances_;
  std::set<std::string> budgeted_;
};

}  // namespace

Result<Pricing> ReadPrices(std::string_view text, const std::string& file) {
  return File(text, file).Read();
}

const scheduling::PriceTable& BuiltInPrices() {
  static const scheduling::PriceTable table = ReadPrices(kPricesYaml, "prices.yaml").value().table;
  return table;
}

Result<Pricing> WithBuiltIn(Pricing own) {
  if (own.table.currency == BuiltInPrices().currency) own.table = Overlay(BuiltInPrices(), own.table);
  if (own.machine && !own.machine->price)
    KEELSON_RETURN_IF_ERROR(scheduling::PriceOfMachine(own.table, own.machine, {}));
  return own;
}

}  // namespace keelson::project
