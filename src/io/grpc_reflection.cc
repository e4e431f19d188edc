#include "io/grpc_reflection.h"

#include <algorithm>
#include <optional>

#include "base/protobuf.h"

namespace keelson::io {
namespace {

// The names that a message of google/protobuf/descriptor.proto declares. `within`: the scope with its dot.
class Symbols {
 public:
  explicit Symbols(std::vector<std::string>* names) : names_(*names) {}

  // The name stands in field 1 of every kind of declaration.
  static std::string NameOf(std::string_view declaration) {
    std::string name;
    ProtoReader reader(declaration);
    while (reader.Next()) {
      if (reader.key() == ProtoBytes(1)) name.assign(reader.bytes());
    }
    return name;
  }

  bool AddMessage(const std::string& within, std::string_view message, int depth = 0) {
    constexpr int kMostNesting = 32;
    const std::string name = within + NameOf(message);
    names_.push_back(name);
    ProtoReader reader(message);
    while (reader.Next()) {
      if (reader.key() == ProtoBytes(3) &&
          (depth == kMostNesting || !AddMessage(name + ".", reader.bytes(), depth + 1))) {
        return false;
      }
      if (reader.key() == ProtoBytes(4)) names_.push_back(name + "." + NameOf(reader.bytes()));
    }
    return reader.ok();
  }

  bool AddService(const std::string& name, std::string_view service) {
    names_.push_back(name);
    ProtoReader reader(service);
    while (reader.Next()) {
      if (reader.key() == ProtoBytes(2)) names_.push_back(name + "." + NameOf(reader.bytes()));
    }
    return reader.ok();
  }

 private:
  std::vector<std::string>& names_;
};

class ReflectionHandler final : public GrpcHandler {
 public:
  ReflectionHandler(const GrpcReflection& reflection, std::shared_ptr<GrpcCall> call)
      : reflection_(reflection), call_(std::move(call)) {}
  void OnMessage(std::string_view message) override {
    auto answer = reflection_.Answer(message);
    if (!answer) return call_->Finish(GrpcStatusOf(answer.error()));
    call_->Write(*std::move(answer));
  }
  void OnHalfClose() override { call_->Finish({}); }
  void OnDrain() override { call_->Finish({GrpcCode::kUnavailable, "the server is ending"}); }

 private:
  const GrpcReflection& reflection_;
  const std::shared_ptr<GrpcCall> call_;
};

// What a ServerReflectionRequest asks: a field of its oneof and the text in it.
struct Asked {
  std::string_view host;
  std::uint32_t field = 0;
  std::string_view text;
};

std::optional<Asked> ReadRequest(std::string_view bytes) {
  Asked asked;
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1)) asked.host = reader.bytes();
    for (std::uint32_t field = 3; field <= 7; ++field) {
      if (reader.key() != ProtoBytes(field)) continue;
      asked.field = field;
      asked.text = reader.bytes();
    }
  }
  if (!reader.ok()) return std::nullopt;
  return asked;
}

}  // namespace

Result<std::unique_ptr<GrpcReflection>> GrpcReflection::Open(std::string_view descriptors) {
  std::unique_ptr<GrpcReflection> reflection(new GrpcReflection);
  ProtoReader set(descriptors);
  while (set.Next()) {
    if (set.key() == ProtoBytes(1) && !reflection->AddFile(set.bytes())) {
      return Fail(ErrorCode::kInternal, "a file descriptor is malformed");
    }
  }
  if (!set.ok()) return Fail(ErrorCode::kInternal, "the file descriptor set is malformed");
  return reflection;
}

bool GrpcReflection::AddFile(std::string_view bytes) {
  File file{bytes, {}};
  std::string name;
  std::string package;
  ProtoReader first(bytes);
  while (first.Next()) {
    if (first.key() == ProtoBytes(1)) name.assign(first.bytes());
    if (first.key() == ProtoBytes(2)) package = std::string(first.bytes()) + ".";
    if (first.key() == ProtoBytes(3)) file.imports.emplace_back(first.bytes());
  }
  std::vector<std::string> names;
  Symbols symbols(&names);
  ProtoReader second(bytes);
  while (second.Next()) {
    if (second.key() == ProtoBytes(4) && !symbols.AddMessage(package, second.bytes())) return false;
    if (second.key() == ProtoBytes(5)) names.push_back(package + Symbols::NameOf(second.bytes()));
    if (second.key() != ProtoBytes(6)) continue;
    services_.push_back(package + Symbols::NameOf(second.bytes()));
    if (!symbols.AddService(services_.back(), second.bytes())) return false;
  }
  for (auto& symbol : names) symbols_.emplace(std::move(symbol), name);
  files_.emplace(std::move(name), std::move(file));
  return first.ok() && second.ok();
}

void GrpcReflection::Collect(const std::string& name, std::vector<const File*>* files) const {
  const auto found = files_.find(name);
  if (found == files_.end() || std::find(files->begin(), files->end(), &found->second) != files->end()) return;
  files->push_back(&found->second);
  for (const auto& import : found->second.imports) Collect(import, files);
}

std::unique_ptr<GrpcHandler> GrpcReflection::Accept(const std::shared_ptr<GrpcCall>& call) const {
  const std::string& method = call->request().method;
  if (method != "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" &&
      method != "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo") {
    return nullptr;
  }
  return std::make_unique<ReflectionHandler>(*this, call);
}

Result<std::string> GrpcReflection::Answer(std::string_view request) const {
  const auto asked = ReadRequest(request);
  if (!asked) return Fail(ErrorCode::kInternal, "the message is no ServerReflectionRequest");
  std::string answer;
  ProtoWriter writer(&answer);
  writer.Text(1, asked->host);
  writer.Bytes(2, request);
  const auto refuse = [&](GrpcCode code, std::string_view message) {
    writer.Nested(7, [&] {
      writer.Number(1, static_cast<std::uint64_t>(code));
      writer.Text(2, message);
    });
    return answer;
  };
  switch (asked->field) {
    case 3:
    case 4: {
      const auto symbol = symbols_.find(asked->text);
      std::vector<const File*> files;
      if (asked->field == 3) {
        Collect(std::string(asked->text), &files);
      } else if (symbol != symbols_.end()) {
        Collect(symbol->second, &files);
      }
      if (files.empty()) {
        return refuse(GrpcCode::kNotFound,
                      (asked->field == 3 ? "File not found: " : "Symbol not found: ") + std::string(asked->text));
      }
      writer.Nested(4, [&] {
        for (const File* file : files) writer.Bytes(1, file->bytes);
      });
      return answer;
    }
    case 5:
      return refuse(GrpcCode::kNotFound, "Extension not found: proto3 has none");
    case 6:
      if (!symbols_.contains(asked->text)) {
        return refuse(GrpcCode::kNotFound, "Type not found: " + std::string(asked->text));
      }
      writer.Nested(5, [&] { writer.Text(1, asked->text); });
      return answer;
    case 7:
      writer.Nested(6, [&] {
        for (const auto& service : services_) writer.Nested(1, [&] { writer.Text(1, service); });
      });
      return answer;
    default:
      return refuse(GrpcCode::kInvalidArgument, "the request asks nothing");
  }
}

}  // namespace keelson::io
