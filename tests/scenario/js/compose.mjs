// SPDX-License-Identifier: MIT
// node compose.mjs: reads {NAME: SDL} from standard input, prints {supergraph} as npm's composition makes it.
import { readFileSync } from "node:fs";
import { composeServices } from "@theguild/federation-composition";
import { parse } from "graphql";

const subgraphs = Object.entries(JSON.parse(readFileSync(0, "utf8")));
const made = composeServices(subgraphs.map(([name, sdl]) => ({ name, typeDefs: parse(sdl), url: `http://${name}` })));
if (made.errors) throw new Error(made.errors.map((error) => error.message).join("\n"));
console.log(JSON.stringify({ supergraph: made.supergraphSdl }));
