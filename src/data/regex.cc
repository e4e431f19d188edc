#include "data/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>

namespace keelson::data {
namespace {

constexpr std::uint32_t kMatchLimit = 1'000'000;  // steps: about 10 ms
constexpr std::uint32_t kHeapLimitKib = 16 * 1024;
constexpr std::size_t kMaxPatternBytes = 64 * 1024;

std::string Message(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

struct MatchDataFree {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct ContextFree {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

// Working memory of a match: one a thread, reused.
struct Workspace {
  std::unique_ptr<pcre2_match_data, MatchDataFree> data{pcre2_match_data_create(1, nullptr)};
  std::unique_ptr<pcre2_match_context, ContextFree> context{pcre2_match_context_create(nullptr)};
  Workspace() {
    pcre2_set_match_limit(context.get(), kMatchLimit);
    pcre2_set_heap_limit(context.get(), kHeapLimitKib);
  }
};

}  // namespace

struct Regex::Code {
  pcre2_code* compiled = nullptr;
  Code() = default;
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() { pcre2_code_free(compiled); }
};

Regex::Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}

Result<Regex> Regex::Compile(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) return Fail(ErrorCode::kInvalidArgument, "a pattern longer than 64 KiB");
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_shared<Code>();
  code->compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                 PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (code->compiled == nullptr) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("not a regular expression: {} at character {}", Message(error), offset));
  }
  pcre2_jit_compile(code->compiled, PCRE2_JIT_COMPLETE);  // without it the interpreter matches
  return Regex(std::move(code));
}

Result<bool> Regex::Search(std::string_view text) const {
  thread_local const Workspace workspace;
  const int found = pcre2_match(code_->compiled, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                                PCRE2_NO_UTF_CHECK, workspace.data.get(), workspace.context.get());
  if (found >= 0) return true;
  if (found == PCRE2_ERROR_NOMATCH) return false;
  return Fail(
      ErrorCode::kResourceExhausted,
      fmt::format("the regular expression takes too long on a text of {} bytes: {}", text.size(), Message(found)));
}

}  // namespace keelson::data
