# cmake -DINPUT=FILE -DOUTPUT=FILE.cc -DHEADER=... -DFUNCTION=... -DNAMESPACE=... -P EmbedBytes.cmake: a source file whose function
# gives the bytes of INPUT as a std::string_view.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
string(REGEX REPLACE "((......,){16})" "\\1\n    " bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"

namespace ${NAMESPACE} {

std::string_view ${FUNCTION}() {
  static constexpr char kBytes[] = {
    ${bytes}
  };
  return {kBytes, sizeof kBytes};
}

}  // namespace ${NAMESPACE}
")
