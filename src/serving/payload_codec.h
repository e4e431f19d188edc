#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "serving/payload_log.h"

namespace keelson::serving {

// The two kinds of frames in a payload segment. Numbers are little-endian.
//
// The head is JSON: {"format":1,"model":..,"version":..,"inputs":[{"name":..,"type":..}],"outputs":[..]}; of a model of
// named tensors {"format":1,"model":..,"version":..,"tensors":true}.
// A record is: u8 1, i64 time, i64 latency, u32 rows, text request id, text version (text: u32 length, bytes), then for
// each input u8 flags (1: some are missing, so a byte of 0 or 1 a row follows; 2: numbers are f32, for all are exact in
// it), then the numbers (f64 or f32, NaN where missing) or the texts; then rows x outputs f32.
// Where all inputs are numbers it may be u8 3, and behind the version stand rows x inputs f32, NaN where one is
// missing, and rows x outputs f32. Of a model of named tensors it is u8 2, and behind the version come two lists, of
// what was asked and what was answered: u32 length, and each tensor as text name, u8 datatype, u8 rank, i64 dimensions,
// u32 size and so many bytes of the binary tensor data extension (a missing text is empty).
std::string EncodeHead(const PayloadSchema& schema);
Result<PayloadSchema> DecodeHead(std::string_view frame);

// kInvalidArgument when the record does not fit the schema.
Result<std::string> EncodeRecord(const PayloadSchema& schema, const PayloadRecord& record);
// Into `frame`, whose memory is used again; the same error.
Status EncodeNumbers(const PayloadSchema& schema, const PayloadNumbers& numbers, std::string* frame);
// kDataLoss when the bytes do not.
Result<PayloadRecord> DecodeRecord(const PayloadSchema& schema, std::string_view frame);

}  // namespace keelson::serving
