#pragma once

#include <string_view>

#include "base/result.h"
#include "sklearn/python_document.h"

namespace keelson::sklearn {

// Reads a pickle of protocols 2 to 5 as data. A pickle is a program for a small machine with a stack, which may name
// any class or function and have it called; here it is run by a machine that has only values: a name stays a name
// (Value::kGlobal), what would be made by a call stays the name and its arguments (Value::kObject), and a state that
// would be given to an object lies beside it. Nothing is imported, looked up or called. Only what numpy's arrays, types
// and numbers are made of is taken for what it is, and the bytes that protocol 2 writes as texts.
//
// Bounded: by Document::kMaxValues, by the bytes that are there (a length is believed only if they are), and without
// recursion. kInvalidArgument for what is no whole pickle, kUnsupported for what is in use nowhere among models
// (protocols 0 and 1, persistent ids, buffers out of band), with the byte in `where`. The bytes must outlive the
// result.
Result<Document> ReadPickle(std::string_view bytes);

}  // namespace keelson::sklearn
