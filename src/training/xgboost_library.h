#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace keelson::training {

// The part of XGBoost's C API that we call, declared by us (the ABI is stable since 1.7; each slot is used by a test)
// and filled in from libxgboost.so at first use. Handles are the library's opaque pointers; every function but the
// first two returns 0 or, for an error, -1, whose text GetLastError gives on the same thread.
struct XgboostApi {
  using Handle = void*;
  using Size = std::uint64_t;

  const char* (*GetLastError)();
  void (*Version)(int* major, int* minor, int* patch);
  int (*RegisterLogCallback)(void (*callback)(const char* line));  // of the calling thread

  int (*DMatrixCreateFromDense)(const char* array, const char* config, Handle* out);
  int (*DMatrixFree)(Handle matrix);
  int (*DMatrixNumRow)(Handle matrix, Size* out);
  int (*DMatrixNumCol)(Handle matrix, Size* out);
  int (*DMatrixSetInfoFromInterface)(Handle matrix, const char* field, const char* array);
  int (*DMatrixSetStrFeatureInfo)(Handle matrix, const char* field, const char** values, Size count);
  int (*ProxyDMatrixCreate)(Handle* out);
  int (*ProxyDMatrixSetDataDense)(Handle proxy, const char* array);
  int (*QuantileDMatrixCreateFromCallback)(void* iterator, Handle proxy, void* reference, void (*reset)(void* iterator),
                                           int (*next)(void* iterator), const char* config, Handle* out);

  int (*BoosterCreate)(const Handle* matrices, Size count, Handle* out);
  int (*BoosterFree)(Handle booster);
  int (*BoosterSetParam)(Handle booster, const char* name, const char* value);
  int (*BoosterUpdateOneIter)(Handle booster, int round, Handle train);
  int (*BoosterEvalOneIter)(Handle booster, int round, Handle* matrices, const char** names, Size count,
                            const char** out);
  int (*BoosterPredictFromDMatrix)(Handle booster, Handle matrix, const char* config, const Size** shape,
                                   Size* dimensions, const float** out);
  int (*BoosterLoadModelFromBuffer)(Handle booster, const void* bytes, Size size);
  int (*BoosterSaveModelToBuffer)(Handle booster, const char* config, Size* size, const char** out);
  int (*BoosterBoostedRounds)(Handle booster, int* out);
  int (*BoosterGetNumFeature)(Handle booster, Size* out);
  int (*BoosterSetStrFeatureInfo)(Handle booster, const char* field, const char** values, Size count);
  int (*BoosterGetStrFeatureInfo)(Handle booster, const char* field, Size* count, const char*** out);
  int (*BoosterFeatureScore)(Handle booster, const char* config, Size* features, const char*** names, Size* dimensions,
                             const Size** shape, const float** scores);

  // The error of a call that returned `code`, without the library's stack trace; kInvalidArgument, because what we pass
  // on comes from people: parameters and data.
  Status Check(int code) const;
};

// Opens libxgboost.so (io/library.h) at the first call of the process, for its whole life. Sets
// OMP_WAIT_POLICY=PASSIVE, unless the environment has it already: with the default, threads that wait spin and starve
// the rest of a busy machine. Call it before other threads of ours read the environment. The struct may be used from
// any thread.
Result<const XgboostApi*> OpenXgboost();

// While it lives, collects what XGBoost logs on this thread, instead of standard error. One at a time a thread.
class XgboostLog {
 public:
  explicit XgboostLog(const XgboostApi& api);
  ~XgboostLog();
  XgboostLog(const XgboostLog&) = delete;
  XgboostLog& operator=(const XgboostLog&) = delete;
  std::string Take();  // what came since the last call

 private:
  const XgboostApi& api_;
};

}  // namespace keelson::training
