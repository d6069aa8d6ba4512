# Puts the explorer's files into OUT, compressed: ours from HERE, GraphiQL and React from npm, with the hashes below. Where
# npm is missing or fails, theirs are empty and the gateway serves the plain page: a build never needs npm.
#   cmake -DNPM=… -DGZIP=… -DHERE=… -DOUT=… -DKEEP=… -P fetch.cmake
set(packages
  graphiql 3.8.3 72e3c362d5d5295f3a3eee4f1c15fae3639d8bfb95104db2d49c6ae6b18efd0cb51b6951a7b659edafd3df4473c61b8b496a3dcd46f3ab43f7538f7ffc7d1483
  react 18.3.1 c12fa1020252851d0a844bcf240adfb8f54dd7e1f3d6dd18ea7e632eb1906e46f8bab80f13fd11bdefb590c075bffa16807826e1621c57e8bb176a53563fb689
  react-dom 18.3.1 e66e2740aa7ead945bd3d2cd1f9f463380714e1f76e75ff295b2886e97bb4e91b17c9fbd92fe812e42c15c88e3b296e06e720136a948db7b519d3593d2c9d423)

function(compress from name)
  execute_process(COMMAND ${GZIP} -9 -n -c ${from} OUTPUT_FILE ${OUT}/${name}.gz RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "gzip ${from}: ${failed}")
  endif()
endfunction()

# One package into KEEP, which all build folders share; sets ok in the caller.
function(get package version hash)
  set(archive ${KEEP}/${package}-${version}.tgz)
  file(LOCK ${KEEP} DIRECTORY GUARD FUNCTION TIMEOUT 120 RESULT_VARIABLE locked)
  if(NOT EXISTS ${archive} AND NPM)
    execute_process(COMMAND ${NPM} pack ${package}@${version} --pack-destination ${KEEP} --silent
      WORKING_DIRECTORY ${KEEP} TIMEOUT 60 OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE failed)
  endif()
  if(EXISTS ${archive})
    file(SHA512 ${archive} found)
    if(found STREQUAL hash)
      file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${OUT}/${package})
      set(ok TRUE PARENT_SCOPE)
      return()
    endif()
    file(REMOVE ${archive})
    message(STATUS "explorer: ${package} ${version} is not what it should be")
  endif()
  set(ok FALSE PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${OUT} ${KEEP})
foreach(own meridian.js meridian.css plain.js)
  compress(${HERE}/${own} ${own})
endforeach()

set(complete TRUE)
while(packages)
  list(POP_FRONT packages package version hash)
  get(${package} ${version} ${hash})
  if(NOT ok)
    set(complete FALSE)
  endif()
endwhile()

set(theirs graphiql.js graphiql.css react.js react-dom.js)
set(files graphiql/package/graphiql.min.js graphiql/package/graphiql.min.css react/package/umd/react.production.min.js
  react-dom/package/umd/react-dom.production.min.js)
foreach(name file IN ZIP_LISTS theirs files)
  if(complete)
    compress(${OUT}/${file} ${name})
  else()
    file(WRITE ${OUT}/${name}.gz "")
  endif()
endforeach()
if(NOT complete)
  message(STATUS "explorer: no GraphiQL from npm, the plain page is built")
endif()
