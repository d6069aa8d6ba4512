// SPDX-License-Identifier: MIT
// Asks a router the recorded cases of graphql-js' executor (execution.json of the corpus). Behind it stands one subgraph
// that tells what the case's source has and nothing more (naive.mjs), so that completing values, nulls that travel, errors,
// where they are and the order of everything are the router's. tests/corpus/execution.py starts it.
//
//   execution.mjs COMMAND FILE     COMMAND is a line for sh (tests/federation/kit/router.mjs), with $ADMIN
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { buildSchema, isSpecifiedScalarType, Kind, parse, validate, validateSchema } from 'graphql';
import { freePort, Router } from '../federation/kit/router.mjs';
import { SubgraphServer } from '../federation/kit/server.mjs';
import { Naive, Told } from './naive.mjs';
import { recover } from './record.mjs';
import { wrap } from './wrap.mjs';

const [command, file] = process.argv.slice(2);

// What is answered otherwise than graphql-js does, and why. `same` says what of the answer must be the same even so.
const APART = [
  { test: /resolveType on Interface yields useful error$/, same: 'but message', why: 'the message speaks of resolvers; ours of the source that answered such an object' },
  { test: /Does not accept \(Iterable\) String-literal as a List value$/, same: 'but message', why: 'the message speaks of resolvers; ours of the source that answered such a value' },
  { test: /(Schema Builder > can use built schema|extendSchema > can be used) for limited execution$/, same: 'nothing', why: 'making text of a number is for the subgraph to do; ours takes a number for a String as a wrong answer' },
  { test: /(non-null arg provided variable with explicit null value|nullability > errors on faulty scalar type input)$/, same: 'but locations', why: "the subgraph refuses the argument, in a document of its own; ours says where the field is" },
  { test: /Introspection > Allows querying the schema for types$/, same: 'nothing', why: 'the schema was made by code, which named its types in another order than its SDL' },
  { test: /uses a different number of max coercion errors$/, same: 'nothing', why: 'an option of execute()' },
  { test: /using variables > errors on faulty scalar type input$/, same: 'nothing', why: "the code of a custom scalar refuses it; a gateway has none and hands the value on" },
  { test: /errors if empty string is provided as operation name$/, same: 'nothing', why: 'GraphQL over HTTP: an empty operationName is none' },
  { test: /executes ignoring invalid non-executable definitions$/, same: 'but message', why: 'refused at the same place, but as no executable document' },
  { test: /(provides error if no operation is provided|does not return a Promise for initial errors)$/, same: 'refused', why: 'refused, for it holds no operation, not for its unused fragment' },
];

// Directives that the router knows by itself are in every schema, and the standard scalars that they name stand where they
// are named first: both are of no case's making.
const OWN_DIRECTIVES = new Set(['defer']);

function withoutOwn(answer) {
  const schema = answer.data?.__schema;
  if (schema?.directives) schema.directives = schema.directives.filter((d) => !OWN_DIRECTIVES.has(d.name));
  if (schema?.types) {
    const scalars = schema.types.filter(isSpecifiedScalarType).sort((a, b) => a.name.localeCompare(b.name));
    schema.types = [...schema.types.filter((t) => !isSpecifiedScalarType(t)), ...scalars];
  }
  return answer;
}

const plain = (errors, keys) => (errors ?? []).map((e) => JSON.parse(JSON.stringify(Object.fromEntries(keys.map((key) => [key, e[key]])))));

// How the router's answer is like another one: in every member of the errors but one, or in that it refuses.
function like(want, got, how) {
  if (how === 'refused') return !('data' in got) && got.errors?.length > 0;
  const keys = ['message', 'locations', 'path'].filter((key) => how !== `but ${key}`);
  return isDeepStrictEqual(want.data, got.data) && JSON.stringify(want.data) === JSON.stringify(got.data)
    && isDeepStrictEqual(plain(want.errors, keys), plain(got.errors, keys));
}

function read(sdl) {
  try {
    const schema = buildSchema(sdl);
    return validateSchema(schema).length ? null : schema;
  } catch {
    return null;
  }
}

// What the source has, or nothing where the operation cannot begin.
function sourceOf(one, schema, document, operation) {
  if (one.reproducible || !operation) return one.rootValue;
  try {
    return recover(schema, document, operation, one.variables, one.result);
  } catch (e) {
    if (e.locations) return null; // its variables are not good
    throw e;
  }
}

class Bench {
  constructor() {
    this.work = mkdtempSync(`${tmpdir()}/corpus-`);
    this.supergraph = `${this.work}/supergraph.graphql`;
    this.server = new SubgraphServer();
    this.router = new Router(command);
    this.schemas = new Map();
  }

  async serve(name, sdl) {
    writeFileSync(`${this.supergraph}.new`, wrap(sdl, this.server.url(0)));
    renameSync(`${this.supergraph}.new`, this.supergraph);
    if (this.served) await this.reload();
    else await this.router.start(this.supergraph);
    this.served = name;
  }

  reload() {
    return new Promise((done, fail) => {
      const req = http.request({ port: this.admin, path: '/reload', method: 'POST' }, (res) => {
        res.resume();
        res.on('end', () => (res.statusCode === 200 ? done() : fail(new Error(`a reload was answered ${res.statusCode}`))));
      });
      req.on('error', fail);
      req.end();
    });
  }

  async ask(one, streamed) {
    const request = { query: one.query, variables: one.variables ?? undefined, operationName: one.operationName ?? (one.test.includes('empty string') ? '' : undefined) };
    const reply = await this.router.ask(request, 10000, streamed ? 'text/event-stream' : 'application/json');
    if (reply.error) throw new Error(reply.error);
    return withoutOwn(JSON.parse(/^data: (\{.*)$/m.exec(reply.text)?.[1] ?? reply.text));
  }

  // { kind } of what went well, else { wrong }.
  async judge(one, sdl) {
    if (!this.schemas.has(one.schema)) this.schemas.set(one.schema, read(sdl));
    const schema = this.schemas.get(one.schema);
    if (!schema) return { kind: 'left out: the schema is not valid' };
    const document = parse(one.query), refused = validate(schema, document);
    const operation = document.definitions.find((d) => d.kind === Kind.OPERATION_DEFINITION && (!one.operationName || d.name?.value === one.operationName));
    const naive = new Naive(schema, refused.length ? null : sourceOf(one, schema, document, operation));
    this.server.use([naive]);
    if (this.served !== one.schema) await this.serve(one.schema, sdl);
    const got = await this.ask(one, operation?.operation === 'subscription'), asked = this.server.take();
    const want = refused.length ? { errors: refused } : withoutOwn(one.result);
    const wrong = (why) => ({ wrong: `${why}\n    wanted ${JSON.stringify({ ...want, errors: want.errors })}\n    got    ${JSON.stringify(got)}\n    asked  ${asked.map((r) => r.query).join(' ')}` });
    if (naive.misuse.length) return wrong(naive.misuse[0]);
    if (like(want, got, 'whole')) {
      if (operation?.operation === 'mutation' && naive.source instanceof Told && !isDeepStrictEqual(naive.asked, [...naive.source.values.keys()])) return wrong(`mutations out of order: ${naive.asked}`);
      return { kind: refused.length ? "refused as graphql-js' validate() does, which the case left out" : 'as recorded' };
    }
    const apart = APART.find((a) => a.test.test(one.test));
    if (!apart || (apart.same !== 'nothing' && !like(want, got, apart.same))) return wrong('another answer');
    return { kind: `${apart.same === 'nothing' ? 'left out' : `the same ${apart.same}`}: ${apart.why}` };
  }

  async run(corpus) {
    const kinds = new Map();
    let failed = 0;
    process.env.ADMIN = `127.0.0.1:${this.admin = await freePort()}`;
    await this.server.listen();
    for (const one of corpus.cases) {
      const { kind, wrong } = await this.judge(one, corpus.schemas[one.schema]).catch((e) => {
        if (this.router.exit !== undefined) throw e;
        return { wrong: e.stack };
      });
      if (kind) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      else console.log(`FAIL ${one.test}\n  ${one.query.replace(/\s+/g, ' ').trim()}: ${wrong}`);
      failed += kind ? 0 : 1;
    }
    await this.router.stop();
    if (this.router.trouble()) console.log(this.router.trouble());
    for (const [kind, n] of [...kinds].sort((a, b) => b[1] - a[1])) console.log(`${String(n).padStart(4)} ${kind}`);
    const left = [...kinds].reduce((sum, [kind, n]) => sum + (kind.startsWith('left out') ? n : 0), 0);
    console.log(`execution.json over HTTP: ${corpus.cases.length - failed - left} passed, ${failed} failed, ${left} left out`);
    return failed === 0 && !this.router.trouble();
  }

  close() {
    rmSync(this.work, { recursive: true, force: true });
    this.server.close();
  }
}

const bench = new Bench();
try {
  process.exitCode = (await bench.run(JSON.parse(readFileSync(file, 'utf8')))) ? 0 : 1;
} finally {
  bench.close();
}
process.exit();
