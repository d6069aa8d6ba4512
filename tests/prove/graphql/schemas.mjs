// SPDX-License-Identifier: MIT
// Schemas made by chance, as SDL: few names, so that types share fields, with and without the same types.
import { Chance } from './random.mjs';

const FIELDS = ['a', 'b', 'c', 'id', 'name', 'size', 'list', 'next', 'other', 'count', 'kind', 'of'];
const ARGUMENTS = ['x', 'y', 'in', 'first', 'where', 'on', 'type'];
const SCALARS = ['Int', 'Float', 'String', 'Boolean', 'ID', 'Stuff'];
const PLACES = ['QUERY', 'MUTATION', 'SUBSCRIPTION', 'FIELD', 'FRAGMENT_DEFINITION', 'FRAGMENT_SPREAD',
  'INLINE_FRAGMENT', 'VARIABLE_DEFINITION'];

class Maker {
  constructor(chance) {
    this.c = chance;
    const names = (stem, n) => Array.from({ length: n }, (_, i) => stem + i);
    this.enums = names('Enum', chance.between(1, 3));
    this.inputs = names('In', chance.between(2, 5));
    this.interfaces = names('Face', chance.between(2, 5));
    this.objects = names('Obj', chance.between(4, 9));
    this.unions = names('Uni', chance.between(1, 4));
    this.values = new Map(this.enums.map((e) => [e, chance.some(['A', 'B', 'C', 'D', 'E', 'on', 'type'], 0.5).concat('F')]));
  }

  wrap(name, required) {
    let t = name;
    const levels = this.c.maybe(0.3) ? this.c.between(1, 3) : 0;
    if (this.c.maybe(0.3) && required) t += '!';
    for (let i = 0; i < levels; i++) t = `[${t}]${this.c.maybe(0.3) && required ? '!' : ''}`;
    return t;
  }

  leaf() {
    return this.c.pick([...SCALARS, ...this.enums]);
  }

  // A constant of a type that is written plainly.
  constant(type) {
    const literals = { Int: '7', Float: '1.5', String: '"s"', Boolean: 'true', ID: '"i"', Stuff: '{s: [1]}' };
    const name = type.replace(/[[\]!]/g, '');
    const one = literals[name] ?? (this.values.has(name) ? this.values.get(name)[0] : '{}');
    return this.c.maybe(0.2) && !type.endsWith('!') ? 'null' : one;
  }

  input(name, mayRequire) {
    const type = this.wrap(this.c.maybe(0.3) ? this.c.pick(this.inputs) : this.leaf(), mayRequire);
    const inner = type.replace(/[[\]!]/g, '');
    const plain = !this.inputs.includes(inner);
    const gift = plain && this.c.maybe(0.35) ? ` = ${this.constant(type)}` : '';
    return `${name}: ${type}${gift}`;
  }

  arguments() {
    if (!this.c.maybe(0.4)) return '';
    const args = this.c.some(ARGUMENTS, 0.3).map((n) => this.input(n, true));
    return args.length ? `(${args.join(', ')})` : '';
  }

  field(name) {
    const composite = [...this.interfaces, ...this.objects, ...this.unions];
    const type = this.wrap(this.c.maybe(0.55) ? this.c.pick(composite) : this.leaf(), true);
    return `${name}${this.arguments()}: ${type}${this.c.maybe(0.05) ? ' @deprecated' : ''}`;
  }

  // Fields of a type that implements these: theirs first, word by word.
  body(parents, own) {
    const fields = new Map();
    for (const parent of parents) for (const [name, text] of this.faces.get(parent).fields) fields.set(name, text);
    for (const name of this.c.some(FIELDS, own)) if (!fields.has(name)) fields.set(name, this.field(name));
    if (!fields.size) fields.set('id', 'id: ID');
    return fields;
  }

  // Interfaces whose fields agree, each with what it implements itself.
  parents(from) {
    const chosen = new Set();
    const taken = new Map();
    for (const face of this.c.some(from, 0.4)) {
      const more = [face, ...this.faces.get(face).parents].filter((f) => !chosen.has(f));
      const all = more.flatMap((f) => [...this.faces.get(f).fields]);
      if (all.some(([name, text]) => taken.has(name) && taken.get(name) !== text)) continue;
      for (const [name, text] of all) taken.set(name, text);
      for (const f of more) chosen.add(f);
    }
    return [...chosen];
  }

  print(kind, name, parents, fields) {
    const implemented = parents.length ? ` implements ${parents.join(' & ')}` : '';
    return `${kind} ${name}${implemented} {\n  ${[...fields.values()].join('\n  ')}\n}`;
  }

  inputObject(name, index) {
    if (index === 0) {
      const fields = this.c.some(ARGUMENTS, 0.5).concat('z').map((n) => `${n}: ${this.c.pick([...SCALARS, ...this.enums, ...this.inputs, '[Int]', '[In1!]'])}`);
      return `input ${name} @oneOf {\n  ${fields.join('\n  ')}\n}`;
    }
    const fields = this.c.some(ARGUMENTS, 0.5).concat('z').map((n) => {
      const text = this.input(n, true);
      // An input object that must hold another could never end.
      return this.inputs.some((i) => text.includes(`: ${i}!`)) ? text.replace(/!/g, '') : text;
    });
    return `input ${name} {\n  ${fields.join('\n  ')}\n}`;
  }

  directive(name) {
    const places = this.c.some(PLACES, 0.4);
    return `directive @${name}${this.arguments()}${this.c.maybe(0.4) ? ' repeatable' : ''} on ${(places.length ? places : ['FIELD']).join(' | ')}`;
  }

  schema() {
    const out = ['scalar Stuff'];
    this.faces = new Map();
    for (const [e, values] of this.values) out.push(`enum ${e} { ${values.join(' ')} }`);
    this.inputs.forEach((name, i) => out.push(this.inputObject(name, i)));
    for (const name of this.interfaces) {
      const parents = this.parents([...this.faces.keys()]);
      const fields = this.body(parents, 0.3);
      this.faces.set(name, { parents, fields });
      out.push(this.print('interface', name, parents, fields));
    }
    for (const name of this.objects) {
      const parents = this.parents(this.interfaces);
      out.push(this.print('type', name, parents, this.body(parents, 0.35)));
    }
    for (const name of this.unions) out.push(`union ${name} = ${this.c.some(this.objects, 0.4).concat(this.objects[0]).filter((x, i, all) => all.indexOf(x) === i).join(' | ')}`);
    for (const name of ['Query', 'Mutation', 'Subscription']) out.push(this.print('type', name, [], this.body([], 0.6)));
    for (const name of ['d0', 'd1', 'd2', 'd3']) out.push(this.directive(name));
    return out.join('\n\n') + '\n';
  }
}

export function randomSchema(seed, number) {
  return new Maker(new Chance(seed, number, 77)).schema();
}
