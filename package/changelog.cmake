# Run at every build with SOURCE, OUTPUT, VERSION and MAINTAINER: writes the package's changelog when what it says has changed. Its
# date is SOURCE_DATE_EPOCH, else that of the commit, so that one commit makes one package; else, without git, now.
find_package(Git QUIET)
if("$ENV{SOURCE_DATE_EPOCH}" STREQUAL "" AND GIT_FOUND AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} log -1 --format=%ct WORKING_DIRECTORY ${SOURCE}
                  OUTPUT_VARIABLE seconds OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(ENV{SOURCE_DATE_EPOCH} "${seconds}")
endif()
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${CMAKE_CURRENT_LIST_DIR}/deb/changelog.in ${OUTPUT} @ONLY)
