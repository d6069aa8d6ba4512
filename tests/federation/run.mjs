// SPDX-License-Identifier: MIT
// Runs the suites of this folder against a router; tests/federation/run.py starts it.
//
//   run.mjs COMMAND [SUITE…]     COMMAND is a line for sh (kit/router.mjs); one line a suite, status 1 when one fails
//
// Each operation is asked again with fragments of it deferred (kit/defer.mjs), DEFERRED times otherwise (1).
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { difference } from '../prove/federation/judge.mjs';
import { FORMATS, partsOf, putTogether, strew } from './kit/defer.mjs';
import { Router } from './kit/router.mjs';
import { SubgraphServer } from './kit/server.mjs';
import { composeSuite, subgraphsOf } from './kit/suite.mjs';

const folder = fileURLToPath(new URL('suites/', import.meta.url));
const [command, ...wanted] = process.argv.slice(2);
const strewn = Number(process.env.DEFERRED ?? 1);
const work = mkdtempSync(`${tmpdir()}/federation-`);
const server = new SubgraphServer();

const sorted = (paths) => [...new Set(paths.map((p) => JSON.stringify(p)))].sort();

function verdict(one, reply, requests, misuse) {
  if (reply.error) return reply.error;
  let answer;
  try {
    answer = JSON.parse(reply.text);
  } catch {
    return `no JSON: ${reply.text.slice(0, 200)}`;
  }
  const why = one.refused === true ? '' : one.refused;
  if (one.refused) return answer.errors?.[0].message.includes(why) && !answer.data && !requests.length ? null : `to be refused, got ${reply.text} after ${requests.length} requests`;
  const found = difference(one.data, answer.data ?? null);
  if (found) return `at ${found.path.join('/') || 'the top'}: ${JSON.stringify(found.want)} expected, got ${JSON.stringify(found.got)}${answer.errors ? ` ${JSON.stringify(answer.errors)}` : ''}`;
  const want = sorted(one.errors ?? []), got = sorted((answer.errors ?? []).map((e) => e.path ?? []));
  if (!isDeepStrictEqual(want, got)) return `errors expected at ${want}, got at ${got}: ${JSON.stringify(answer.errors)}`;
  if (misuse.length) return misuse[0];
  if (requests.length > (one.requests ?? Infinity)) return `${requests.length} requests instead of ${one.requests}`;
  const asked = requests.flatMap((r) => Object.values(r.variables ?? {})).filter((v) => Array.isArray(v) && v[0]?.__typename).flat().length;
  if (asked > (one.representations ?? Infinity)) return `${asked} representations instead of ${one.representations}`;
  return null;
}

// Parts come in their own order.
const unordered = (value) => (Array.isArray(value) ? value.map(unordered)
  : value && typeof value === 'object' ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, unordered(value[key])])) : value);

// The same with parts of it deferred, in both formats. How many parts came after the first; what went wrong.
async function inParts(one, router, suite, seed) {
  const query = strew(one.query, seed);
  const found = { later: 0, wrong: [] };
  for (const [format, accept] of Object.entries(query && !one.refused ? FORMATS : {})) {
    suite.begin?.();
    const reply = await router.ask({ query, variables: one.variables ?? {} }, 10000, `${accept}, application/json`);
    let why = reply.error;
    try {
      const parts = why ? [] : partsOf(reply.text);
      const whole = why ? null : putTogether(parts, format);
      found.later += parts.length - 1;
      const at = why || whole.failed ? null : difference(unordered(one.data), unordered(whole.data));
      if (at) why = `at ${at.path.join('/') || 'the top'}: ${JSON.stringify(at.want)} expected, got ${JSON.stringify(at.got)}`;
      const want = sorted(one.errors ?? []), got = why ? want : sorted(whole.errors.map((e) => e.path ?? []));
      if (!why && !whole.failed && !isDeepStrictEqual(want, got)) why = `errors expected at ${want}, got at ${got}`;
      if (!why && want.length && !got.length) why = 'no error was told';
    } catch (e) {
      why = e.message;
    }
    if (why) found.wrong.push(`  in parts (${format}, seed ${seed}): ${why}\n    ${query.replace(/\s+/g, ' ').trim()}\n    ${reply.text}`);
  }
  return found;
}

async function runSuite(name) {
  const { default: suite } = await import(`${folder}${name}`);
  const subgraphs = subgraphsOf(suite);
  server.use(subgraphs);
  const file = `${work}/${name}.graphql`;
  writeFileSync(file, composeSuite(suite, (i) => server.url(i)));
  const router = new Router(command);
  await router.start(file);
  const wrong = [];
  let requests = 0, later = 0;
  for (const [i, one] of suite.cases.entries()) {
    suite.begin?.();
    for (const subgraph of subgraphs) subgraph.misuse.length = 0;
    server.take();
    const reply = await router.ask({ query: one.query, variables: one.variables ?? {} });
    const asked = server.take();
    requests += asked.length;
    const why = verdict(one, reply, asked, subgraphs.flatMap((s) => s.misuse));
    for (let seed = i; !why && seed < i + strewn; seed++) {
      const deferred = await inParts(one, router, suite, seed);
      later += deferred.later;
      wrong.push(...deferred.wrong);
    }
    if (!why) continue;
    wrong.push(`  case ${i}: ${why}\n    ${one.query.replace(/\s+/g, ' ').trim()}`);
    for (const r of asked) wrong.push(`    -> ${r.subgraph} ${r.query} ${JSON.stringify(r.variables ?? {})}`);
  }
  await router.stop();
  if (router.trouble()) wrong.push(`  ${router.trouble()}`);
  return { cases: suite.cases.length, requests, later, wrong };
}

async function main() {
  await server.listen();
  let bad = 0, cases = 0, requests = 0, later = 0;
  const names = readdirSync(folder).filter((f) => f.endsWith('.mjs') && (!wanted.length || wanted.some((w) => f.includes(w)))).sort();
  for (const name of names) {
    let said;
    try {
      said = await runSuite(name);
    } catch (e) {
      said = { cases: 0, requests: 0, later: 0, wrong: [`  ${e.message}`] };
    }
    cases += said.cases;
    requests += said.requests;
    later += said.later;
    bad += said.wrong.length > 0;
    console.log(`${said.wrong.length ? 'FAIL' : 'ok  '} ${name.replace('.mjs', '').padEnd(24)} ${said.cases} cases, ${said.requests} requests, ${said.later} deferred parts`);
    for (const line of said.wrong) console.log(line);
  }
  console.log(`federation suites: ${bad ? 'FAILED' : 'ok'} ${names.length - bad} of ${names.length} suites, ${cases} cases, ${requests} requests, ${later} deferred parts`);
  process.exitCode = bad ? 1 : 0;
}

try {
  await main();
} finally {
  rmSync(work, { recursive: true, force: true });
  server.close();
}
process.exit();
