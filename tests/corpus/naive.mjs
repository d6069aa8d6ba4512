// SPDX-License-Identifier: MIT
// A subgraph that tells what a source has and nothing more: no value is checked or changed, no null travels, an error is
// told at its path and a null stands there. What is left to do of "completing" is the gateway's.
//
// A source is a plain object, asked by the names of fields, or a `Told`, asked by name and coerced arguments.
import {
  getArgumentValues, getDirectiveValues, GraphQLIncludeDirective, GraphQLSkipDirective, getNamedType, getNullableType, getVariableValues, isAbstractType,
  isCompositeType, isListType, isObjectType, parse, validate,
} from 'graphql';

export class Told {
  constructor(typename) {
    this.__typename = typename;
    this.values = new Map();
  }

  static key(name, args) {
    return `${name}${JSON.stringify(sorted(args))}`;
  }

  // The same place told twice, under two response keys, is one value.
  put(key, value) {
    const before = this.values.get(key);
    this.values.set(key, before === undefined ? value : united(before, value));
  }

  get(key) {
    if (key instanceof Error) return key;
    return this.values.has(key) ? this.values.get(key) : new Error(`nothing is recorded of ${this.__typename}.${key}`);
  }
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

function united(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.map((one, i) => united(one, b[i]));
  if (!(a instanceof Told) || !(b instanceof Told)) return a;
  for (const [key, value] of b.values) a.values.set(key, a.values.has(key) ? united(a.values.get(key), value) : value);
  return a;
}

const left = (node, variables) => getDirectiveValues(GraphQLSkipDirective, node, variables)?.if === true
  || getDirectiveValues(GraphQLIncludeDirective, node, variables)?.if === false;

// What is asked of an object of that type: [response key, field nodes], in order.
export function collected(at, typename, sets, into = new Map(), seen = new Set()) {
  for (const set of sets) for (const node of set.selections) {
    if (left(node, at.variables)) continue;
    if (node.kind === 'Field') {
      const key = (node.alias ?? node.name).value;
      into.set(key, [...(into.get(key) ?? []), node]);
      continue;
    }
    const fragment = node.kind === 'FragmentSpread' ? at.fragments.get(node.name.value) : node;
    if (node.kind === 'FragmentSpread' && (seen.has(fragment) || !seen.add(fragment))) continue;
    const on = fragment.typeCondition && at.schema.getType(fragment.typeCondition.name.value), type = at.schema.getType(typename);
    if (on && on !== type && !(isAbstractType(on) && isObjectType(type) && at.schema.isSubType(on, type))) continue;
    collected(at, typename, [fragment.selectionSet], into, seen);
  }
  return [...into];
}

export const setsOf = (nodes) => nodes.map((node) => node.selectionSet).filter(Boolean);

// What an operation is asked by: its schema, fragments and variables.
export function standing(schema, document, operation, inputs) {
  const made = getVariableValues(schema, operation.variableDefinitions ?? [], inputs ?? {});
  if (made.errors) throw made.errors[0];
  const fragments = new Map(document.definitions.filter((d) => d.kind === 'FragmentDefinition').map((d) => [d.name.value, d]));
  return { schema, fragments, variables: made.coerced, errors: [] };
}

// What a field is told by: its name and its arguments, coerced. An Error where they cannot be.
export function keyOf(at, type, node) {
  const name = node.name.value, field = type.getFields()[name];
  try {
    return Told.key(name, field ? getArgumentValues(field, node, at.variables) : {});
  } catch (e) {
    return e;
  }
}

export const rootOf = (schema, operation) => schema.getRootType(operation.operation);

export class Naive {
  constructor(schema, source) {
    Object.assign(this, { schema, source, misuse: [], asked: [] });
  }

  run({ query, variables }) {
    const document = parse(query), wrong = validate(this.schema, document);
    if (wrong.length) this.misuse.push(`${wrong[0].message} in ${query}`);
    const operation = document.definitions.find((d) => d.kind === 'OperationDefinition');
    const at = standing(this.schema, document, operation, variables), root = rootOf(this.schema, operation);
    const data = this.object(at, root.name, root.name, [operation.selectionSet], this.source ?? {}, []);
    for (const [, [node]] of collected(at, root.name, [operation.selectionSet])) this.asked.push(keyOf(at, root, node));
    return at.errors.length ? { data, errors: at.errors } : { data };
  }

  // `declared` is the type that the schema names, `typename` what the source calls itself.
  object(at, declared, typename, sets, source, path) {
    const out = {};
    for (const [key, nodes] of collected(at, typename, sets)) {
      const name = nodes[0].name.value;
      if (name === '__typename') {
        out[key] = typename ?? null;
        continue;
      }
      const said = at.schema.getType(typename), type = said?.getFields?.()[name] ? said : at.schema.getType(declared);
      const told = keyOf(at, type, nodes[0]), plain = told instanceof Error ? told : source[name];
      const value = source instanceof Told ? source.get(told) : plain;
      out[key] = this.value(at, type.getFields()[name].type, nodes, value, [...path, key]);
    }
    return out;
  }

  value(at, type, nodes, value, path) {
    if (value instanceof Error) {
      at.errors.push({ message: value.message, path });
      return null;
    }
    if (value === null || value === undefined) return null;
    const bare = getNullableType(type);
    if (isListType(bare)) return Array.isArray(value) ? value.map((one, i) => this.value(at, bare.ofType, nodes, one, [...path, i])) : value;
    if (!isCompositeType(bare) || typeof value !== 'object') return value;
    const named = getNamedType(bare);
    return this.object(at, named.name, isObjectType(named) && !value.__typename ? named.name : value.__typename, setsOf(nodes), value, path);
  }
}
