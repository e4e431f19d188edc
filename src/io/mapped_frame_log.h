#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/files.h"

namespace keelson::io {

// A FrameLog for many small frames: Append copies into a mapping of the file, which is the page cache itself, so that a
// frame survives the process without a call into the kernel. The file is longer than its frames while the log is open,
// by at most kMappedLogStep of zeroes, which readers and the next opening take for a torn tail; what a frame needs is
// allocated before it is written, so that a full disk is an error of Append (kResourceExhausted) and no signal. Errors
// as of FrameLog::OpenForAppend, whose lock it takes too.
inline constexpr std::size_t kMappedLogStep = std::size_t{1} << 20;
Result<std::unique_ptr<FrameLog>> OpenMappedFrameLog(const std::string& path);

}  // namespace keelson::io
