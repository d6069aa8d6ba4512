# Warnings, hardening and sanitizers, in one interface library that every room links.
add_library(mer_flags INTERFACE)
target_compile_options(mer_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wcast-qual
  -Wformat=2 -Wundef -Werror -fvisibility=hidden -fno-common -fno-omit-frame-pointer)
target_compile_definitions(mer_flags INTERFACE _GNU_SOURCE H2O_USE_LIBUV=0)

set(MER_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
if(MER_SANITIZE)
  target_compile_options(mer_flags INTERFACE -fsanitize=${MER_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(mer_flags INTERFACE -fsanitize=${MER_SANITIZE})
  target_compile_definitions(mer_flags INTERFACE MER_SANITIZED=1)
else()
  target_compile_options(mer_flags INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=2>
    -fstack-protector-strong -fPIE)
  target_link_options(mer_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
