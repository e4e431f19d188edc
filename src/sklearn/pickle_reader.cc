#include "sklearn/pickle_reader.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "sklearn/numpy_pickle.h"

namespace keelson::sklearn {
namespace {

using Kind = Value::Kind;

constexpr std::size_t kLongestWhole = 1'024;  // bytes of a whole number

class Machine {
 public:
  explicit Machine(std::string_view bytes) : bytes_(bytes) {}

  Result<Document> Run() {
    while (!stopped_) {
      const std::size_t at = at_;
      if (auto done = Step(); !done) {
        return Fail(done.error().code, done.error().message, fmt::format("byte {}", at));
      }
    }
    return std::move(document_);
  }

 private:
  Status Step() {
    KEELSON_ASSIGN_OR_RETURN(const auto code, Unsigned(1));
    if (at_ == 1 && code != 0x80) {
      return Fail(ErrorCode::kUnsupported, "no pickle of protocol 2 or newer");
    }
    switch (code) {
      case 0x80: {  // PROTO
        KEELSON_ASSIGN_OR_RETURN(const auto protocol, Unsigned(1));
        if (protocol >= 2 && protocol <= 5) return {};
        return Fail(ErrorCode::kUnsupported, fmt::format("a pickle of protocol {}", protocol));
      }
      case 0x95: {  // FRAME: what follows, so many bytes of it, is read as if it had no frame
        KEELSON_ASSIGN_OR_RETURN(const auto size, Unsigned(8));
        return size <= bytes_.size() - at_ ? Status{} : Malformed("a frame longer than the pickle");
      }
      case '.': {
        KEELSON_ASSIGN_OR_RETURN(const Ref root, Pop());
        document_.SetRoot(root);
        stopped_ = true;
        return stack_.empty() && marks_.empty() ? Status{} : Malformed("values left on the stack");
      }
      default:
        break;
    }
    if (const auto constant = Constant(code)) return Push(*constant);
    if (const auto done = StackStep(code)) return *done;
    if (const auto done = ContainerStep(code)) return *done;
    if (const auto done = ObjectStep(code)) return *done;
    return NumberOrText(code);
  }

  static std::optional<Value> Constant(std::uint64_t code) {
    Value value;
    switch (code) {
      case 'N':
        return value;
      case 0x88:
      case 0x89:
        value.kind = Kind::kBool;
        value.integer = code == 0x88 ? 1 : 0;
        return value;
      case ')':
        value.kind = Kind::kTuple;
        return value;
      case ']':
        value.kind = Kind::kList;
        return value;
      case '}':
        value.kind = Kind::kDict;
        return value;
      case 0x8F:
        value.kind = Kind::kSet;
        return value;
      default:
        return std::nullopt;
    }
  }

  // Marks, the memo and what moves values on the stack; nothing for another code.
  std::optional<Status> StackStep(std::uint64_t code) {
    switch (code) {
      case '(':
        marks_.push_back(stack_.size());
        return marks_.size() <= Document::kMaxValues ? Status{} : Malformed("too many marks");
      case '0':
        return Drop(Pop());
      case '1':
        return Drop(PopMarked());
      case '2':
        return Again(Top());
      case 0x94:  // MEMOIZE
        return Memoize(memo_.size());
      case 'q':
        return Put(Unsigned(1));
      case 'r':
        return Put(Unsigned(4));
      case 'h':
        return Get(Unsigned(1));
      case 'j':
        return Get(Unsigned(4));
      default:
        return std::nullopt;
    }
  }

  std::optional<Status> ContainerStep(std::uint64_t code) {
    switch (code) {
      case 't':
        return Collect(Kind::kTuple);
      case 'l':
        return Collect(Kind::kList);
      case 'd':
        return Collect(Kind::kDict);
      case 0x91:
        return Collect(Kind::kSet);
      case 0x85:
      case 0x86:
      case 0x87:
        return SmallTuple(code - 0x84);
      case 'a':
        return Extend(PopSome(1), Kind::kList);
      case 'e':
        return Extend(PopMarked(), Kind::kList);
      case 0x90:
        return Extend(PopMarked(), Kind::kSet);
      case 's':
        return Extend(PopSome(2), Kind::kDict);
      case 'u':
        return Extend(PopMarked(), Kind::kDict);
      default:
        return std::nullopt;
    }
  }

  std::optional<Status> ObjectStep(std::uint64_t code) {
    switch (code) {
      case 'c':
        return Global();
      case 0x93:
        return StackGlobal();
      case 'R':   // REDUCE
      case 0x81:  // NEWOBJ
        return Make();
      case 'b':
        return Build();
      default:
        return std::nullopt;
    }
  }

  Status NumberOrText(std::uint64_t code) {
    switch (code) {
      case 'J':
        return Whole(4, /*is_signed=*/true);
      case 'K':
        return Whole(1, false);
      case 'M':
        return Whole(2, false);
      case 0x8A:
        return Long(1);
      case 0x8B:
        return Long(4);
      case 'G': {
        KEELSON_ASSIGN_OR_RETURN(const auto bytes, Take(8));
        std::uint64_t bits = 0;
        std::memcpy(&bits, bytes.data(), sizeof(bits));
        Value value;
        value.kind = Kind::kFloat;
        value.number = std::bit_cast<double>(std::byteswap(bits));
        return Push(std::move(value));
      }
      case 0x8C:
        return Text(1, Kind::kText);
      case 'X':
        return Text(4, Kind::kText);
      case 0x8D:
        return Text(8, Kind::kText);
      case 'C':
        return Text(1, Kind::kBytes);
      case 'B':
        return Text(4, Kind::kBytes);
      case 0x8E:
      case 0x96:  // BYTEARRAY8
        return Text(8, Kind::kBytes);
      default:
        return Fail(ErrorCode::kUnsupported, fmt::format("the pickle's instruction {:#04x}", code));
    }
  }

  static std::unexpected<Error> Malformed(std::string_view what) {
    return Fail(ErrorCode::kInvalidArgument, std::string(what));
  }

  Result<std::string_view> Take(std::uint64_t size) {
    if (size > bytes_.size() - at_) return Malformed("the pickle ends early");
    const auto taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }

  // Little-endian.
  Result<std::uint64_t> Unsigned(std::size_t size) {
    KEELSON_ASSIGN_OR_RETURN(const auto bytes, Take(size));
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), size);
    return value;
  }

  Status Push(Value value) {
    KEELSON_ASSIGN_OR_RETURN(const Ref ref, document_.Add(std::move(value)));
    return PushRef(ref);
  }
  Status PushRef(Ref ref) {
    if (stack_.size() == Document::kMaxValues) return Malformed("a stack too deep");
    stack_.push_back(ref);
    return {};
  }

  Result<Ref> Top() const {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) return Malformed("an instruction with nothing on the stack");
    return stack_.back();
  }
  Result<Ref> Pop() {
    auto top = Top();
    if (top) stack_.pop_back();
    return top;
  }
  Result<std::vector<Ref>> PopSome(std::size_t count) {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() < floor + count) return Malformed("an instruction with too little on the stack");
    return Cut(stack_.size() - count);
  }
  Result<std::vector<Ref>> PopMarked() {
    if (marks_.empty()) return Malformed("no mark on the stack");
    const std::size_t mark = marks_.back();
    marks_.pop_back();
    return Cut(mark);
  }
  std::vector<Ref> Cut(std::size_t begin) {
    std::vector<Ref> refs(stack_.begin() + static_cast<std::ptrdiff_t>(begin), stack_.end());
    stack_.resize(begin);
    return refs;
  }

  template <typename T>
  static Status Drop(const Result<T>& popped) {
    return popped ? Status{} : std::unexpected(popped.error());
  }
  Status Again(const Result<Ref>& top) { return top ? PushRef(*top) : std::unexpected(top.error()); }

  Status Memoize(std::uint64_t place) {
    KEELSON_ASSIGN_OR_RETURN(const Ref top, Top());
    if (place >= Document::kMaxValues) return Malformed("a place in the memo that none needs");
    if (place >= memo_.size()) memo_.resize(place + 1, kNoRef);
    memo_[place] = top;
    return {};
  }
  Status Put(const Result<std::uint64_t>& place) { return place ? Memoize(*place) : std::unexpected(place.error()); }
  Status Get(const Result<std::uint64_t>& place) {
    if (!place) return std::unexpected(place.error());
    if (*place >= memo_.size() || memo_[*place] == kNoRef) return Malformed("nothing at that place in the memo");
    return PushRef(memo_[*place]);
  }

  Status Whole(std::size_t size, bool is_signed) {
    KEELSON_ASSIGN_OR_RETURN(const auto bits, Unsigned(size));
    Value value;
    value.kind = Kind::kInt;
    value.integer = is_signed ? static_cast<std::int32_t>(bits) : static_cast<std::int64_t>(bits);
    return Push(std::move(value));
  }

  // Two's complement of any length.
  Status Long(std::size_t length) {
    KEELSON_ASSIGN_OR_RETURN(const auto size, Unsigned(length));
    if (size > kLongestWhole) return Malformed("a whole number too long");
    KEELSON_ASSIGN_OR_RETURN(const auto bytes, Take(size));
    Value value;
    value.kind = size <= 8 ? Kind::kInt : Kind::kBigInt;
    if (value.kind == Kind::kInt && size > 0) {
      std::uint64_t bits = (bytes.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
      std::memcpy(&bits, bytes.data(), size);
      value.integer = static_cast<std::int64_t>(bits);
    }
    return Push(std::move(value));
  }

  Status Text(std::size_t length, Kind kind) {
    KEELSON_ASSIGN_OR_RETURN(const auto size, Unsigned(length));
    Value value;
    value.kind = kind;
    KEELSON_ASSIGN_OR_RETURN(value.text, Take(size));
    return Push(std::move(value));
  }

  Status Collect(Kind kind) {
    KEELSON_ASSIGN_OR_RETURN(auto items, PopMarked());
    if (kind == Kind::kDict && items.size() % 2 != 0) return Malformed("a key without a value");
    Value value;
    value.kind = kind;
    value.items = std::move(items);
    return Push(std::move(value));
  }
  Status SmallTuple(std::size_t count) {
    KEELSON_ASSIGN_OR_RETURN(auto items, PopSome(count));
    Value value;
    value.kind = Kind::kTuple;
    value.items = std::move(items);
    return Push(std::move(value));
  }

  // Into the container on the top.
  Status Extend(Result<std::vector<Ref>> more, Kind kind) {
    if (!more) return std::unexpected(std::move(more).error());
    KEELSON_ASSIGN_OR_RETURN(const Ref top, Top());
    if (document_.at(top).kind != kind) {
      return Fail(ErrorCode::kUnsupported, "elements given to what is no list, set or dict of Python's own");
    }
    if (kind == Kind::kDict && more->size() % 2 != 0) return Malformed("a key without a value");
    auto& items = document_.value(top).items;
    KEELSON_RETURN_IF_ERROR(Count(*more));
    items.insert(items.end(), more->begin(), more->end());
    return {};
  }

  // What is copied of what stays where it was, so that a short pickle takes no more than it may by repeating itself.
  Status Count(const std::vector<Ref>& copied) {
    references_ += copied.size();
    return references_ <= Document::kMaxValues * 2 ? Status{} : Malformed("too many elements");
  }

  Result<std::string_view> Line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) return Malformed("a line that does not end");
    const auto line = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }
  Status Global() {
    Value value;
    value.kind = Kind::kGlobal;
    KEELSON_ASSIGN_OR_RETURN(value.text, Line());
    KEELSON_ASSIGN_OR_RETURN(value.name, Line());
    return Push(std::move(value));
  }
  Status StackGlobal() {
    KEELSON_ASSIGN_OR_RETURN(const auto parts, PopSome(2));
    const Value& module = document_.at(parts[0]);
    const Value& name = document_.at(parts[1]);
    if (module.kind != Kind::kText || name.kind != Kind::kText) return Malformed("a name that is no text");
    Value value;
    value.kind = Kind::kGlobal;
    value.text = module.text;
    value.name = name.text;
    return Push(std::move(value));
  }

  Status Make() {
    KEELSON_ASSIGN_OR_RETURN(const auto parts, PopSome(2));
    const Value& called = document_.at(parts[0]);
    const Value& arguments = document_.at(parts[1]);
    if (called.kind != Kind::kGlobal) {
      return Fail(ErrorCode::kUnsupported, "a class or function that was made and is not known by a name");
    }
    if (arguments.kind != Kind::kTuple) return Malformed("arguments that are no tuple");
    KEELSON_RETURN_IF_ERROR(Count(arguments.items));
    KEELSON_ASSIGN_OR_RETURN(const auto known, MakeNumpy(called, arguments, &document_));
    if (known) return PushRef(*known);
    Value value;
    value.kind = Kind::kObject;
    value.items.push_back(parts[0]);
    value.items.insert(value.items.end(), arguments.items.begin(), arguments.items.end());
    return Push(std::move(value));
  }

  Status Build() {
    KEELSON_ASSIGN_OR_RETURN(const Ref state, Pop());
    KEELSON_ASSIGN_OR_RETURN(const Ref top, Top());
    Value& value = document_.value(top);
    if (value.kind == Kind::kArray || value.kind == Kind::kType) {
      for (const Ref part : document_.at(state).items) KEELSON_RETURN_IF_ERROR(Count(document_.at(part).items));
      return BuildNumpy(document_.at(state), &document_, &value);
    }
    if (value.kind != Kind::kObject || value.state != kNoRef) {
      return Fail(ErrorCode::kUnsupported, "a state for what is no object or has one");
    }
    value.state = state;
    return {};
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool stopped_ = false;
  Document document_;
  std::vector<Ref> stack_;
  std::vector<std::size_t> marks_;
  std::vector<Ref> memo_;
  std::size_t references_ = 0;  // of containers to their elements, beyond those that the stack gave up
};

}  // namespace

Result<Document> ReadPickle(std::string_view bytes) {
  return Machine(bytes).Run();
}

}  // namespace keelson::sklearn
