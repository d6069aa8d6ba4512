foreach(target lexer parser validation variables sdl)
  mer_fuzz_target(${target} SOURCES fuzz_${target}.c USES schema)
endforeach()
