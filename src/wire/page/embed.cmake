# Writes FOLDER's files into OUTPUT as byte arrays, with the hash that serves as their ETag.
set(arrays "")
set(rows "")
set(index 0)
foreach(name index.html favicon.svg app.js app.css)
  file(READ ${FOLDER}/${name} bytes HEX)
  file(SHA256 ${FOLDER}/${name} hash)
  string(SUBSTRING ${hash} 0 32 hash)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char kBytes${index}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${name}\", {kBytes${index}, sizeof(kBytes${index})}, \"${hash}\"},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Written by src/wire/page/embed.cmake.
#include \"wire/page/embedded_files.h\"

namespace keelson::wire {
namespace {
${arrays}
constexpr EmbeddedFile kFiles[] = {
${rows}};
}  // namespace

std::span<const EmbeddedFile> EmbeddedFiles() { return kFiles; }

}  // namespace keelson::wire
")
