# What `cmake --install` puts where: the binary, the built-in profiles as files to copy from, the
# JSON Schemas of what sipvet reads and writes, the manual page.

install(TARGETS sipvet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

install(DIRECTORY rules/profiles/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sipvet/profiles
        FILES_MATCHING PATTERN "*.json")
install(DIRECTORY rules/schema/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sipvet/schema
        FILES_MATCHING PATTERN "*.json")

install(FILES docs/sipvet.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
