# Every library that the program links, all from Debian's packages. What is opened at first use only (DuckDB, XGBoost, ONNX Runtime) is
# fetched by script/setup into KEELSON_DEPENDENCIES, checked against third_party/checksums.txt, and copied to build/*/lib.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(date REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_library(KEELSON_NGHTTP2 nghttp2 REQUIRED)  # HTTP/2, under gRPC
add_library(keelson_libpq_headers INTERFACE)    # the library itself is opened when it is first needed
find_path(KEELSON_LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
target_include_directories(keelson_libpq_headers SYSTEM INTERFACE ${KEELSON_LIBPQ_INCLUDE})
find_program(KEELSON_PROTOC protoc REQUIRED)    # compiles protocols/ into the descriptors that reflection serves
if(KEELSON_TESTS)
  find_package(GTest REQUIRED)
  find_package(Protobuf REQUIRED)  # what our own reading and writing of messages is held against; not in the program
endif()

set(KEELSON_DEPENDENCIES "${CMAKE_SOURCE_DIR}/.cache/dependencies" CACHE PATH "Where script/setup unpacks pinned packages")

# Shared libraries that a role opens at first use stand in build/*/lib, as they do in a package (bin/keelson, lib/).
if(NOT EXISTS ${KEELSON_DEPENDENCIES}/lib/libduckdb.so)
  message(FATAL_ERROR "The pinned packages are not in ${KEELSON_DEPENDENCIES}; run script/setup first")
endif()
file(GLOB opened_libraries ${KEELSON_DEPENDENCIES}/lib/*.so*)
file(COPY ${opened_libraries} DESTINATION ${CMAKE_BINARY_DIR}/lib)
