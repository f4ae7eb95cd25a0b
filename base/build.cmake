# Run at every build with SOURCE, OUTPUT, VERSION, COMMIT, COMPILER and BUILD_TYPE: writes build.h when what it says has
# changed. COMMIT is for a source tree without git; its own git goes before.
find_package(Git QUIET)
set(commit "")
if(GIT_FOUND AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --dirty --abbrev=12 --match= WORKING_DIRECTORY ${SOURCE}
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(commit STREQUAL "")
  set(commit "${COMMIT}")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/build.h.in ${OUTPUT} @ONLY)
