// SPDX-License-Identifier: MIT
// Documents by chance, judged by graphql-js and by our validator: verdicts, places and messages must be the same.
//
//   run.mjs TOOL SEED FROM TO FOLDER     one line of JSON for each batch, then ends; FOLDER gets the schemas
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { __Directive, __DirectiveLocation, __Schema, buildSchema, GraphQLError, parse, validate } from 'graphql';
import { Chance } from './random.mjs';
import { randomSchema } from './schemas.mjs';
import { DocumentMaker } from './documents.mjs';
import { mutateText, mutateTokens, render } from './text.mjs';
import { knownDifference } from './known.mjs';

const BATCH = 500;
const SHOWN = 10;
const here = fileURLToPath(new URL('.', import.meta.url));

// Since 16.14 directives can be deprecated there; the specification of September 2025 does not know that yet.
delete __Directive.getFields().isDeprecated;
delete __Directive.getFields().deprecationReason;
__Schema.getFields().directives.args = [];
const locations = __DirectiveLocation.getValues().filter((value) => value.name !== 'DIRECTIVE_DEFINITION');
__DirectiveLocation.getValues = () => locations;
__DirectiveLocation.getValue = (name) => locations.find((value) => value.name === name);

// ---- the two judges, each a list of [message, line, column …] ----

function theirs(schema, text) {
  try {
    return validate(schema, parse(text)).map((e) => [e.message, ...(e.locations ?? []).flatMap((l) => [l.line, l.column])]);
  } catch (e) {
    if (!(e instanceof GraphQLError)) return null; // its own trouble, as a stack that is too deep
    return [[e.message, ...e.locations.flatMap((l) => [l.line, l.column])]];
  }
}

class Ours {
  constructor(tool, schemas) {
    this.process = spawn(tool, schemas, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.process.on('exit', (code, signal) => {
      if (!this.closed) {
        console.error(`${tool} ended: ${signal ?? code}`);
        process.exit(3);
      }
    });
  }
  send(which, text) {
    const bytes = Buffer.from(text, 'utf8');
    this.process.stdin.write(`${which} ${bytes.length}\n`);
    this.process.stdin.write(bytes);
  }
  async answer() {
    return JSON.parse((await this.lines.next()).value);
  }
  async ask(which, text) {
    this.send(which, text);
    return this.answer();
  }
  close() {
    this.closed = true;
    this.process.stdin.end();
  }
}

// ---- documents ----

function make(schemas, seed, number) {
  const chance = new Chance(seed, number, 5);
  const which = chance.below(schemas.length);
  const wrong = chance.maybe(0.35) ? 0 : chance.pick([0.005, 0.01, 0.03, 0.1]);
  let tokens = new DocumentMaker(schemas[which], chance, wrong).tokens();
  const how = chance.next();
  if (how < 0.15) tokens = mutateTokens(tokens, chance);
  let text = render(tokens, chance);
  if (how > 0.9) text = mutateText(text, chance);
  // Half a surrogate pair is no text that can be sent.
  return { number, which, text: text.toWellFormed ? text.toWellFormed() : Buffer.from(text, 'utf8').toString('utf8') };
}

// ---- comparing ----

const places = (errors) => JSON.stringify(errors.map((e) => e.slice(1)));

function compare(want, got) {
  if ((want.length === 0) !== (got.length === 0)) return 'verdict';
  if (places(want) !== places(got)) return 'places';
  return JSON.stringify(want) === JSON.stringify(got) ? null : 'messages';
}

async function differs(ours, schema, which, text) {
  const want = theirs(schema, text);
  const got = await ours.ask(which, text);
  const kind = want && compare(want, got);
  return kind && !knownDifference(text, want, got) ? kind : null;
}

// The same difference in a text as short as it can be made by leaving out lines, words and characters.
async function shrink(ours, schema, which, text, kind) {
  for (const pattern of [/[^\n]*\n|[^\n]+$/gu, /\w+|\s+|[^\w\s]/gu, /[^]/gu]) {
    let parts = text.match(pattern) ?? [];
    for (let size = Math.ceil(parts.length / 2); size >= 1 && parts.length < 3000; size = Math.floor(size / 2)) {
      for (let i = 0; i < parts.length;) {
        const less = [...parts.slice(0, i), ...parts.slice(i + size)];
        const candidate = less.join('');
        if (await differs(ours, schema, which, candidate) === kind) parts = less;
        else i += size;
      }
    }
    text = parts.join('');
  }
  return text;
}

async function report(ours, schema, doc, kind) {
  const text = await shrink(ours, schema, doc.which, doc.text, kind);
  return { number: doc.number, schema: doc.which, kind, text, theirs: theirs(schema, text), ours: await ours.ask(doc.which, text) };
}

async function runBatch(ours, schemas, seed, from, to, shown) {
  const count = { documents: to - from, valid: 0, syntax: 0, errors: 0, verdict: 0, places: 0, messages: 0, knownVerdict: 0, known: {}, oracle: 0, found: [] };
  const docs = [];
  for (let n = from; n < to; n++) docs.push(make(schemas, seed, n));
  for (const doc of docs) ours.send(doc.which, doc.text);
  for (const doc of docs) {
    const want = theirs(schemas[doc.which], doc.text);
    const got = await ours.answer();
    doc.kind = null;
    if (!want) {
      count.oracle++;
      continue;
    }
    count.valid += want.length === 0;
    count.syntax += want.length === 1 && want[0][0].startsWith('Syntax Error');
    count.errors += want.length;
    const kind = compare(want, got);
    const known = kind && knownDifference(doc.text, want, got);
    if (known && kind === 'verdict') count.knownVerdict++;
    if (known) count.known[known] = (count.known[known] ?? 0) + 1;
    else if (kind) {
      count[kind]++;
      doc.kind = kind;
    }
  }
  for (const doc of docs) if (doc.kind && count.found.length + shown < SHOWN) count.found.push(await report(ours, schemas[doc.which], doc, doc.kind));
  return count;
}

async function main() {
  const [tool, seedText, fromText, toText, folder] = process.argv.slice(2);
  const seed = Number(seedText), to = Number(toText);
  const files = [`${folder}/api.graphql`, `${here}zoo.graphql`];
  for (const i of [0, 1]) {
    files.push(`${folder}/random-${seed}-${i}.graphql`);
    writeFileSync(files.at(-1), randomSchema(seed, i));
  }
  const schemas = files.map((f) => buildSchema(readFileSync(f, 'utf8')));
  const ours = new Ours(tool, files);
  let shown = 0;
  for (let from = Number(fromText); from < to; from += BATCH) {
    const count = await runBatch(ours, schemas, seed, from, Math.min(to, from + BATCH), shown);
    shown += count.found.length;
    console.log(JSON.stringify(count));
  }
  ours.close();
}

await main();
