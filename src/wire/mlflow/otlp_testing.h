#pragma once

#include <bit>
#include <string>
#include <vector>

#include "base/protobuf.h"
#include "wire/mlflow/otlp.h"

namespace keelson::wire::mlflow {

// What an exporter would send: for tests, and for seeds of the fuzz target.
inline void AppendAny(ProtoWriter& writer, std::uint32_t field, const tracking::OrderedJson& value) {
  writer.Nested(field, [&] {
    if (value.is_string()) writer.Bytes(1, value.get<std::string>());
    if (value.is_boolean()) writer.Element(2, value.get<bool>() ? 1 : 0);
    if (value.is_number_integer()) writer.Element(3, static_cast<std::uint64_t>(value.get<std::int64_t>()));
    if (value.is_number_float()) writer.Double(4, value.get<double>());
    if (value.is_array()) {
      writer.Nested(5, [&] {
        for (const auto& each : value) AppendAny(writer, 1, each);
      });
    }
    if (value.is_object()) {
      writer.Nested(6, [&] {
        for (const auto& [key, each] : value.items()) {
          writer.Nested(1, [&] {
            writer.Text(1, key);
            AppendAny(writer, 2, each);
          });
        }
      });
    }
    if (value.is_binary()) writer.Bytes(7, std::string(value.get_binary().begin(), value.get_binary().end()));
  });
}

inline void AppendPairs(ProtoWriter& writer, std::uint32_t field, const OtlpAttributes& attributes) {
  for (const auto& [key, value] : attributes) {
    writer.Nested(field, [&] {
      writer.Text(1, key);
      AppendAny(writer, 2, value);
    });
  }
}

inline void AppendFixed64(ProtoWriter& writer, std::uint32_t field, std::uint64_t value) {
  if (value != 0) writer.Double(field, std::bit_cast<double>(value));  // the same eight bytes
}

inline std::string OtlpBytes(const std::vector<OtlpResource>& resources) {
  std::string bytes;
  ProtoWriter writer(&bytes);
  for (const OtlpResource& resource : resources) {
    writer.Nested(1, [&] {
      writer.Nested(1, [&] { AppendPairs(writer, 1, resource.attributes); });
      writer.Nested(2, [&] {
        for (const OtlpSpan& span : resource.spans) {
          writer.Nested(2, [&] {
            writer.Text(1, span.trace_id);
            writer.Text(2, span.span_id);
            writer.Text(4, span.parent_id);
            writer.Text(5, span.name);
            AppendFixed64(writer, 7, span.started_ns);
            AppendFixed64(writer, 8, span.ended_ns);
            AppendPairs(writer, 9, span.attributes);
            for (const OtlpEvent& event : span.events) {
              writer.Nested(11, [&] {
                AppendFixed64(writer, 1, event.time_ns);
                writer.Text(2, event.name);
                AppendPairs(writer, 3, event.attributes);
              });
            }
            for (const OtlpLink& link : span.links) {
              writer.Nested(13, [&] {
                writer.Text(1, link.trace_id);
                writer.Text(2, link.span_id);
                AppendPairs(writer, 4, link.attributes);
              });
            }
            writer.Nested(15, [&] {
              writer.Text(2, span.message);
              writer.Number(3, static_cast<std::uint64_t>(span.status));
            });
          });
        }
      });
    });
  }
  return bytes;
}

}  // namespace keelson::wire::mlflow
