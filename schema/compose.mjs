// SPDX-License-Identifier: MIT
// Composes schema/supergraph.graphql from the sources' SDL. Run it after changing one of them and commit the output:
//
//   npm ci && npm run compose          writes schema/supergraph.graphql
//   npm run compose:check              fails when the committed file is not what the sources compose to
//
// The definitions of the binding directives (bindings.graphql) are added to each source; composition drops them.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { composeServices } from "@theguild/federation-composition";
import { buildSchema, parse } from "graphql";

const here = dirname(fileURLToPath(import.meta.url));
const read = (name) => readFileSync(join(here, name), "utf8");
const output = join(here, "supergraph.graphql");
// The URL of a source of one's own stands in the gateway's configuration, so the supergraph names none that resolves.
const sources = ["operations", "analytics"].filter((name) => existsSync(join(here, `${name}.graphql`)));
const bindings = read("bindings.graphql");

const result = composeServices(
  sources.map((name) => ({
    name,
    url: `meridian://${name}`,
    typeDefs: parse(`${read(`${name}.graphql`)}\n${bindings}`),
  })),
);
if (result.errors?.length) {
  for (const error of result.errors) console.error(error.message);
  process.exit(1);
}
buildSchema(result.publicSdl);
const text = `# Composed from ${sources.map((s) => `${s}.graphql`).join(" and ")} by schema/compose.mjs. Not edited by hand.\n${result.supergraphSdl.trim()}\n`;
if (process.argv.includes("--check")) {
  if (!existsSync(output) || readFileSync(output, "utf8") !== text) {
    console.error("schema/supergraph.graphql is not what its sources compose to: run npm run compose");
    process.exit(1);
  }
} else {
  writeFileSync(output, text);
}
