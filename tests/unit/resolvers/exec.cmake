# What is pure in running a plan: values, merging, projection, ages, the board.
set(exec_rig ${CMAKE_CURRENT_LIST_DIR}/exec_rig.c)
foreach(name value connection project freshness board)
  mer_unit_test(${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c ${exec_rig} USES resolvers)
endforeach()
