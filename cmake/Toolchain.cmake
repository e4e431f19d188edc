# Language level, warnings, sanitizers and build speed. Everything here applies to all of our own targets.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_SANITIZED "-O0 -g1 -D_GLIBCXX_ASSERTIONS")  # script/build --sanitize: twice as quick to build as -O1

option(KEELSON_TESTS "Build the unit tests" ON)
option(KEELSON_BENCH "Build the micro-benchmarks" OFF)
set(KEELSON_SANITIZE "" CACHE STRING "Sanitizers to build with: '', 'address,undefined' or 'thread'")
option(KEELSON_FUZZ "Build the fuzz targets (*_fuzz.cc); needs clang, and goes with the address sanitizer" OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives of these two inside libstdc++ at -O2 (GCC bugs 105329 and 105562).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang 16 does not say that it has the concepts which libstdc++ 12 asks for before it offers std::expected; it has them.
  add_compile_options(-D__cpp_concepts=202002L -Wno-builtin-macro-redefined -Wno-macro-redefined)
  # For ccache, which looks at a precompiled header's content.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()

if(KEELSON_SANITIZE)
  add_compile_options(-fsanitize=${KEELSON_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KEELSON_SANITIZE})
  if(KEELSON_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # atomic_thread_fence inside Asio: TSan does not model it; ours are not used
  endif()
endif()
if(KEELSON_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # the coverage that guides libFuzzer, in everything that it calls
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
