// SPDX-License-Identifier: MIT
// Random schemas and operations against a router; tests/prove/federation.py tells what for and starts this.
//
//   run.mjs '{"router": COMMAND, "seed": N, "from": N, "to": N, "operations": N, "faults": BOOL, "folder": DIR,
//            "found": DIR, "shrink": SECONDS}'
//
// Writes one line of JSON a schema. What fails is made small and written below the DIR of "found".
import { mkdirSync, writeFileSync } from 'node:fs';
import { Router } from '../../federation/kit/router.mjs';
import { SubgraphServer } from '../../federation/kit/server.mjs';
import { ask, Bench, chanceOf, makeWorld } from './bench.mjs';
import { FaultyRun } from './faulty.mjs';
import { isRefused, isUnplanned, judge, readAnswer } from './judge.mjs';
import { makeOperation } from './operations.mjs';
import { outOfReach } from './reach.mjs';
import { shrinkOperation, shrinkSchema } from './shrink.mjs';

const TOGETHER = 8; // queries under way at once
const SHOWN = 5; // failures made small in a run
const options = JSON.parse(process.argv[2]);
const server = new SubgraphServer();
const url = (i) => server.url(i);
let shown = 0;

async function startRouter(supergraph, name) {
  const file = `${options.folder}/${name}.graphql`;
  writeFileSync(file, supergraph);
  const router = new Router(options.router);
  await router.start(file);
  return router;
}

// Why an answer is not judged: 'limited', 'unreachable', or null.
function left(bench, operation, reply) {
  if (isRefused(reply)) return 'limited';
  return isUnplanned(reply) && outOfReach(bench, operation.query) ? 'unreachable' : null;
}

// One operation alone: the verdict, with what both said.
async function once(bench, router, operation) {
  const whole = await bench.whole(operation);
  bench.before(operation.seldom);
  server.take();
  const reply = await ask(router, operation);
  const requests = server.take();
  const why = left(bench, operation, reply);
  const verdict = router.exit !== undefined ? { kind: 'crash', detail: `the router ended with ${router.exit}: ${router.log.slice(-3000)}` } : why ? null : judge(operation, whole, reply, bench.misuse());
  return { verdict, whole, reply, requests, left: why };
}

// Several at once: what is wrong with one of them, if anything is.
async function several(bench, router, operations, count) {
  const wholes = [];
  for (const operation of operations) wholes.push(await bench.whole(operation));
  bench.before(operations[0].seldom);
  const replies = await Promise.all(operations.map((operation) => ask(router, operation)));
  const whys = replies.map((reply, i) => left(bench, operations[i], reply));
  for (const why of whys) if (why) count[why]++;
  const wrong = replies.map((reply, i) => (whys[i] ? null : judge(operations[i], wholes[i], reply, []))).find(Boolean);
  return wrong ? `${wrong.kind}: ${wrong.detail}` : bench.misuse()[0];
}

class SchemaRun {
  constructor(number) {
    this.number = number;
    this.count = { schemas: 1, operations: 0, requests: 0, failures: 0, flaky: 0, limited: 0, unreachable: 0, refused: 0, uses: {}, found: [] };
  }

  async run() {
    const made = makeWorld(options.seed, this.number, url);
    if (!made) return this.count; // nothing that composes: counted as a schema with no operation
    this.made = made;
    this.count.refused = made.refused;
    this.count.uses = made.world.uses;
    this.bench = new Bench(made.world.model, made.subgraphs, made.api);
    server.use(this.bench.parts);
    try {
      this.router = await startRouter(made.supergraph, `schema-${options.seed}-${this.number}`);
    } catch (e) {
      await this.failed(null, { verdict: { kind: 'start', detail: e.message } });
      return this.count;
    }
    const operations = [];
    for (let i = 0; i < options.operations; i++) operations.push({ ...makeOperation(this.bench.schema, chanceOf(options.seed, this.number, i, 7)), number: i });
    // What is asked at once has the label on or off alike.
    const alike = { false: 0, true: 0 };
    for (const operation of operations) operation.seldom = options.labels ? Math.floor(alike[operation.mutation]++ / TOGETHER) % 2 === 1 : null;
    if (options.faults) await new FaultyRun(this, server, options).run(operations);
    else await this.healthy(operations);
    await this.router.stop();
    if (this.router.trouble()) await this.failed(null, { verdict: { kind: 'end', detail: this.router.trouble() } });
    return this.count;
  }

  async healthy(operations) {
    const queries = operations.filter((o) => !o.mutation);
    for (let i = 0; i < queries.length; i += TOGETHER) {
      const some = queries.slice(i, i + TOGETHER);
      const wrong = await several(this.bench, this.router, some, this.count);
      this.count.requests += server.take().length;
      if (wrong) await this.each(some, wrong);
      this.count.operations += some.length;
    }
    const mutations = operations.filter((o) => o.mutation);
    await this.each(mutations, null);
    this.count.operations += mutations.length;
  }

  // One by one; `suspect` tells what was wrong when they were asked at once.
  async each(operations, suspect) {
    let any = false;
    for (const operation of operations) {
      const said = await once(this.bench, this.router, operation);
      if (!suspect) {
        this.count.requests += said.requests.length;
        if (said.left) this.count[said.left]++;
      }
      if (!said.verdict) continue;
      any = true;
      await this.failed(operation, said);
      if (said.verdict.kind === 'crash') this.router = await startRouter(this.made.supergraph, `schema-${options.seed}-${this.number}`);
    }
    if (suspect && !any) {
      this.count.flaky++; // wrong beside others, right alone
      this.count.found.push({ schema: this.number, kind: 'together', detail: `right alone, wrong beside others: ${suspect}`.slice(0, 1500), operations: operations.map((o) => o.number) });
    }
  }

  async failed(operation, said) {
    this.count.failures++;
    const about = { schema: this.number, operation: operation?.number, kind: said.verdict.kind, detail: String(said.verdict.detail).slice(0, 1500) };
    this.count.found.push(about);
    if (shown++ >= SHOWN) return;
    let small = { subgraphs: this.made.subgraphs, supergraph: this.made.supergraph, operation, said };
    if (operation && !['crash', 'start'].includes(said.verdict.kind) && !options.faults) small = await this.shrink(operation, said);
    about.file = this.write(small, about);
  }

  async shrink(operation, said) {
    const { kind } = said.verdict;
    const less = await shrinkOperation(this.bench.schema, operation, async (o) => (await once(this.bench, this.router, o)).verdict?.kind === kind, options.shrink / 2);
    let last = { subgraphs: this.made.subgraphs, supergraph: this.made.supergraph, said: await once(this.bench, this.router, less) };
    if (!last.said.verdict) return { ...last, operation, said }; // it does not happen every time
    const still = async (subgraphs, composed) => {
      const bench = new Bench(this.made.world.model, subgraphs, composed.api);
      server.use(bench.parts);
      const router = await startRouter(composed.supergraph, 'smaller');
      const got = await once(bench, router, less);
      await router.stop();
      const same = got.verdict?.kind === kind && !bench.trouble.length;
      if (same) last = { subgraphs, supergraph: composed.supergraph, said: got };
      return same;
    };
    await shrinkSchema(this.made.subgraphs, url, less, still, options.shrink);
    server.use(this.bench.parts);
    return { ...last, operation: less };
  }

  write({ subgraphs, supergraph, operation, said }, about) {
    const base = `${options.found}/${options.faults ? 'faults-' : ''}${options.seed}-${this.number}-${about.operation ?? about.kind}`;
    mkdirSync(base, { recursive: true });
    writeFileSync(`${base}/supergraph.graphql`, supergraph);
    for (const { name, sdl } of subgraphs) writeFileSync(`${base}/subgraph-${name}.graphql`, sdl);
    const answer = said.reply ? readAnswer(said.reply).answer ?? said.reply : null;
    const parts = [`kind: ${about.kind}`, `detail: ${said.verdict.detail}`];
    if (said.faults) parts.push(`faults: ${said.faults}`);
    if (operation) parts.push('', 'query:', operation.query, '', `variables: ${JSON.stringify(operation.variables)}`);
    if (said.whole) parts.push('', `expected: ${JSON.stringify({ data: said.whole.data, errors: said.whole.errors.map((e) => e.path) }, null, 1)}`, '', `got: ${JSON.stringify(answer, null, 1)}`);
    if (said.requests) parts.push('', ...said.requests.map((r) => `-> ${r.subgraph}${r.fault ? ` (${r.fault})` : ''} ${r.query} ${JSON.stringify(r.variables ?? {})}`));
    writeFileSync(`${base}/failure.txt`, `${parts.join('\n')}\n`);
    if (operation) writeFileSync(`${base}/query.graphql`, `${operation.query}\n`);
    return `${base}/failure.txt`;
  }
}

async function main() {
  mkdirSync(options.folder, { recursive: true });
  await server.listen();
  for (let n = options.from; n < options.to; n++) {
    console.log(JSON.stringify(await new SchemaRun(n).run()));
  }
  await server.close();
}

await main();
process.exit(0);
