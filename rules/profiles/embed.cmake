# The built-in profiles are the same JSON that a user writes. This turns their texts into a C file in
# the build folder (see rules/expectations/profile_text.h) and adds it to a target. CMake runs again
# when a profile changes, comes or goes.
set(SIPVET_PROFILES_DIR ${CMAKE_CURRENT_LIST_DIR})

function(sipvet_embed_profiles target)
    file(GLOB profiles CONFIGURE_DEPENDS ${SIPVET_PROFILES_DIR}/*.json)
    # The profile that all others rest on comes first, the others in the order of their names.
    list(TRANSFORM profiles REPLACE "^.*/(.*)\\.json$" "\\1")
    list(SORT profiles)
    list(REMOVE_ITEM profiles rfc3263)
    list(PREPEND profiles rfc3263)

    set(texts "")
    set(rows "")
    set(names "")
    set(number 0)
    foreach(name IN LISTS profiles)
        set(profile ${SIPVET_PROFILES_DIR}/${name}.json)
        set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${profile})
        # As bytes, since ISO C promises no string literal longer than 4095 characters.
        file(READ ${profile} bytes HEX)
        string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
        string(REPEAT "....." 16 line)
        string(REGEX REPLACE "(${line})" "\\1\n    " bytes "${bytes}")
        string(APPEND texts "static const unsigned char text_${number}[] = {\n    ${bytes}\n};\n\n")
        file(READ ${profile} json)
        string(JSON title GET "${json}" title)
        string(REGEX REPLACE "([\\\"])" "\\\\\\1" title "${title}")
        string(APPEND rows "    {\"${name}\",\n     \"${title}\",\n"
                           "     text_${number}, sizeof text_${number}},\n")
        string(APPEND names "    \"${name}\",\n")
        math(EXPR number "${number} + 1")
    endforeach()

    set(generated ${CMAKE_CURRENT_BINARY_DIR}/profile_text.c)
    file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT
"/* Made by rules/profiles/embed.cmake from rules/profiles; do not edit. */
#include \"rules/expectations/profile_text.h\"

@texts@const struct profile_text profile_texts[] = {
@rows@};

const size_t profile_text_count = sizeof profile_texts / sizeof *profile_texts;

const char *const profile_names[] = {
@names@    NULL,
};
")
    target_sources(${target} PRIVATE ${generated})
endfunction()
