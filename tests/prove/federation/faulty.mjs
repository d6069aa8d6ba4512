// SPDX-License-Identifier: MIT
// The same operations while subgraphs misbehave. What must hold is told in judge.mjs; beyond it: root fields that ask
// nothing of the subgraph at fault are as they were, no answer takes long, and in the end the router is well again.
import { Kind, parse, print, validate, visit } from 'graphql';
import { FAULTS } from '../../federation/kit/server.mjs';
import { ask, chanceOf } from './bench.mjs';
import { difference, isRefused, isUnplanned, judge, judgeFaulty, readAnswer } from './judge.mjs';
import { outOfReach } from './reach.mjs';

const PATIENCE = 5000; // ms: no fault here takes longer than some milliseconds
const RECOVERY = 60000;

export class FaultyRun {
  constructor(schema, server, options) {
    Object.assign(this, { schema, server, options, bench: schema.bench, router: schema.router, count: schema.count });
    Object.assign(this.count, { faults: 0, apart: 0 });
  }

  async run(operations) {
    for (const operation of operations) {
      const chance = chanceOf(this.options.seed, this.schema.number, operation.number, 13);
      const said = await this.one(operation, chance);
      this.count.operations++;
      if (said.verdict) await this.schema.failed(operation, said);
      if (this.router.exit !== undefined) return;
    }
    await this.recovered(operations[0]);
  }

  ask(operation) {
    this.bench.before(operation.seldom);
    this.server.take();
    return ask(this.router, operation, PATIENCE);
  }

  // A third of the operations goes unharmed, so that what a circuit breaker does stays in sight.
  choose(chance) {
    const kind = chance.pick(FAULTS);
    const how = chance.below(4);
    if (how === 0) return null;
    if (how === 1) {
      const victim = chance.pick(this.bench.parts).name;
      return { victim, text: `${kind} from ${victim}`, at: (request) => (request.subgraph === victim ? kind : null) };
    }
    if (how === 2) {
      const index = chance.below(4);
      return { text: `${kind} at request ${index}`, at: (request) => (request.index === index ? kind : null) };
    }
    return { text: 'anything, now and then', at: () => (chance.maybe(0.35) ? chance.pick(FAULTS) : null) };
  }

  async one(operation, chance) {
    const whole = await this.bench.whole(operation);
    const fault = this.choose(chance);
    const apart = fault?.victim ? await this.rootsApart(operation, fault.victim) : null;
    this.server.fault = fault?.at ?? null;
    const reply = await this.ask(operation);
    this.server.fault = null;
    const requests = this.server.take();
    this.count.requests += requests.length;
    this.count.faults += requests.filter((r) => r.fault).length;
    const said = { whole, reply, requests, faults: fault?.text };
    if (this.router.exit !== undefined) return { ...said, verdict: { kind: 'crash', detail: `the router ended with ${this.router.exit}: ${this.router.log.slice(-3000)}` } };
    if (isRefused(reply)) this.count.limited++;
    else if (isUnplanned(reply) && outOfReach(this.bench, operation.query)) this.count.unreachable++;
    else said.verdict = judgeFaulty(operation, whole, reply) ?? this.rootsEqual(whole, reply, apart);
    return said;
  }

  // The root fields that, asked alone, need nothing of the victim; null when they cannot be told apart: when together
  // they are not the requests that they are alone.
  async rootsApart(operation, victim) {
    const document = parse(operation.query, { noLocation: true });
    const roots = document.definitions[0].selectionSet.selections;
    if (operation.mutation || roots.length < 2 || roots.some((r) => r.kind !== Kind.FIELD || r.name.value === '__typename')) return null;
    const names = roots.map((r) => (r.alias ?? r.name).value);
    if (new Set(names).size !== names.length) return null;
    const tally = async (query, variables) => {
      await this.ask({ query, variables, seldom: operation.seldom });
      const counts = {};
      for (const { subgraph } of this.server.take()) counts[subgraph] = (counts[subgraph] ?? 0) + 1;
      return counts;
    };
    const together = await tally(operation.query, operation.variables);
    const sum = {}, apart = [];
    for (let i = 0; i < roots.length; i++) {
      const alone = only(document, i);
      if (validate(this.bench.schema, parse(alone.query)).length) return null;
      const counts = await tally(alone.query, Object.fromEntries(Object.entries(operation.variables).filter(([k]) => alone.names.has(k))));
      for (const [name, n] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + n;
      if (!counts[victim]) apart.push(names[i]);
    }
    const same = [...new Set([...Object.keys(sum), ...Object.keys(together)])].every((name) => sum[name] === together[name]);
    return same && together[victim] && apart.length ? apart : null;
  }

  rootsEqual(whole, reply, apart) {
    if (!apart || !whole.data) return null;
    const { answer } = readAnswer(reply);
    this.count.apart++;
    for (const name of apart) {
      if (!answer.data) return null; // a lost root field may be Non-Null and take all with it
      const found = difference(whole.data[name], answer.data[name], [name], true);
      if (found) return { kind: 'spread', detail: `${name} does not need what failed, yet at ${found.path.join('/')}: ${JSON.stringify(found.want)} expected, got ${JSON.stringify(found.got)}` };
    }
    return null;
  }

  async recovered(operation) {
    const whole = await this.bench.whole(operation);
    const until = Date.now() + RECOVERY;
    for (;;) {
      const reply = await this.ask(operation);
      if (isRefused(reply) || isUnplanned(reply)) return;
      const verdict = judge(operation, whole, reply, this.bench.misuse());
      if (!verdict) return;
      if (Date.now() > until) {
        await this.schema.failed(operation, { verdict: { kind: 'unwell', detail: `a minute after the last fault: ${verdict.detail}` }, whole, reply });
        return;
      }
      await new Promise((done) => setTimeout(done, 200));
    }
  }
}

// The operation with one of its root fields only.
function only(document, index) {
  const copy = structuredClone(document);
  const operation = copy.definitions[0];
  operation.selectionSet.selections = [operation.selectionSet.selections[index]];
  for (let before = -1; before !== copy.definitions.length;) {
    before = copy.definitions.length;
    const spread = new Set();
    visit(copy, { FragmentSpread: (n) => void spread.add(n.name.value) });
    copy.definitions = copy.definitions.filter((d) => d.kind !== Kind.FRAGMENT_DEFINITION || spread.has(d.name.value));
  }
  const names = new Set();
  visit(copy, { VariableDefinition: () => false, Variable: (n) => void names.add(n.name.value) });
  operation.variableDefinitions = operation.variableDefinitions.filter((v) => names.has(v.variable.name.value));
  return { query: print(copy), names };
}
