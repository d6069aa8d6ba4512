// SPDX-License-Identifier: MIT
// The data of a random world: nothing is stored, every value follows from (seed, object, field, arguments, required
// values), so one executor over the whole and any number of subgraphs agree without talking. So do the nulls and the
// errors that are there on purpose.
//
// An object is { type, id }. Entities have ids 0 … count-1; the id of anything else is a hash of how it was reached.
import { Kind, valueFromASTUntyped } from 'graphql';
import { Chance } from '../graphql/random.mjs';
import { project } from '../../federation/kit/subgraph.mjs';

export function hash(...parts) {
  let h = 0x811c9dc5;
  for (const part of parts) {
    const text = String(part);
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h = Math.imul(h ^ 0x1f, 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const WORDS = ['amber', 'birch', 'cobalt', 'dune', 'ember', 'fjord', 'é', 'a "quoted" one', 'back\\slash', 'two\nlines', '汉字', '🌲', ''];
const FLOATS = [0.5, 1e21, -2.25, 3, 1e-7, 12345.678];

function leaf(model, name, chance) {
  switch (name) {
    case 'Int': return chance.between(-5, 100000);
    case 'Float': return chance.pick(FLOATS);
    case 'Boolean': return chance.maybe(0.5);
    case 'ID': return chance.maybe(0.5) ? `x${chance.below(1000)}` : String(chance.below(100));
    case 'Stamp': return `2031-0${chance.between(1, 9)}-11T00:00:00Z`;
    case 'Blob': return chance.pick([{ b: [1, { a: null }], a: 'x' }, [], {}, 'text', 7.5, [[1], [2]], { __typename: 'NotOne', id: 1 }]);
    case 'String': return `${chance.pick(WORDS)}${chance.below(100)}`;
    default: return chance.pick(model.enums.get(name));
  }
}

const FILTER = { min: undefined, max: 9, hue: undefined, names: undefined }; // as sdl.mjs declares it

export class Planned extends Error {}

export class Data {
  constructor(model) {
    this.model = model;
    this.serial = 0; // how many mutation fields ran: tells their order
  }

  field(type, name) {
    const field = this.model.types.get(type)?.fields.get(name);
    if (!field) throw new Error(`no field ${type}.${name} in the model`);
    return field;
  }

  // The value of a field. `required` holds what its @requires selection gave, when it has one.
  value(object, name, args, required) {
    const field = this.field(object.type, name);
    if (field.compute) return field.compute(object, args, this);
    const h = hash(this.model.seed, object.type, object.id, name, JSON.stringify(args), JSON.stringify(required ?? null));
    const chance = new Chance(h);
    if (chance.maybe(field.throws)) throw new Planned('on purpose');
    const made = { object, field, h, items: 0 };
    return this.build(field.type, chance, made, 0.15);
  }

  build(type, chance, made, nullShare) {
    if (type.endsWith('!')) return this.build(type.slice(0, -1), chance, made, 0);
    if (chance.maybe(nullShare)) return null;
    if (type.startsWith('[')) {
      const list = [];
      for (let n = chance.below(4); n > 0; n--) {
        if (made.field.throws && chance.maybe(0.03)) list.push(new Planned('an item, on purpose'));
        else list.push(this.build(type.slice(1, -1), chance, made, 0.15));
      }
      return list;
    }
    return this.one(type, chance, made);
  }

  one(name, chance, made) {
    const type = this.model.types.get(name);
    if (!type) return leaf(this.model, name, chance);
    const concrete = made.field.possible ? chance.pick(made.field.possible) : name;
    if (this.model.types.get(concrete).kind === 'entity') return { type: concrete, id: chance.below(this.model.count) };
    return { type: concrete, id: hash(made.h, made.items++) };
  }

  // What a @requires selection gives for an object of the whole data: what a representation would hold.
  required(object, set) {
    if (object === null) return null;
    if (Array.isArray(object)) return object.map((one) => this.required(one, set));
    const out = { __typename: object.type };
    for (const item of set.selections) {
      if (item.kind === Kind.INLINE_FRAGMENT) {
        if (item.typeCondition.name.value === object.type) Object.assign(out, this.required(object, item.selectionSet));
        continue;
      }
      const args = Object.fromEntries(item.arguments.map((a) => [a.name.value, valueFromASTUntyped(a.value)]));
      const field = this.field(object.type, item.name.value);
      const below = field.requires ? project(field.requires, this.required(object, field.requires)) : null;
      const value = this.value(object, item.name.value, withDefaults(field, args), below);
      out[item.name.value] = item.selectionSet ? this.required(value, item.selectionSet) : value;
    }
    return out;
  }

  // The value in the whole: what is required is computed instead of being told.
  whole(object, name, args) {
    const field = this.field(object.type, name);
    return this.value(object, name, args, field.requires ? project(field.requires, this.required(object, field.requires)) : null);
  }

  // The entity of a representation: the one whose values are those of the key.
  find(typeName, keySet, rep) {
    const type = this.model.types.get(typeName);
    for (const name of type.kind === 'interface' ? type.members : [typeName]) {
      for (let id = 0; id < this.model.count; id++) {
        const truth = project(keySet, this.required({ type: name, id }, keySet));
        if (JSON.stringify(truth) === JSON.stringify(project(keySet, rep))) return { type: name, id };
      }
    }
    return null;
  }
}

// What a literal becomes where it is coerced: defaults filled in, of the input object too, in the schema's order.
function withDefaults(field, args) {
  const out = {};
  for (const { name, type, fallback } of field.args) {
    if (args[name] !== undefined) out[name] = type === 'Filter' ? { ...FILTER, ...args[name] } : args[name];
    else if (fallback !== undefined) out[name] = fallback;
  }
  return out;
}
