#include "wire/inference/grpc_replies.h"

#include <fmt/format.h>

#include "base/protobuf.h"
#include "wire/inference/model_description.h"

namespace keelson::wire::inference {
namespace {

using serving::Datatype;
using serving::TensorInfo;

void WriteShape(std::uint32_t field, const std::vector<std::int64_t>& shape, ProtoWriter& writer) {
  if (shape.empty()) return;
  writer.Nested(field, [&] {
    for (const auto dimension : shape) writer.Varint(static_cast<std::uint64_t>(dimension));
  });
}

// The numbers of inference.DataType.
std::uint64_t TypeNumber(Datatype datatype) {
  switch (datatype) {
    case Datatype::kBool:
      return 1;
    case Datatype::kUint8:
      return 2;
    case Datatype::kUint16:
      return 3;
    case Datatype::kUint32:
      return 4;
    case Datatype::kUint64:
      return 5;
    case Datatype::kInt8:
      return 6;
    case Datatype::kInt16:
      return 7;
    case Datatype::kInt32:
      return 8;
    case Datatype::kInt64:
      return 9;
    case Datatype::kFp16:
      return 10;
    case Datatype::kFp32:
      return 11;
    case Datatype::kFp64:
      return 12;
    case Datatype::kBytes:
      return 13;
    case Datatype::kBf16:
      return 14;
  }
  return 0;
}

void WriteDuration(std::uint32_t field, std::uint64_t count, std::uint64_t nanoseconds, ProtoWriter& writer) {
  writer.Nested(field, [&] {
    writer.Number(1, count);
    writer.Number(2, nanoseconds);
  });
}

void WriteDuration(std::uint32_t field, const LatencyHistogram& histogram, ProtoWriter& writer) {
  WriteDuration(field, histogram.count(), histogram.nanoseconds(), writer);
}

}  // namespace

std::optional<NamedModel> ReadNamedModel(std::string_view message) {
  NamedModel model;
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1) && !reader.Text(&model.name)) return std::nullopt;
    if (reader.key() == ProtoBytes(2) && !reader.Text(&model.version)) return std::nullopt;
  }
  if (!reader.ok()) return std::nullopt;
  return model;
}

std::optional<RepositoryChange> ReadRepositoryChange(std::string_view message) {
  RepositoryChange change;
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1) && !reader.Text(&change.repository)) return std::nullopt;
    if (reader.key() == ProtoBytes(2) && !reader.Text(&change.model)) return std::nullopt;
    if (reader.key() != ProtoBytes(3)) continue;
    std::string& name = change.parameters.emplace_back();
    ProtoReader entry(reader.bytes());
    while (entry.Next()) {
      if (entry.key() == ProtoBytes(1) && !entry.Text(&name)) return std::nullopt;
    }
    if (!entry.ok()) return std::nullopt;
  }
  if (!reader.ok()) return std::nullopt;
  return change;
}

std::optional<RepositoryIndexAsked> ReadRepositoryIndex(std::string_view message) {
  RepositoryIndexAsked asked;
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1)) asked.repository.assign(reader.bytes());
    if (reader.key() == ProtoVarint(2)) asked.ready = reader.number() != 0;
  }
  if (!reader.ok()) return std::nullopt;
  return asked;
}

io::GrpcStatus MalformedGrpc(std::string_view message) {
  return {io::GrpcCode::kInternal, fmt::format("the message is no inference.{}", message)};
}

io::GrpcStatus NoSuchRepository() {
  return {io::GrpcCode::kUnimplemented, "'repository_name' specification is not supported"};
}

std::string WriteServerMetadata(std::string_view version, std::span<const std::string_view> extensions) {
  std::string out;
  ProtoWriter writer(&out);
  writer.Text(1, "keelson");
  writer.Text(2, version);
  for (const auto extension : extensions) writer.Bytes(3, extension);
  return out;
}

void AppendMetadataTensor(std::uint32_t field, const TensorInfo& info, ProtoWriter& writer) {
  writer.Nested(field, [&] {
    writer.Text(1, info.name);
    writer.Text(2, DatatypeName(info.datatype));
    WriteShape(3, info.shape, writer);
  });
}

void AppendConfigInput(const TensorInfo& info, ProtoWriter& writer) {
  writer.Nested(5, [&] {
    writer.Text(1, info.name);
    writer.Number(2, TypeNumber(info.datatype));
    WriteShape(4, info.shape, writer);
    writer.Number(8, info.optional ? 1 : 0);
  });
}

std::string WriteModelMetadata(const serving::LoadedModel& model, std::span<const std::string> versions) {
  std::string out;
  ProtoWriter writer(&out);
  writer.Text(1, model.name());
  for (const auto& version : versions) writer.Bytes(2, version);
  writer.Text(3, model.platform());
  const auto write = [&](std::uint32_t field, const std::vector<TensorInfo>& infos) {
    for (const auto& info : infos) AppendMetadataTensor(field, info, writer);
  };
  write(4, InputsOf(model));
  write(5, OutputsOf(model));
  return out;
}

std::string WriteModelConfig(const serving::LoadedModel& model) {
  std::string out;
  ProtoWriter writer(&out);
  writer.Nested(1, [&] {
    writer.Text(1, model.name());
    writer.Text(2, model.platform());
    for (const auto& info : InputsOf(model)) AppendConfigInput(info, writer);
    for (const auto& info : OutputsOf(model)) {
      writer.Nested(6, [&] {
        writer.Text(1, info.name);
        writer.Number(2, TypeNumber(info.datatype));
        WriteShape(3, info.shape, writer);
      });
    }
    writer.Text(17, "keelson");
  });
  return out;
}

std::string WriteStatistics(std::span<const NamedMetrics> models) {
  std::string out;
  ProtoWriter writer(&out);
  for (const auto& model : models) {
    const ModelMetrics& metrics = *model.metrics;
    writer.Nested(1, [&] {
      writer.Text(1, model.model);
      writer.Text(2, model.version);
      writer.Number(3, static_cast<std::uint64_t>(metrics.last_ms()));
      writer.Number(4, metrics.rows());
      writer.Number(5, metrics.compute().count());
      writer.Nested(6, [&] {
        WriteDuration(1, metrics.success(), writer);
        WriteDuration(2, metrics.failures(), metrics.failure_ns(), writer);
        WriteDuration(3, metrics.queue(), writer);
        WriteDuration(4, metrics.input(), writer);
        WriteDuration(5, metrics.compute(), writer);
        WriteDuration(6, metrics.output(), writer);
        WriteDuration(7, 0, 0, writer);
        WriteDuration(8, 0, 0, writer);
      });
      for (const auto& batch : metrics.batches()) {
        writer.Nested(7, [&] {
          writer.Number(1, batch.size);
          WriteDuration(2, batch.count, batch.input_ns, writer);
          WriteDuration(3, batch.count, batch.compute_ns, writer);
          WriteDuration(4, batch.count, batch.output_ns, writer);
        });
      }
    });
  }
  return out;
}

std::string WriteRepositoryIndex(std::span<const ServedModels::IndexRow> rows) {
  std::string out;
  ProtoWriter writer(&out);
  for (const auto& row : rows) {
    writer.Nested(1, [&] {
      writer.Text(1, row.name);
      writer.Text(2, row.version);
      writer.Text(3, row.ready ? "READY" : "UNAVAILABLE");
      writer.Text(4, row.reason);
    });
  }
  return out;
}

}  // namespace keelson::wire::inference
