// SPDX-License-Identifier: MIT
// node schema_round_trip.mjs: reads {sdl, introspection, document} from standard input and says what npm's graphql makes
// of them: the SDL it prints for the introspection answer, whether both are the same schema, what it finds wrong.
import { readFileSync } from "node:fs";
import { buildClientSchema, buildSchema, lexicographicSortSchema, parse, printSchema, validate } from "graphql";

const told = JSON.parse(readFileSync(0, "utf8"));
const client = buildClientSchema(told.introspection);
const server = buildSchema(told.sdl);
console.log(
  JSON.stringify({
    printed: printSchema(client),
    sorted: printSchema(lexicographicSortSchema(client)) === printSchema(lexicographicSortSchema(server)),
    errors: validate(server, parse(told.document)).map((e) => ({ message: e.message, ...e.locations[0] })),
  }),
);
