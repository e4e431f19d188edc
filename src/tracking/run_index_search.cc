// The search over the columns.
#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>
#include <unordered_set>

#include "base/strings.h"
#include "tracking/pairs.h"
#include "tracking/run_index.h"

namespace keelson::tracking {
namespace {

using MetricKeyNumbers = std::unordered_map<std::string, std::int64_t>;

// The numbers of the metric keys that the search names; one that nobody has logged has none.
Result<MetricKeyNumbers> ReadKeys(io::SqlSession& session, const Search& search) {
  MetricKeyNumbers numbers;
  const auto read = [&](Entity entity, const std::string& key) -> Status {
    if (entity != Entity::kMetric || numbers.contains(key)) return {};
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT id FROM metric_key WHERE name = ?", {key}));
    if (!rows.empty()) numbers[key] = io::AsInt(rows[0][0]);
    return {};
  };
  for (const Condition& condition : search.conditions) KEELSON_RETURN_IF_ERROR(read(condition.entity, condition.key));
  for (const Order& order : search.order) KEELSON_RETURN_IF_ERROR(read(order.entity, order.key));
  return numbers;
}

std::optional<MetricColumn::Operator> OperatorOf(Compare compare) {
  using Operator = MetricColumn::Operator;
  switch (compare) {
    case Compare::kEqual:
      return Operator::kEqual;
    case Compare::kNotEqual:
      return Operator::kNotEqual;
    case Compare::kLess:
      return Operator::kLess;
    case Compare::kLessOrEqual:
      return Operator::kLessOrEqual;
    case Compare::kGreater:
      return Operator::kGreater;
    case Compare::kGreaterOrEqual:
      return Operator::kGreaterOrEqual;
    default:
      return std::nullopt;
  }
}

template <typename T>
bool Holds(MetricColumn::Operator op, const T& value, const T& than) {
  using Operator = MetricColumn::Operator;
  switch (op) {
    case Operator::kEqual:
      return value == than;
    case Operator::kNotEqual:
      return value != than;
    case Operator::kLess:
      return value < than;
    case Operator::kLessOrEqual:
      return value <= than;
    case Operator::kGreater:
      return value > than;
    case Operator::kGreaterOrEqual:
      break;
  }
  return value >= than;
}

// Whether a text that is there passes; nothing when the condition is not of texts.
std::optional<bool> TextHolds(const Condition& condition, const std::string& text) {
  if (condition.compare == Compare::kIsNull) return false;
  if (condition.compare == Compare::kIsNotNull) return true;
  if (condition.compare == Compare::kRLike) return std::nullopt;
  std::vector<const std::string*> values;
  for (const io::SqlValue& value : condition.values) {
    values.push_back(std::get_if<std::string>(&value));
    if (values.back() == nullptr || values.back()->find('\0') != std::string::npos) return std::nullopt;
  }
  if (values.empty()) return std::nullopt;
  if (const auto op = OperatorOf(condition.compare)) return Holds(*op, text, *values[0]);
  const bool among = std::ranges::any_of(values, [&](const std::string* value) { return *value == text; });
  switch (condition.compare) {
    case Compare::kIn:
      return among;
    case Compare::kNotIn:
      return !among;
    default:
      return IsLike(text, *values[0], condition.compare == Compare::kILike);
  }
}

// A value that runs are ordered by, as SQL would give it: `missing` is the column before it, where there is one.
struct SortValue {
  std::int64_t missing = 0;
  std::variant<std::monostate, std::int64_t, double, std::string_view> value;
};

// As SQL orders values of one type; NULL equals NULL.
int Ordered(const SortValue& a, const SortValue& b, bool ascending) {
  if (a.missing != b.missing) return a.missing < b.missing ? -1 : 1;
  if (a.value == b.value) return 0;
  return (a.value < b.value) == ascending ? -1 : 1;
}

}  // namespace

// One search over columns that stand still.
class RunSearch {
 public:
  RunSearch(const RunIndex::Columns& columns, const RunIndex::Query& query, const MetricKeyNumbers& keys)
      : columns_(columns), query_(query), keys_(keys) {}

  // False: this search is one for SQL.
  bool Prepare() {
    for (const Condition& condition : query_.search.conditions) {
      if (!Prepare(condition)) return false;
    }
    bool by_start = false;
    for (const Order& order : query_.search.order) {
      if (!Prepare(order)) return false;
      by_start = by_start || order.entity == Entity::kAttribute;
    }
    if (!by_start) orders_.push_back({Sorted::kStart, nullptr, nullptr, false});
    orders_.push_back({Sorted::kNumber, nullptr, nullptr, false});
    return true;
  }

  // The values of a token of the same columns; false for one that is of other types.
  bool StartBehind(const std::vector<io::SqlValue>& token) {
    std::size_t at = 0;
    for (const Sort& sort : orders_) {
      SortValue value;
      if (HasMissing(sort)) {
        const auto* missing = std::get_if<std::int64_t>(&token.at(at++));
        if (missing == nullptr) return false;
        value.missing = *missing;
      }
      const io::SqlValue& given = token.at(at++);
      if (const auto* whole = std::get_if<std::int64_t>(&given)) value.value = *whole;
      if (const auto* number = std::get_if<double>(&given)) value.value = *number;
      if (const auto* text = std::get_if<std::string>(&given)) value.value = std::string_view(*text);
      const bool null = std::holds_alternative<std::monostate>(value.value);
      const std::size_t wanted = sort.by == Sorted::kMetric ? 2 : sort.by == Sorted::kText ? 3 : 1;
      if (!null && value.value.index() != wanted) return false;
      behind_.push_back(value);
    }
    return true;
  }

  RunIndex::Found Run() {
    const auto before = [&](std::size_t a, std::size_t b) { return ComesBefore(a, b); };
    const std::size_t most = static_cast<std::size_t>(query_.search.at_most) + 1;
    std::vector<std::size_t> best;  // a heap, the last of them on top
    for (std::size_t piece = 0; piece < columns_.rows.size(); ++piece) {
      if (columns_.rows[piece] == nullptr) continue;
      RowMask mask{};
      Begin(piece, mask);
      for (const auto& keep : keeps_) keep(piece, mask);
      for (std::size_t i = 0; i < kPieceRows; ++i) {
        if (mask[i] == 0) continue;
        const std::size_t row = piece * kPieceRows + i;
        if (!behind_.empty() && !IsBehind(row)) continue;
        if (best.size() == most) {
          if (!before(row, best.front())) continue;
          std::ranges::pop_heap(best, before);
          best.pop_back();
        }
        best.push_back(row);
        std::ranges::push_heap(best, before);
      }
    }
    std::ranges::sort_heap(best, before);
    RunIndex::Found found;
    if (best.size() == most) {
      best.pop_back();
      if (!best.empty()) found.next = PageToken(TokenRow(best.back()), query_.columns);
    }
    for (const std::size_t row : best) found.runs.push_back(static_cast<std::int64_t>(row));
    return found;
  }

 private:
  enum class Sorted { kStart, kNumber, kMetric, kText };
  struct Sort {
    Sorted by;
    const MetricColumn* metric;
    const TextColumn* text;
    bool ascending;
  };

  static bool HasMissing(const Sort& sort) { return sort.by == Sorted::kMetric || sort.by == Sorted::kText; }

  const TextColumn* TextOf(Entity entity, const std::string& key) const {
    static const TextColumn kNone;
    const auto& all = entity == Entity::kParam ? columns_.params : columns_.tags;
    const auto found = all.find(key);
    return found == all.end() ? &kNone : &found->second;
  }
  const MetricColumn* MetricOf(const std::string& key) const {
    static const MetricColumn kNone;
    const auto number = keys_.find(key);
    if (number == keys_.end()) return &kNone;
    const auto found = columns_.metrics.find(number->second);
    return found == columns_.metrics.end() ? &kNone : &found->second;
  }

  bool Prepare(const Condition& condition) {
    switch (condition.entity) {
      case Entity::kMetric: {
        const auto op = OperatorOf(condition.compare);
        if (!op || condition.values.size() != 1) return false;
        const auto* whole = std::get_if<std::int64_t>(&condition.values[0]);
        const auto* number = std::get_if<double>(&condition.values[0]);
        constexpr std::int64_t kExact = std::int64_t{1} << 53;
        if (number == nullptr && (whole == nullptr || *whole > kExact || *whole < -kExact)) return false;
        const double than = number != nullptr ? *number : static_cast<double>(*whole);
        if (std::isnan(than)) return false;
        keeps_.push_back([column = MetricOf(condition.key), op = *op, than](std::size_t piece, RowMask& mask) {
          column->Keep(piece, op, than, mask);
        });
        return true;
      }
      case Entity::kParam:
      case Entity::kTag: {
        const TextColumn* column = TextOf(condition.entity, condition.key);
        if (column->gave_up()) return false;
        std::vector<std::uint8_t> passes(column->codes());
        if (!TextHolds(condition, "")) return false;
        passes[0] = condition.compare == Compare::kIsNull ? 1 : 0;
        for (std::size_t code = 1; code < passes.size(); ++code) {
          passes[code] = *TextHolds(condition, column->Text(static_cast<TextColumn::Code>(code))) ? 1 : 0;
        }
        keeps_.push_back([column, passes = std::move(passes)](std::size_t piece, RowMask& mask) {
          column->Keep(piece, passes, mask);
        });
        return true;
      }
      case Entity::kAttribute:
        return condition.key == "status" ? PrepareStatus(condition) : PrepareStart(condition);
      case Entity::kDataset:
        break;
    }
    return false;
  }

  bool PrepareStatus(const Condition& condition) {
    std::array<std::uint8_t, 8> passes{};
    for (const RunStatus status :
         {RunStatus::kRunning, RunStatus::kFinished, RunStatus::kFailed, RunStatus::kKilled, RunStatus::kScheduled}) {
      std::string name(NameOf(status));
      std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      const auto holds = TextHolds(condition, name);
      if (!holds) return false;
      passes[static_cast<std::size_t>(status)] = *holds ? 1 : 0;
    }
    keeps_.push_back([this, passes](std::size_t piece, RowMask& mask) {
      const auto& state = columns_.rows[piece]->state;
      for (std::size_t i = 0; i < kPieceRows; ++i) mask[i] &= passes[(state[i] >> RunIndex::kStatusShift) & 7];
    });
    return true;
  }

  bool PrepareStart(const Condition& condition) {
    const auto op = OperatorOf(condition.compare);
    if (condition.key != "start_time" || !op || condition.values.size() != 1) return false;
    const auto* than = std::get_if<std::int64_t>(&condition.values[0]);
    if (than == nullptr) return false;
    keeps_.push_back([this, op = *op, than = *than](std::size_t piece, RowMask& mask) {
      const auto& started = columns_.rows[piece]->started_ms;
      for (std::size_t i = 0; i < kPieceRows; ++i) mask[i] &= static_cast<std::uint8_t>(Holds(op, started[i], than));
    });
    return true;
  }

  bool Prepare(const Order& order) {
    switch (order.entity) {
      case Entity::kMetric:
        orders_.push_back({Sorted::kMetric, MetricOf(order.key), nullptr, order.ascending});
        return true;
      case Entity::kParam:
      case Entity::kTag:
        orders_.push_back({Sorted::kText, nullptr, TextOf(order.entity, order.key), order.ascending});
        return !orders_.back().text->gave_up();
      case Entity::kAttribute:
        orders_.push_back({Sorted::kStart, nullptr, nullptr, order.ascending});
        return order.key == "start_time";
      case Entity::kDataset:
        break;
    }
    return false;
  }

  // The runs of the experiments and the lifecycle that are asked for.
  void Begin(std::size_t piece, RowMask& mask) {
    if (wanted_.empty()) {
      wanted_.resize(columns_.experiments.size() + 1, 0);
      const std::unordered_set<std::int64_t> asked(query_.experiments.begin(), query_.experiments.end());
      for (std::size_t i = 0; i < columns_.experiments.size(); ++i) {
        wanted_[i] = asked.contains(columns_.experiments[i]) ? 1 : 0;
      }
      for (std::size_t state = 0; state < lifecycle_.size(); ++state) {
        const bool deleted = (state & RunIndex::kDeleted) != 0;
        const bool viewed = query_.view == View::kAll || deleted == (query_.view == View::kDeletedOnly);
        lifecycle_[state] = (state & RunIndex::kThere) != 0 && viewed ? 1 : 0;
      }
    }
    const auto& rows = *columns_.rows[piece];
    for (std::size_t i = 0; i < kPieceRows; ++i) {
      mask[i] = static_cast<std::uint8_t>(wanted_[rows.experiment[i]] & lifecycle_[rows.state[i] & 3]);
    }
  }

  SortValue ValueOf(const Sort& sort, std::size_t row) const {
    switch (sort.by) {
      case Sorted::kStart:
        return {0, columns_.rows[row / kPieceRows]->started_ms[row % kPieceRows]};
      case Sorted::kNumber:
        return {0, static_cast<std::int64_t>(row)};
      case Sorted::kMetric: {
        const MetricColumn::Value value = sort.metric->At(row);
        if (value.kind == MetricColumn::Value::kMissing) return {value.kind, std::monostate()};
        return {value.kind, value.number};
      }
      case Sorted::kText:
        break;
    }
    const TextColumn::Code code = sort.text->CodeAt(row);
    if (code == 0) return {1, std::monostate()};
    return {0, std::string_view(sort.text->Text(code))};
  }

  bool ComesBefore(std::size_t a, std::size_t b) const {
    for (const Sort& sort : orders_) {
      const int ordered = Ordered(ValueOf(sort, a), ValueOf(sort, b), sort.ascending);
      if (ordered != 0) return ordered < 0;
    }
    return false;
  }

  bool IsBehind(std::size_t row) const {
    for (std::size_t i = 0; i < orders_.size(); ++i) {
      const int ordered = Ordered(ValueOf(orders_[i], row), behind_[i], orders_[i].ascending);
      if (ordered != 0) return ordered > 0;
    }
    return false;
  }

  // As PagedSql's answer would be: an id, then the sort values.
  io::SqlRow TokenRow(std::size_t row) const {
    io::SqlRow values(1);
    for (const Sort& sort : orders_) {
      const SortValue value = ValueOf(sort, row);
      if (HasMissing(sort)) values.emplace_back(value.missing);
      values.push_back(std::visit(
          [](const auto& v) -> io::SqlValue {
            if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string_view>) {
              return std::string(v);
            } else {
              return v;
            }
          },
          value.value));
    }
    return values;
  }

  const RunIndex::Columns& columns_;
  const RunIndex::Query& query_;
  const MetricKeyNumbers& keys_;
  std::vector<std::function<void(std::size_t, RowMask&)>> keeps_;
  std::vector<Sort> orders_;
  std::vector<SortValue> behind_;
  std::vector<std::uint8_t> wanted_;  // by the place of the experiment
  std::array<std::uint8_t, 4> lifecycle_{};
};

Result<std::optional<RunIndex::Found>> RunIndex::Find(io::SqlSession& session, const Query& query) {
  {
    const std::lock_guard lock(mutex_);
    asked_ = std::chrono::steady_clock::now();
  }
  std::vector<io::SqlValue> token;
  if (!query.search.page.empty()) {
    KEELSON_ASSIGN_OR_RETURN(token, ReadPageToken(query.search.page, query.columns));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto keys, ReadKeys(session, query.search));
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT coalesce(max(number), 0) FROM run_change"));
  const std::int64_t last = io::AsInt(rows.at(0)[0]);
  const auto ask = [&] {
    {
      const std::lock_guard lock(mutex_);
      wanted_ = true;
    }
    changed_.notify_all();
    return std::nullopt;
  };
  for (bool again = false;; again = true) {
    std::int64_t behind = 0;
    {
      const std::shared_lock lock(columns_mutex_);
      if (columns_ == nullptr) break;
      behind = columns_->change;
      if (behind == last) {
        RunSearch search(*columns_, query, keys);
        if (!search.Prepare() || (!token.empty() && !search.StartBehind(token))) return std::nullopt;
        ++answers_;
        return search.Run();
      }
    }
    // Ahead of this transaction, which began before another one's: what it sees, SQL has to find.
    if (behind > last || again) return std::nullopt;
    KEELSON_ASSIGN_OR_RETURN(const Changes changes, ReadChanges(session, behind, options_.most_changes));
    if (changes.too_many) break;
    Apply(behind, changes);
  }
  return ask();
}

}  // namespace keelson::tracking
