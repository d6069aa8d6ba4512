// SPDX-License-Identifier: MIT
// A federation subgraph made of its SDL and a way to resolve: what a subgraph library would make of it, but stricter,
// since it is there to catch a router's mistakes. It notes as `misuse` what a router must never ask: an operation that
// does not validate, a representation without a resolvable key, an external field that nobody provided.
//
//   new Subgraph({ name, sdl, resolve, find })
//     resolve(source, field, args, at)  the value of one field; source is what find or an earlier resolve gave, undefined
//                                       at the root. `at` = { type, info, rep }: rep is the representation it came by
//     find(type, keys, rep)             the entity of a representation or null; keys: the @key selections that it fills
//
// Objects must carry `type` or `__typename` where the schema is abstract.
import { buildASTSchema, execute, Kind, parse, print, validate, visit } from 'graphql';

const FEDERATION = new Set(['key', 'requires', 'provides', 'external', 'shareable', 'override', 'inaccessible', 'tag',
  'extends', 'interfaceObject', 'authenticated', 'requiresScopes', 'policy', 'composeDirective', 'cost', 'listSize', 'link']);
const TYPES = /^(Object|Interface|Union|Enum|InputObject|Scalar)Type(Definition|Extension)$/;

const text = (directive, name) => directive.arguments.find((a) => a.name.value === name)?.value.value;

export function fieldSet(source) {
  return parse(`{${source}}`, { noLocation: true }).definitions[0].selectionSet;
}

// The same schema without federation: extensions become definitions, `_entities` and `_service` stand in Query.
function plainDocument(document) {
  const types = new Map(), others = [];
  let queryType = 'Query';
  const keyed = new Set();
  for (const definition of document.definitions) {
    if (/^Schema(Definition|Extension)$/.test(definition.kind)) {
      for (const operation of definition.operationTypes ?? []) if (operation.operation === 'query') queryType = operation.type.name.value;
      if (definition.operationTypes?.length) others.push({ ...definition, kind: Kind.SCHEMA_DEFINITION, directives: [] });
      continue;
    }
    if (!TYPES.test(definition.kind)) continue;
    const name = definition.name.value;
    if (definition.kind.startsWith('Object') && definition.directives.some((d) => d.name.value === 'key')) keyed.add(name);
    const before = types.get(name);
    const kind = definition.kind.replace('Extension', 'Definition');
    if (!before) types.set(name, { ...definition, kind });
    else for (const list of ['fields', 'interfaces', 'types', 'values']) {
      if (definition[list]) before[list] = [...(before[list] ?? []), ...definition[list]];
    }
  }
  const extra = keyed.size ? `scalar _Any union _Entity = ${[...keyed].join(' | ')}` : '';
  const root = `type ${queryType} { _service: _Service! ${keyed.size ? '_entities(representations: [_Any!]!): [_Entity]!' : ''} }`;
  const more = parse(`${extra} ${root} type _Service { sdl: String! }`, { noLocation: true }).definitions;
  for (const definition of more) {
    const before = types.get(definition.name.value);
    if (before) before.fields = [...before.fields, ...definition.fields];
    else types.set(definition.name.value, definition);
  }
  const plain = { kind: Kind.DOCUMENT, definitions: [...others, ...types.values()] };
  return visit(plain, { Directive: (node) => (FEDERATION.has(node.name.value.replace(/^federation__/, '')) ? null : undefined) });
}

// What the directives say of each type and field.
function readFederation(document) {
  const types = new Map();
  for (const definition of document.definitions) {
    if (!TYPES.test(definition.kind)) continue;
    const name = definition.name.value;
    if (!types.has(name)) types.set(name, { keys: [], fields: new Map(), interfaceObject: false, external: false });
    const type = types.get(name);
    for (const directive of definition.directives) {
      if (directive.name.value === 'key') {
        type.keys.push({ fields: text(directive, 'fields'), set: fieldSet(text(directive, 'fields')), resolvable: text(directive, 'resolvable') !== false });
      }
      if (directive.name.value === 'interfaceObject') type.interfaceObject = true;
      if (directive.name.value === 'external') type.external = true;
    }
    for (const field of definition.fields ?? []) {
      const about = { external: type.external, requires: null, provides: null, override: null };
      for (const directive of field.directives) {
        if (directive.name.value === 'external') about.external = true;
        if (directive.name.value === 'requires') about.requires = fieldSet(text(directive, 'fields'));
        if (directive.name.value === 'provides') about.provides = fieldSet(text(directive, 'fields'));
        if (directive.name.value === 'override') about.override = { from: text(directive, 'from'), label: text(directive, 'label') };
      }
      type.fields.set(field.name.value, about);
    }
  }
  return types;
}

// Does a representation hold every field of this selection?
export function fills(set, rep) {
  if (rep === null || typeof rep !== 'object') return false;
  return set.selections.every((item) => {
    if (item.kind === Kind.INLINE_FRAGMENT) return fills(item.selectionSet, rep);
    const value = rep[item.name.value];
    if (value === undefined || value === null) return false;
    if (!item.selectionSet) return true;
    return Array.isArray(value) ? value.every((one) => fills(item.selectionSet, one)) : fills(item.selectionSet, value);
  });
}

// The part of a representation that a selection names, in the selection's order. Below abstract types it need not say
// `__typename`; then a fragment gives what is there of it.
export function project(set, rep) {
  if (rep === null || rep === undefined) return null;
  if (Array.isArray(rep)) return rep.map((one) => project(set, one));
  const out = {};
  for (const item of set.selections) {
    if (item.kind === Kind.INLINE_FRAGMENT) {
      const on = item.typeCondition?.name.value;
      if (!on || rep.__typename === undefined || rep.__typename === on) Object.assign(out, project(item.selectionSet, rep));
      continue;
    }
    const value = rep[item.name.value];
    if (value !== undefined) out[item.name.value] = item.selectionSet ? project(item.selectionSet, value) : value;
  }
  return out;
}

export class Subgraph {
  constructor({ name, sdl, resolve, find }) {
    const document = parse(sdl, { noLocation: true });
    Object.assign(this, { name, sdl, resolve, find, misuse: [], documents: new Map() });
    this.types = readFederation(document);
    this.schema = buildASTSchema(plainDocument(document));
    this.keepRepresentationsRaw();
  }

  keepRepresentationsRaw() {
    const any = this.schema.getType('_Any');
    if (any) any.parseValue = (value) => value;
  }

  wrong(what) {
    this.misuse.push(`${this.name}: ${what}`);
    return new Error(what);
  }

  document(query) {
    const known = this.documents.get(query);
    if (known) return known;
    let document, errors;
    try {
      document = parse(query);
      errors = validate(this.schema, document);
    } catch (e) {
      errors = [e];
    }
    const found = { document, errors };
    if (this.documents.size > 2000) this.documents.clear();
    this.documents.set(query, found);
    return found;
  }

  // The response keys of an operation that hold objects, and those that hold entities asked by representation.
  rootKeys(query) {
    const { document } = this.document(query);
    const keys = { composite: [], entities: [] };
    const operation = document?.definitions.find((d) => d.kind === Kind.OPERATION_DEFINITION);
    for (const item of operation?.selectionSet.selections ?? []) {
      if (item.kind !== Kind.FIELD || !item.selectionSet) continue;
      keys.composite.push((item.alias ?? item.name).value);
      if (item.name.value === '_entities') keys.entities.push((item.alias ?? item.name).value);
    }
    return keys;
  }

  entity(rep) {
    const name = rep?.__typename;
    const type = this.types.get(name);
    if (!type) return this.wrong(`a representation of the unknown type ${name}`);
    const keys = type.keys.filter((key) => key.resolvable && fills(key.set, rep));
    if (!keys.length) return this.wrong(`no resolvable key of ${name} in ${JSON.stringify(rep)}`);
    const found = this.find(name, keys, rep);
    return found && { value: found, rep, provided: null };
  }

  // What graphql-js calls for every field. Objects travel as { value, rep, provided }.
  field(source, args, info) {
    const type = info.parentType.name, name = info.fieldName;
    if (!source) {
      if (name === '_service') return { value: null, sdl: true };
      if (name === '_entities') return args.representations.map((rep) => this.entity(rep));
    }
    if (source?.sdl) return this.sdl;
    const about = this.types.get(type)?.fields.get(name) ?? {};
    const provided = source?.provided?.selections.find((item) => item.kind === Kind.FIELD && item.name.value === name);
    const inKey = this.types.get(type)?.keys.some((key) => key.set.selections.some((item) => item.name.value === name));
    if (about.external && !provided && !inKey) throw this.wrong(`the external field ${type}.${name} was asked`);
    if (about.requires && !source.rep) throw this.wrong(`${type}.${name} was asked without what it requires`);
    const below = about.provides ?? provided?.selectionSet ?? null;
    const wrap = (value) => {
      if (Array.isArray(value)) return value.map(wrap);
      if (value === null || value === undefined || value instanceof Error || !isObject(info.returnType)) return value;
      return { value, rep: null, provided: narrow(below, value.type ?? value.__typename) };
    };
    const value = this.resolve(source?.value, name, args, { type, info, rep: source?.rep ?? null, requires: about.requires });
    return value instanceof Promise ? value.then(wrap) : wrap(value);
  }

  // An entity found for an interface object is that object here, whatever it is elsewhere.
  typeOf({ value, rep }) {
    const asked = rep?.__typename;
    return this.types.get(asked)?.interfaceObject ? asked : value.type ?? value.__typename;
  }

  run({ query, variables, operationName }) {
    const { document, errors } = this.document(query ?? '');
    if (errors.length) {
      this.wrong(`${errors[0].message} in ${query}`);
      return { errors: errors.map((e) => ({ message: e.message })) };
    }
    return execute({
      schema: this.schema,
      document,
      variableValues: variables,
      operationName,
      fieldResolver: (source, args, context, info) => this.field(source, args, info),
      typeResolver: (source) => this.typeOf(source),
    });
  }
}

function isObject(type) {
  while (type.ofType) type = type.ofType;
  return Boolean(type.getFields || type.getTypes);
}

// The fields that a @provides selection gives to an object of one type.
function narrow(set, type) {
  if (!set) return null;
  const selections = set.selections.flatMap((item) => {
    if (item.kind !== Kind.INLINE_FRAGMENT) return [item];
    return !item.typeCondition || item.typeCondition.name.value === type ? narrow(item.selectionSet, type).selections : [];
  });
  return { ...set, selections };
}

export const printSet = (set) => print(set).replace(/\s+/g, ' ');
