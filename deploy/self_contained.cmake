# With REPSCORE_SELF_CONTAINED, programs need nothing but libc and libm where
# they run: for machines that have none of our packages. Included before any
# library is looked for; repscore_link_statically() comes after.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
set(OPENSSL_USE_STATIC_LIBS TRUE)
add_link_options(-static-libstdc++ -static-libgcc -Wl,--as-needed)

# Debian's Abseil has both kinds; its targets name the shared one.
macro(repscore_link_statically)
  get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
  list(FILTER imported INCLUDE REGEX "^absl::")
  foreach(target ${imported})
    get_target_property(location ${target} IMPORTED_LOCATION_NONE)
    if(location MATCHES "\\.so")
      string(REGEX REPLACE "\\.so.*$" ".a" location "${location}")
      set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_NONE
                                                 "${location}")
    endif()
  endforeach()
endmacro()
