// SPDX-License-Identifier: MIT
// Random operations with fragments deferred at random against a router; tests/prove/defer.py tells what for.
//
//   defer.mjs '{"router": COMMAND, "seed": N, "schemas": N, "operations": N, "folder": DIR}'
//
// Writes what differs, and last one line of JSON with the counts.
import { writeFileSync } from 'node:fs';
import { FORMATS, partsOf, putTogether, strew } from '../../federation/kit/defer.mjs';
import { Router } from '../../federation/kit/router.mjs';
import { SubgraphServer } from '../../federation/kit/server.mjs';
import { Bench, chanceOf, makeWorld } from './bench.mjs';
import { difference, isRefused } from './judge.mjs';
import { makeOperation } from './operations.mjs';

const options = JSON.parse(process.argv[2]);
const server = new SubgraphServer();
const count = { schemas: 0, operations: 0, parts: 0, failed: 0, failures: 0 };
const unordered = (value) => (Array.isArray(value) ? value.map(unordered)
  : value && typeof value === 'object' ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, unordered(value[key])])) : value);
const paths = (errors) => [...new Set(errors.map((e) => JSON.stringify(e.path ?? [])))].sort();

// Does a null stand above? What is deferred below it is not told, nor what failed there.
function isCovered(data, path) {
  for (let value = data, i = 0; i < path.length; value = value[path[i++]]) if (value === null || value === undefined) return true;
  return false;
}

// What is wrong with the deferred answer, beside the one told whole.
function wrong(whole, reply, format) {
  if (reply.error) return reply.error;
  try {
    const parts = partsOf(reply.text), got = putTogether(parts, format);
    count.parts += parts.length - 1;
    count.failed += got.failed;
    if (got.failed) return (whole.errors ?? []).length ? null : 'a part failed, but nothing fails without @defer';
    const at = difference(unordered(whole.data ?? null), unordered(got.data));
    if (at) return `at ${at.path.join('/') || 'the top'}: ${JSON.stringify(at.want)} whole, ${JSON.stringify(at.got)} in parts`;
    const want = (whole.errors ?? []).filter((e) => !isCovered(whole.data, e.path ?? []));
    const told = paths(got.errors), all = paths(whole.errors ?? []);
    const lacks = want.some((e) => !told.includes(JSON.stringify(e.path ?? []))) || got.errors.some((e) => !isCovered(whole.data, e.path ?? []) && !all.includes(JSON.stringify(e.path ?? [])));
    return lacks || (all.length && !told.length) ? `errors at ${all} whole, at ${told} in parts` : null;
  } catch (e) {
    return e.message;
  }
}

async function runSchema(number) {
  const made = makeWorld(options.seed, number, (i) => server.url(i));
  if (!made) return;
  const bench = new Bench(made.world.model, made.subgraphs, made.api);
  const file = `${options.folder}/${number}.graphql`;
  writeFileSync(file, made.supergraph);
  server.use(bench.parts);
  const router = new Router(options.router);
  await router.start(file);
  count.schemas++;
  for (let i = 0; i < options.operations; i++) {
    const operation = makeOperation(bench.schema, chanceOf(options.seed, number, i, 7));
    const query = operation.mutation ? null : strew(operation.query, options.seed * 1000 + i);
    if (!query) continue;
    bench.before();
    const first = await router.ask({ query: operation.query, variables: operation.variables });
    if (isRefused(first)) continue;
    const whole = JSON.parse(first.text);
    for (const [format, accept] of Object.entries(FORMATS)) {
      bench.before();
      const reply = await router.ask({ query, variables: operation.variables }, 20000, `${accept}, application/json`);
      if (!reply.error && reply.text[0] === '{' && isRefused(reply)) continue; // too many fragments
      const why = wrong(whole, reply, format);
      count.operations++;
      if (!why) continue;
      count.failures++;
      if (count.failures <= 10) console.log(`schema ${number}, operation ${i}, ${format}: ${why.slice(0, 1000)}\n  ${query.replace(/\s+/g, ' ')}\n  ${JSON.stringify(operation.variables)}${options.verbose ? `\n  ${first.text}\n${reply.text}` : ''}`);
    }
    if (router.exit !== undefined) break;
  }
  await router.stop();
  if (router.trouble()) {
    count.failures++;
    console.log(`schema ${number}: ${router.trouble()}`);
  }
}

await server.listen();
for (let n = options.from; n < options.from + options.schemas; n++) await runSchema(n);
console.log(JSON.stringify(count));
await server.close();
process.exit(0);
