# keelson_grpc_descriptors(ROOM FOLDERS FOLDER... FUNCTION NAME HEADER PATH)
# What server reflection tells of the services in those folders of protocols/: their descriptors as bytes in the program, given by
# NAME(), which that header declares. The program does not link protobuf; the room's tests do, to hold our own reading
# and writing of messages against it.
function(keelson_grpc_descriptors room)
  cmake_parse_arguments(arg "" "FUNCTION;HEADER" "FOLDERS" ${ARGN})
  set(protocols ${CMAKE_SOURCE_DIR}/protocols)
  set(patterns ${arg_FOLDERS})
  list(TRANSFORM patterns PREPEND ${protocols}/)
  list(TRANSFORM patterns APPEND /*.proto)
  file(GLOB_RECURSE proto_files CONFIGURE_DEPENDS RELATIVE ${protocols} ${patterns})
  list(TRANSFORM proto_files PREPEND ${protocols}/ OUTPUT_VARIABLE proto_paths)
  set(descriptors ${CMAKE_CURRENT_BINARY_DIR}/descriptors)
  string(REPLACE "/" "::" namespace ${room})
  string(REPLACE "/" "_" target ${room})
  add_custom_command(OUTPUT ${descriptors}.cc
    COMMAND ${KEELSON_PROTOC} --proto_path=${protocols} --include_imports --descriptor_set_out=${descriptors}.bin ${proto_files}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${descriptors}.bin -DOUTPUT=${descriptors}.cc -DHEADER=${arg_HEADER}
      -DFUNCTION=${arg_FUNCTION} -DNAMESPACE=keelson::${namespace} -P ${CMAKE_SOURCE_DIR}/cmake/EmbedBytes.cmake
    DEPENDS ${proto_paths} ${CMAKE_SOURCE_DIR}/cmake/EmbedBytes.cmake
    COMMENT "Embedding the gRPC descriptors of ${room}" VERBATIM)
  target_sources(keelson_${target} PRIVATE ${descriptors}.cc)
  if(KEELSON_TESTS)
    target_link_libraries(keelson_${target}_test PRIVATE protobuf::libprotobuf)
  endif()
endfunction()
