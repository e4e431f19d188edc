// The reader of CSV for RowTable.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/strings.h"
#include "wire/inference/row_table.h"

namespace keelson::wire::inference {
namespace {

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// What pandas.read_csv reads as a missing value.
bool IsMissing(std::string_view text) {
  constexpr std::array<std::string_view, 18> kWords = {"",     "#N/A", "#N/A N/A", "#NA",     "-1.#IND", "-1.#QNAN",
                                                       "-NaN", "-nan", "1.#IND",   "1.#QNAN", "<NA>",    "N/A",
                                                       "NA",   "NULL", "NaN",      "None",    "n/a",     "nan"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end() || text == "null";
}

// Takes records apart, one at a time.
class Records {
 public:
  explicit Records(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  // The fields of the next record; of an empty line none.
  Status Next(std::vector<std::string>* fields) {
    ++line_;
    fields->clear();
    if (TakeLineEnd()) return {};
    for (;;) {
      std::string& field = fields->emplace_back();
      if (rest_.starts_with('"')) {
        KEELSON_RETURN_IF_ERROR(Quoted(&field));
      } else {
        const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
        field = rest_.substr(0, end);
        rest_.remove_prefix(end);
      }
      if (rest_.starts_with(',')) {
        rest_.remove_prefix(1);
        continue;
      }
      if (rest_.empty() || TakeLineEnd()) return {};
      return Bad(fmt::format("line {}: a character behind a closing quote", line_));
    }
  }

  std::size_t line() const { return line_; }

 private:
  bool TakeLineEnd() {
    if (rest_.starts_with("\r\n")) {
      rest_.remove_prefix(2);
    } else if (rest_.starts_with('\n') || rest_.starts_with('\r')) {
      rest_.remove_prefix(1);
    } else {
      return false;
    }
    return true;
  }

  Status Quoted(std::string* field) {
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) return Bad(fmt::format("line {}: a quote that does not end", line_));
      field->append(rest_.substr(0, quote));
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) return {};
      field->push_back('"');
      rest_.remove_prefix(1);
    }
  }

  std::string_view rest_;
  std::size_t line_ = 0;
};

std::optional<double> Number(std::string_view text) {
  text = Trim(text);
  if (text == "True" || text == "TRUE" || text == "true") return 1;
  if (text == "False" || text == "FALSE" || text == "false") return 0;
  if (text == "inf" || text == "Infinity" || text == "+inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf" || text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return ParseDouble(text);
}

}  // namespace

Status ReadCsv(std::string_view text, RowTable* table) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Records records(text);
  std::vector<std::string> header;
  while (header.empty()) {
    if (records.at_end()) return Bad("No columns to parse from file");
    KEELSON_RETURN_IF_ERROR(records.Next(&header));
  }
  for (std::size_t i = 0; i < header.size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t place, table->Named(header[i], i));
    if (place != i) return Bad(fmt::format("column '{}' stands twice", header[i]));
  }
  // A column is of numbers when all of its cells are, as pandas decides: so it is read twice and nothing kept between.
  std::vector<bool> texts(header.size(), false);
  std::vector<std::string> fields;
  std::size_t rows = 0;
  for (Records again = records; !again.at_end();) {
    KEELSON_RETURN_IF_ERROR(again.Next(&fields));
    if (fields.empty()) continue;
    ++rows;
    if (fields.size() > header.size()) {
      return Bad(fmt::format("Error tokenizing data. Expected {} fields in line {}, saw {}", header.size(),
                             again.line(), fields.size()));
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (!texts[i] && !IsMissing(fields[i]) && !Number(fields[i])) texts[i] = true;
    }
  }
  while (!records.at_end()) {
    KEELSON_RETURN_IF_ERROR(records.Next(&fields));
    if (fields.empty()) continue;
    fields.resize(header.size());
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (IsMissing(fields[i])) {
        KEELSON_RETURN_IF_ERROR(table->AddMissing(i));
      } else if (texts[i]) {
        KEELSON_RETURN_IF_ERROR(table->AddText(i, std::move(fields[i])));
      } else {
        KEELSON_RETURN_IF_ERROR(table->AddNumber(i, *Number(fields[i])));
      }
    }
  }
  return table->EndRow(rows);
}

}  // namespace keelson::wire::inference
