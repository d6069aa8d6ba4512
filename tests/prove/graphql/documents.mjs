// SPDX-License-Identifier: MIT
// Documents made by chance over a schema, as lists of tokens: what is asked follows the schema, except that at
// every turn, with probability `wrong`, something that no rule allows is written instead.
import {
  getNamedType, getNullableType, isCompositeType, isEnumType, isInputObjectType, isInputType, isLeafType,
  isListType, isNonNullType, isAbstractType, isObjectType, isInterfaceType, isUnionType, SchemaMetaFieldDef,
  TypeMetaFieldDef, TypeNameMetaFieldDef,
} from 'graphql';

const INTS = ['0', '-1', '1', '7', '2147483647', '-2147483648'];
const FLOATS = ['0.5', '-1.25e3', '1E-2', '1e10', '3', '0.0'];
const STRINGS = ['""', '"s"', '"a \\"quoted\\" word"', '"\\u00e9\\n"', '"ünï"', '"😀"', '"""block"""', '"""\n  two\n    lines\n  """', '"\\u{1F600}"', '"7"'];
const ANYTHING = ['2147483648', '-2147483649', '9999999999999999999999', '1.5', '1e400', '"text"', 'true', 'null', 'LOW', 'Nope', '[]', '[1, "a", null]', '[[[]]]', '{}', '{ a: 1 }', '{ text: null }', '$nope', '"""b"""', '-0', 'on', '[$nope]', '{ a: $nope, a: 2 }'];
const NAMES = ['a', 'b', 'x', 'id', 'name', 'size', 'other', 'on', 'type', 'query', 'fragment', '_', '__x', 'veryLongNameOfSomething', 'naem', 'Int', 'null', 'true'];

// "[Int!]" → tokens
export function words(text) {
  return text.match(/"""[^]*?"""|"(?:\\.|[^"\\])*"|\.\.\.|[\w]+|-?[\d.]+(?:[eE][-+]?\d+)?|[^\s,]/gu) ?? [];
}

function near(chance, name) {
  const at = chance.below(name.length + 1);
  return chance.pick([name.slice(0, at) + 'e' + name.slice(at), name.slice(0, at) + name.slice(at + 1) || 'x', name.toUpperCase(), name + 's', chance.pick(NAMES)]);
}

export class DocumentMaker {
  constructor(schema, chance, wrong) {
    this.schema = schema;
    this.c = chance;
    this.wrong = wrong;
    this.types = Object.values(schema.getTypeMap());
    this.inputTypes = this.types.filter(isInputType);
    this.composites = this.types.filter(isCompositeType);
    this.fragments = []; // {name, type, tokens, variables: Map, spreads: Set}
    this.variables = new Map(); // name → type as text, the same in the whole document
    this.budget = chance.maybe(0.03) ? 400 : chance.between(4, 70);
  }

  bad() {
    return this.c.maybe(this.wrong);
  }

  // ---- values ----

  anything() {
    return words(this.c.pick(ANYTHING));
  }

  scalar(name) {
    switch (name) {
      case 'Int': return [this.c.pick(INTS)];
      case 'Float': return [this.c.pick([...INTS, ...FLOATS])];
      case 'String': return [this.c.pick(STRINGS)];
      case 'Boolean': return [this.c.pick(['true', 'false'])];
      case 'ID': return [this.c.pick([...STRINGS, ...INTS])];
      default: return words(this.c.pick(['"x"', '1', '1.5', 'true', 'ANY', '{ a: [1, {b: null}] }', '[]', 'null']));
    }
  }

  object(type, def, depth) {
    const fields = Object.values(type.getFields());
    let chosen = fields.filter((f) => (isNonNullType(f.type) && f.defaultValue === undefined ? !this.bad() : this.c.maybe(depth > 3 ? 0 : 0.35)));
    if (type.isOneOf) chosen = this.bad() ? this.c.some(fields, 0.5) : [this.c.pick(fields)];
    const out = ['{'];
    for (const f of chosen) {
      const t = type.isOneOf && !this.bad() && !isNonNullType(f.type) ? `${f.type}!` : null;
      out.push(this.bad() ? near(this.c, f.name) : f.name, ':', ...this.value(f.type, def, depth + 1, f.defaultValue !== undefined, t));
      if (this.bad()) out.push(f.name, ':', ...this.anything());
    }
    return [...out, '}'];
  }

  // `strict`: the type a variable must have here when it may not be the location's own (oneOf).
  value(type, def, depth = 0, hasDefault = false, strict = null) {
    if (this.bad()) return this.anything();
    if (def && this.c.maybe(0.25)) return this.variable(strict ?? String(type), def, hasDefault);
    if (!strict && !isNonNullType(type) && this.c.maybe(0.08)) return ['null'];
    const bare = getNullableType(type);
    if (isListType(bare)) {
      if (this.c.maybe(0.2)) return this.value(bare.ofType, def, depth + 1);
      const out = ['['];
      for (let n = depth > 3 ? 0 : this.c.below(3); n > 0; n--) out.push(...this.value(bare.ofType, def, depth + 1));
      return [...out, ']'];
    }
    if (isEnumType(bare)) return [this.bad() ? near(this.c, bare.getValues()[0].name) : this.c.pick(bare.getValues()).name];
    if (isInputObjectType(bare)) return this.object(bare, def, depth);
    return this.scalar(bare.name);
  }

  // A variable that fits the type, or when things go wrong any other.
  variable(wanted, def, hasDefault) {
    const known = [...this.variables].filter(([, v]) => v.type === wanted || v.type === `${wanted}!`).map(([name]) => name);
    let name;
    if (this.bad() && this.variables.size) name = this.c.pick([...this.variables.keys()]);
    else if (known.length && this.c.maybe(0.7)) name = this.c.pick(known);
    else {
      name = `v${this.variables.size}`;
      let type = wanted;
      let gift = null;
      if (type.endsWith('!')) {
        if (this.c.maybe(0.2) && !/[A-Z]\w*$/.test(type)) {
          type = type.slice(0, -1);
          gift = 'default';
          if (hasDefault && this.c.maybe(0.5)) gift = null;
        }
      } else if (this.c.maybe(0.2)) type += '!';
      if (this.bad()) type = this.c.pick([`[${type}]`, type.replace('!', ''), 'Int', 'Missing', String(this.c.pick(this.types)), `${type.replace(/!/g, '')}!`]);
      this.variables.set(name, { type, gift: gift ?? (this.c.maybe(0.2) ? 'default' : null) });
    }
    def.variables.add(name);
    return ['$', name];
  }

  typeOf(text) {
    let type = this.schema.getType(text.replace(/[[\]!]/g, ''));
    if (!type || !isInputType(type)) return null;
    return type;
  }

  // `def`'s own variables and those of all it spreads, in any order.
  reached(def, seen = new Set()) {
    if (seen.has(def)) return new Set();
    seen.add(def);
    const all = new Set(def.variables);
    for (const f of def.spreads) for (const v of this.reached(f, seen)) all.add(v);
    return all;
  }

  definitions(def) {
    const names = [...this.reached(def)].filter(() => !this.bad());
    if (this.bad()) names.push(this.c.pick(['unused', 'v0', ...this.variables.keys()]));
    if (!names.length) return [];
    const out = ['('];
    for (const name of names) {
      const v = this.variables.get(name) ?? { type: 'Int', gift: null };
      if (this.c.maybe(0.03)) out.push(this.c.pick(STRINGS));
      out.push('$', name, ':', ...words(v.type));
      const type = this.typeOf(v.type);
      if (v.gift && type) out.push('=', ...(v.type.startsWith('[') && !this.bad() ? this.c.pick([['[', ']'], ['[', ']']]) : this.value(type, null, 2)));
      out.push(...this.directives('VARIABLE_DEFINITION', null));
    }
    return [...out, ')'];
  }

  // ---- directives ----

  directives(place, def) {
    const out = [];
    const fit = this.schema.getDirectives().filter((d) => d.locations.includes(place));
    for (let n = this.c.maybe(0.12) ? this.c.between(1, 2) : 0; n > 0; n--) {
      const d = this.bad() || !fit.length ? this.c.pick(this.schema.getDirectives()) : this.c.pick(fit);
      if (!fit.length && !this.bad()) break;
      const text = ['@', this.bad() ? near(this.c, d.name) : d.name, ...this.arguments(d.args, def)];
      if (!d.isRepeatable && out.includes(d.name) && !this.bad()) continue;
      out.push(...text);
    }
    return out;
  }

  arguments(args, def) {
    const out = [];
    for (const arg of args) {
      const required = isNonNullType(arg.type) && arg.defaultValue === undefined;
      if (required ? this.bad() : !this.c.maybe(0.3)) continue;
      out.push(this.bad() ? near(this.c, arg.name) : arg.name, ':', ...this.value(arg.type, def, 0, arg.defaultValue !== undefined));
      if (this.bad()) out.push(arg.name, ':', ...this.anything());
    }
    if (this.bad()) out.push(this.c.pick(NAMES.slice(0, 9)), ':', ...this.anything());
    return out.length ? ['(', ...out, ')'] : [];
  }

  // ---- selections ----

  fieldsOf(type) {
    const all = isUnionType(type) ? [] : Object.values(type.getFields());
    const more = [TypeNameMetaFieldDef];
    if (type === this.schema.getQueryType() && this.c.maybe(0.15)) more.push(SchemaMetaFieldDef, TypeMetaFieldDef);
    return [...all, ...all, ...more];
  }

  field(type, def, depth) {
    let f = this.c.pick(this.fieldsOf(type));
    if (depth > 5 || this.budget <= 0) {
      const leaves = this.fieldsOf(type).filter((x) => isLeafType(getNamedType(x.type)));
      f = this.c.pick(leaves.length ? leaves : [TypeNameMetaFieldDef]);
    }
    if (this.bad()) {
      const other = this.c.pick(this.composites);
      f = isUnionType(other) ? TypeNameMetaFieldDef : this.c.pick(Object.values(other.getFields()));
    }
    const out = [];
    // Keys of their own keep a document valid; few names make selections that must be merged.
    const plain = f.args.length === 0 ? 0.6 : 0.3;
    if (!this.c.maybe(plain)) out.push(this.c.maybe(0.15 + this.wrong) ? this.c.pick(['a', 'b', 'id', 'size']) : `k${this.keys = (this.keys ?? 0) + 1}`, ':');
    out.push(this.bad() ? near(this.c, f.name) : f.name, ...this.arguments(f.args, def), ...this.directives('FIELD', def));
    const inner = getNamedType(f.type);
    if (isCompositeType(inner) ? !this.bad() : this.bad()) out.push(...this.selections(isCompositeType(inner) ? inner : this.c.pick(this.composites), def, depth + 1));
    return out;
  }

  // Types whose objects may be objects of this one.
  overlapping(type) {
    const possible = (t) => (isAbstractType(t) ? this.schema.getPossibleTypes(t) : [t]);
    const mine = new Set(possible(type));
    return this.composites.filter((t) => possible(t).some((o) => mine.has(o)));
  }

  inline(type, def, depth) {
    const out = ['...'];
    let inner = type;
    if (this.c.maybe(0.8)) {
      inner = this.c.pick(this.bad() ? this.composites : this.overlapping(type)) ?? type;
      out.push('on', this.bad() ? this.c.pick(['Missing', 'Int', near(this.c, inner.name), ...this.types.map(String)]) : inner.name);
    }
    return [...out, ...this.directives('INLINE_FRAGMENT', def), ...this.selections(inner, def, depth + 1)];
  }

  spread(type, def, depth) {
    const fit = this.overlapping(type);
    let known = this.fragments.filter((f) => f.tokens && fit.includes(f.type));
    if (this.bad()) known = this.fragments;
    let f = known.length && this.c.maybe(0.6) ? this.c.pick(known) : null;
    if (!f && this.fragments.length < 6) {
      f = { name: this.bad() ? this.c.pick(NAMES) : `F${this.fragments.length}`, type: this.c.pick(fit) ?? type, variables: new Set(), spreads: new Set(), tokens: null };
      this.fragments.push(f);
      f.tokens = this.fragment(f, depth);
    }
    if (!f) return this.field(type, def, depth);
    def.spreads.add(f);
    return ['...', this.bad() ? near(this.c, f.name) : f.name, ...this.directives('FRAGMENT_SPREAD', def)];
  }

  selections(type, def, depth) {
    const out = ['{'];
    const n = depth > 6 ? 1 : this.c.between(1, depth > 3 ? 2 : 4);
    for (let i = 0; i < n; i++) {
      this.budget--;
      const roll = this.c.next();
      const deep = depth > 5 || this.budget <= 0;
      if (!deep && roll < 0.16) out.push(...this.inline(type, def, depth));
      else if (!deep && roll < 0.28) out.push(...this.spread(type, def, depth));
      else out.push(...this.field(type, def, depth));
    }
    return [...out, '}'];
  }

  // ---- definitions ----

  description() {
    return this.c.maybe(0.04) ? [this.c.pick(STRINGS)] : [];
  }

  fragment(f, depth) {
    const condition = this.bad() ? this.c.pick(['Missing', 'Int', near(this.c, f.type.name), ...this.types.map(String)]) : f.type.name;
    return [...this.description(), 'fragment', f.name, 'on', condition, ...this.directives('FRAGMENT_DEFINITION', f), ...this.selections(f.type, f, depth + 1)];
  }

  root(kind) {
    return { query: this.schema.getQueryType(), mutation: this.schema.getMutationType(), subscription: this.schema.getSubscriptionType() }[kind];
  }

  subscription(type, def) {
    const fields = Object.values(type.getFields());
    const f = this.c.pick(fields);
    const inner = getNamedType(f.type);
    const one = [f.name, ...this.arguments(f.args, def), ...(isCompositeType(inner) ? this.selections(inner, def, 1) : [])];
    return ['{', ...one, '}'];
  }

  operation(index, count) {
    const def = { variables: new Set(), spreads: new Set() };
    const kinds = ['query', 'query', 'query', 'query', 'mutation', 'subscription'].filter((k) => this.root(k) || this.bad());
    const kind = this.c.pick(kinds);
    const type = this.root(kind) ?? this.c.pick(this.composites);
    const body = kind === 'subscription' && !this.bad() ? this.subscription(type, def) : this.selections(type, def, 0);
    const name = count > 1 ? !this.bad() : this.c.maybe(0.5);
    const label = name ? [this.bad() ? this.c.pick(NAMES) : `Op${this.bad() ? 0 : index}`] : [];
    const variables = this.definitions(def);
    const directives = this.directives(kind.toUpperCase(), def);
    if (kind === 'query' && !name && !variables.length && !directives.length && this.c.maybe(0.8)) return body;
    return [...this.description(), kind, ...label, ...variables, ...directives, ...body];
  }

  // What has no place in a request, but parses.
  stranger() {
    const t = this.c.pick(this.types).name;
    return words(this.c.pick([
      'type New { a: Int }', `extend type ${t} { a(x: Missing = {a: 1}): Missing @nope }`, 'schema { query: Query }',
      'scalar Stuff @specifiedBy', 'directive @new(x: Int, x: Int) repeatable on FIELD | QUERY', `union New = ${t} | Missing`,
      'enum New { A B @deprecated(reason: 1) A }', 'input New @oneOf { a: Int = "x", a: [Missing!] }', `interface New implements ${t} & Missing { a: ${t} }`,
      'extend schema @nope { mutation: Missing }', '"""text""" type New', 'type New { a: Int @skip(if: $x) @deprecated @deprecated }',
    ]));
  }

  tokens() {
    const count = this.c.maybe(0.12) ? this.c.between(2, 3) : 1;
    const parts = [];
    for (let i = 0; i < count; i++) parts.push(this.operation(i, count));
    for (const f of this.fragments) if (!this.bad()) parts.push(f.tokens ?? []);
    if (this.bad() && this.fragments.length) parts.push(this.c.pick(this.fragments).tokens ?? []);
    if (this.bad() && this.c.maybe(0.6)) parts.push(this.stranger());
    if (this.c.maybe(0.3)) parts.push(parts.shift());
    return parts.flat();
  }
}
