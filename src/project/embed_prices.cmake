# Writes INPUT into OUTPUT as a text of C++.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${OUTPUT} "// Written by src/project/embed_prices.cmake.
#include <string_view>

namespace keelson::project {
namespace {
constexpr char kBytes[] = {${bytes}};
}  // namespace

extern const std::string_view kPricesYaml;
const std::string_view kPricesYaml{kBytes, sizeof(kBytes)};

}  // namespace keelson::project
")
