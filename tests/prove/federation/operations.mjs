// SPDX-License-Identifier: MIT
// Random valid operations over an API schema: nested, with aliases, named and inline fragments, @skip and @include,
// arguments as literals and as variables, `__typename` anywhere, mutations of several fields.
import { getNamedType, isAbstractType, isCompositeType, isEnumType, isInputObjectType, isListType, isNonNullType, parse, validate } from 'graphql';
import { COUNT } from './world.mjs';

class Maker {
  constructor(schema, chance, size) {
    Object.assign(this, { schema, c: chance, left: size, variables: new Map(), fragments: [], aliases: 0, lists: 0 });
  }

  operation() {
    const mutation = this.schema.getMutationType();
    const root = mutation && this.c.maybe(0.15) ? mutation : this.schema.getQueryType();
    const body = root === mutation ? this.mutationFields(root) : this.selection(root, 0);
    const declared = [...this.variables.values()].map((v) => `$${v.name}: ${v.type}${v.fallback === undefined ? '' : ` = ${v.fallback}`}`);
    const head = `${root === mutation ? 'mutation' : 'query'} Q${declared.length ? `(${declared.join(', ')})` : ''}`;
    const values = {};
    for (const v of this.variables.values()) if (v.value !== undefined) values[v.name] = v.value;
    const query = [`${head} ${body}`, ...this.fragments.map((f) => f.text)].join('\n');
    return { query, variables: values, mutation: root === mutation };
  }

  mutationFields(root) {
    const parts = [];
    for (let i = 0, n = this.c.between(1, 4); i < n; i++) parts.push(this.field(root, this.c.pick(Object.values(root.getFields())), 0));
    return `{ ${parts.filter(Boolean).join(' ')} }`;
  }

  selection(type, depth) {
    const c = this.c, parts = [];
    const fields = type.getFields ? Object.values(type.getFields()) : [];
    const many = depth === 0 ? c.between(1, 3) : c.between(1, 4);
    for (let i = 0; i < many; i++) {
      this.left--;
      const how = c.next();
      if (how < 0.08 || !fields.length) parts.push(this.typename());
      else if (how < 0.2 && depth > 0) parts.push(this.fragment(type, type, depth));
      else parts.push(this.field(type, this.pickField(fields, depth), depth));
    }
    if (isAbstractType(type)) for (const member of this.schema.getPossibleTypes(type)) if (c.maybe(0.6)) parts.push(this.fragment(type, member, depth));
    if (type.getInterfaces && c.maybe(0.15)) for (const iface of type.getInterfaces()) parts.push(this.fragment(type, iface, depth));
    const body = parts.filter(Boolean);
    return `{ ${(body.length ? body : ['__typename']).join(' ')} }`;
  }

  pickField(fields, depth) {
    const leaves = fields.filter((f) => !isCompositeType(getNamedType(f.type)));
    if ((this.left < 0 || depth > 5) && leaves.length) return this.c.pick(leaves);
    // A list in a list in a list soon costs more than a router's limits allow.
    const objects = fields.filter((f) => isCompositeType(getNamedType(f.type)) && !(this.lists >= 2 && isList(f.type)));
    if (this.lists >= 2 && leaves.length && !objects.length) return this.c.pick(leaves);
    return this.c.pick(objects.length && this.c.maybe(0.5) ? objects : fields);
  }

  typename() {
    return this.c.maybe(0.3) ? `kind${this.aliases++}: __typename` : '__typename';
  }

  field(parent, field, depth) {
    const named = getNamedType(field.type);
    if (isCompositeType(named) && (depth > 7 || this.left < -8)) return '__typename';
    const args = this.args(field);
    // Two of one name with other arguments would not merge, nor may other types stand under it.
    const alias = args || this.c.maybe(0.15) || isCompositeType(named) && this.c.maybe(0.3) ? `${this.c.pick(['a', 'z', field.name])}${this.aliases++}: ` : '';
    const list = isList(field.type) ? 1 : 0;
    this.lists += list;
    const body = isCompositeType(named) ? ` ${this.selection(named, depth + 1)}` : '';
    this.lists -= list;
    return `${alias}${field.name}${args}${this.directives()}${body}`;
  }

  fragment(parent, on, depth) {
    const old = this.fragments.filter((f) => f.on === on.name);
    if (old.length && this.c.maybe(0.3)) return `...${this.c.pick(old).name}${this.directives()}`;
    const body = this.selection(on, depth + 1);
    if (this.c.maybe(0.25)) {
      const name = `F${this.fragments.length}`;
      this.fragments.push({ name, on: on.name, text: `fragment ${name} on ${on.name} ${body}` });
      return `...${name}${this.directives()}`;
    }
    return `...${on === parent && this.c.maybe(0.4) ? '' : ` on ${on.name}`}${this.directives()} ${body}`;
  }

  directives() {
    if (!this.c.maybe(0.1)) return '';
    const word = this.c.maybe(0.5) ? '@include' : '@skip';
    const yes = this.c.maybe(word === '@include' ? 0.75 : 0.3);
    const value = this.c.maybe(0.7) ? this.variable('Boolean!', yes) : String(yes);
    return ` ${word}(if: ${value})`;
  }

  args(field) {
    const parts = [];
    for (const arg of field.args) {
      const must = isNonNullType(arg.type) && arg.defaultValue === undefined;
      if (!must && this.c.maybe(0.5)) continue;
      const value = this.value(arg.type, field);
      if (this.c.maybe(0.4)) parts.push(`${arg.name}: ${this.variable(String(arg.type), this.c.maybe(0.15) && !must ? undefined : value)}`);
      else parts.push(`${arg.name}: ${literal(value, arg.type)}`);
    }
    return parts.length ? `(${parts.join(', ')})` : '';
  }

  variable(type, value) {
    const name = `v${this.variables.size}`;
    const fallback = value === undefined && type === 'Int' && this.c.maybe(0.5) ? '4' : undefined;
    this.variables.set(name, { name, type, value, fallback });
    return `$${name}`;
  }

  value(type, field) {
    const c = this.c;
    if (isNonNullType(type)) return this.value(type.ofType, field);
    if (c.maybe(0.1) && type.name !== 'ID' && !isNonNull(field, type)) return null;
    if (isListType(type)) return Array.from({ length: c.below(3) }, () => this.value(type.ofType, field));
    if (isInputObjectType(type)) {
      const out = {};
      for (const f of Object.values(type.getFields())) if (c.maybe(0.5)) out[f.name] = isListType(f.type) ? ['n'] : this.value(f.type, field);
      return out;
    }
    if (isEnumType(type)) return c.pick(type.getValues()).name;
    switch (type.name) {
      case 'Int': return c.below(9);
      case 'Float': return c.below(90) / 4;
      case 'Boolean': return c.maybe(0.5);
      case 'ID': return c.maybe(0.9) && !isListType(field.type) ? `${getNamedType(field.type).name}-${c.below(COUNT + 1)}` : `x${c.below(9)}`;
      default: return c.pick(['kg', 'EUR', 'a "b"', 'ü']);
    }
  }
}

const isList = (type) => isListType(isNonNullType(type) ? type.ofType : type);

// null is no value where an item or the argument itself must be there.
function isNonNull(field, type) {
  return field.args.some((a) => String(a.type).includes('!') && getNamedType(a.type) === getNamedType(type));
}

function literal(value, type) {
  if (isNonNullType(type)) return literal(value, type.ofType);
  if (value === null) return 'null';
  if (isListType(type)) return `[${value.map((v) => literal(v, type.ofType)).join(', ')}]`;
  if (isInputObjectType(type)) return `{ ${Object.entries(value).map(([k, v]) => `${k}: ${literal(v, type.getFields()[k].type)}`).join(', ')} }`;
  return isEnumType(type) ? value : JSON.stringify(value);
}

// A valid operation; those whose fields do not merge are thrown away.
export function makeOperation(schema, chance) {
  for (let i = 0; i < 50; i++) {
    const made = new Maker(schema, chance, chance.pick([4, 8, 14, 22])).operation();
    if (!validate(schema, parse(made.query, { noLocation: true })).length) return made;
  }
  return { query: '{ __typename }', variables: {}, mutation: false };
}
