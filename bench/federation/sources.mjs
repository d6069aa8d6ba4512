// SPDX-License-Identifier: MIT
// The four subgraphs of suite.mjs, and what must be answered.
//
//   node bench/federation/sources.mjs --compose          writes supergraph.graphql (npm ci first); commit it
//   node bench/federation/sources.mjs --serve PORT       checks that file, then serves subgraph i at /i and prints
//                                                        "ready", and on the line after the data to answer
import { readFileSync, writeFileSync } from 'node:fs';
import { buildSchema, execute, parse } from 'graphql';
import { composeServices } from '@theguild/federation-composition';
import { SubgraphServer } from '../../tests/federation/kit/server.mjs';
import { composeSuite, subgraphsOf } from '../../tests/federation/kit/suite.mjs';
import { suite } from './suite.mjs';

const here = (name) => new URL(name, import.meta.url);
const PORT = 4200; // in the file; whoever serves it puts its own there
const HEAD = '# Composed from suite.mjs by sources.mjs --compose. Not edited by hand.\n';

function supergraph() {
  return `${HEAD}${composeSuite(suite, (i) => `http://127.0.0.1:${PORT}/${i}`).trim()}\n`;
}

// By one server that knows everything.
async function expected() {
  const services = Object.entries(suite.subgraphs).map(([name, sdl]) => ({ name, typeDefs: parse(sdl) }));
  const schema = buildSchema(composeServices(services).publicSdl);
  const document = parse(readFileSync(here('query.graphql'), 'utf8'));
  const answer = await execute({ schema, document, fieldResolver: (source, args, context, info) => {
    const value = (source ?? suite.truth.Query)[info.fieldName];
    return typeof value === 'function' ? value(args, source) : value;
  } });
  if (answer.errors) throw new Error(answer.errors[0].message);
  return answer.data;
}

const [mode, port] = process.argv.slice(2);
if (mode === '--compose') {
  writeFileSync(here('supergraph.graphql'), supergraph());
} else if (mode === '--serve') {
  if (readFileSync(here('supergraph.graphql'), 'utf8') !== supergraph()) throw new Error('supergraph.graphql is not what suite.mjs composes to: run --compose');
  const server = new SubgraphServer();
  const subgraphs = subgraphsOf(suite);
  server.use(subgraphs);
  await server.listen(Number(port));
  console.log('ready');
  console.log(JSON.stringify(await expected()));
  process.once('SIGTERM', () => {
    const misuse = subgraphs.flatMap((subgraph) => subgraph.misuse);
    if (misuse.length) console.error(`asked what may not be asked: ${misuse[0]}`);
    process.exit(misuse.length ? 1 : 0);
  });
} else {
  throw new Error('--compose or --serve PORT');
}
