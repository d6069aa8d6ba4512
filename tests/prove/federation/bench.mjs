// SPDX-License-Identifier: MIT
// One random schema at work: its subgraphs, the executor over the whole, and what both say of an operation.
import { buildSchema, execute, parse } from 'graphql';
import { Chance } from '../graphql/random.mjs';
import { project, Subgraph } from '../../federation/kit/subgraph.mjs';
import { Data } from './data.mjs';
import { compose, subgraphTexts } from './sdl.mjs';
import { World } from './world.mjs';

const ATTEMPTS = 60;

// The first attempt that composes: { world, subgraphs: [{ name, sdl }], supergraph, api, refused }.
export function makeWorld(seed, number, url) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    let world;
    try {
      world = new World(seed, number, attempt);
    } catch {
      continue; // what was chosen does not go together
    }
    const subgraphs = subgraphTexts(world);
    const composed = compose(subgraphs, url);
    if (!composed.errors && isGood(composed.api)) return { world, subgraphs, ...composed, refused: attempt };
  }
  return null;
}

function isGood(api) {
  try {
    return Boolean(buildSchema(api).getQueryType());
  } catch {
    return false;
  }
}

// The value that an overridden field must not give.
const STALE = new Error('the overridden field was asked');

export class Bench {
  constructor(model, subgraphs, api) {
    this.model = model;
    this.schema = buildSchema(api);
    this.wholeData = new Data(model);
    this.partData = new Data(model);
    this.parts = subgraphs.map(({ name, sdl }) => this.part(name, sdl));
    this.overridden = { on: this.findOverridden(true), off: this.findOverridden(false) };
    this.seldom = null; // is that label on for what is asked now? null: the router does not tell
    this.trouble = []; // of the harness itself: a shrunken schema that no longer holds together
  }

  part(name, sdl) {
    const part = new Subgraph({
      name,
      sdl,
      resolve: (source, field, args, at) => this.resolve(part, source, field, args, at),
      find: (type, keys, rep) => this.partData.find(type, keys[0].set, rep),
    });
    return part;
  }

  // "subgraph type field" of each field that another subgraph answers, with the label `seldom` on or off.
  findOverridden(seldom) {
    const found = new Set();
    const on = { undefined: true, 'percent(100)': true, 'percent(0)': false, seldom };
    for (const part of this.parts) {
      for (const [name, type] of part.types) {
        for (const [field, about] of type.fields) {
          if (about.override) found.add(`${on[about.override.label] ? about.override.from : part.name} ${name} ${field}`);
        }
      }
    }
    return found;
  }

  isOverridden(place) {
    return this.seldom === null ? this.overridden.on.has(place) && this.overridden.off.has(place) : this.overridden[this.seldom ? 'on' : 'off'].has(place);
  }

  async resolve(part, source, name, args, at) {
    const object = source ?? { type: at.type, id: 'root' };
    if (this.isOverridden(`${part.name} ${at.type} ${name}`)) {
      part.wrong(`the overridden field ${at.type}.${name} was asked`);
      throw STALE;
    }
    if (!this.model.types.get(object.type)?.fields.has(name)) {
      this.trouble.push(`${part.name}: ${object.type}.${name}`);
      throw new Error('not in the model');
    }
    return this.partData.value(object, name, args, at.requires ? this.required(part, at) : null);
  }

  required(part, at) {
    const given = project(at.requires, at.rep);
    const missing = at.requires.selections.find((item) => item.name && given[item.name.value] === undefined);
    if (missing) part.wrong(`${at.type}.${at.info.fieldName} requires ${missing.name.value}, which is not in ${JSON.stringify(at.rep)}`);
    return given;
  }

  // One executor over the whole. Its resolvers are asynchronous so that siblings of a failed field run on: then `failed`
  // names all places where something can fail, of which the executor tells one for each null. `shapes` tells the type
  // that each place of the answer must have.
  async whole({ query, variables }) {
    this.wholeData.serial = 0;
    const shapes = new Map(), failed = new Set();
    const answer = await execute({
      schema: this.schema,
      document: parse(query, { noLocation: true }),
      variableValues: variables,
      fieldResolver: async (source, args, context, info) => {
        const path = pathOf(info.path).join('/');
        shapes.set(path, info.returnType);
        try {
          const value = this.wholeData.whole(source ?? { type: info.parentType.name, id: 'root' }, info.fieldName, args);
          if (Array.isArray(value)) value.forEach((item, i) => item instanceof Error && failed.add(`${path}/${i}`));
          return value;
        } catch (e) {
          failed.add(path);
          throw e;
        }
      },
      typeResolver: (value) => value.type,
    });
    await new Promise((done) => setImmediate(done));
    const told = JSON.parse(JSON.stringify(answer));
    return { data: told.data, errors: told.errors ?? [], shapes, failed };
  }

  before(seldom) {
    this.seldom = seldom;
    this.partData.serial = 0;
    for (const part of this.parts) part.misuse.length = 0;
    this.trouble.length = 0;
  }

  misuse() {
    return this.parts.flatMap((part) => part.misuse);
  }
}

function pathOf(path) {
  const out = [];
  for (let at = path; at; at = at.prev) out.unshift(at.key);
  return out;
}

export const chanceOf = (...seeds) => new Chance(...seeds);

// The override label `seldom` is on for what is asked with a header (tests/prove/federation.py configures it so).
export const ask = (router, operation, patience) => router.ask({ query: operation.query, variables: operation.variables }, patience, undefined, operation.seldom ? { 'x-seldom': 'yes' } : {});
