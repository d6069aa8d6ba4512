// SPDX-License-Identifier: MIT
// Makes a failure small: first the operation, by leaving out selections, arguments and directives, then the schema, by
// leaving out subgraphs, types and fields, as long as it fails in the same way.
import { buildSchema, Kind, parse, print, validate, visit } from 'graphql';
import { compose } from './sdl.mjs';

// Every smaller document that one step gives.
function* smaller(document) {
  const places = [];
  visit(document, {
    enter(node, key, parent, path) {
      if (Array.isArray(parent) && [Kind.FIELD, Kind.INLINE_FRAGMENT, Kind.FRAGMENT_SPREAD].includes(node.kind)) places.push([path.slice(), node]);
      else if (Array.isArray(parent) && [Kind.DIRECTIVE, Kind.ARGUMENT].includes(node.kind)) places.push([path.slice(), null]);
    },
  });
  for (const [path, node] of places) {
    yield edit(document, path, () => []);
    if (node?.kind === Kind.INLINE_FRAGMENT) yield edit(document, path, (n) => n.selectionSet.selections);
    if (node?.kind === Kind.FRAGMENT_SPREAD) {
      const body = document.definitions.find((d) => d.kind === Kind.FRAGMENT_DEFINITION && d.name.value === node.name.value);
      yield edit(document, path, () => [{ kind: Kind.INLINE_FRAGMENT, typeCondition: body.typeCondition, directives: node.directives, selectionSet: body.selectionSet }]);
    }
    if (node?.alias) yield edit(document, path, (n) => [{ ...n, alias: undefined }]);
  }
}

function edit(document, path, change) {
  const copy = structuredClone(document);
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key];
  at.splice(path.at(-1), 1, ...change(at[path.at(-1)]));
  return tidy(copy);
}

// Without fragments and variables that nothing uses any more.
function tidy(document) {
  for (let before = -1; before !== document.definitions.length;) {
    before = document.definitions.length;
    const spread = new Set();
    visit(document, { FragmentSpread: (n) => void spread.add(n.name.value) });
    document.definitions = document.definitions.filter((d) => d.kind !== Kind.FRAGMENT_DEFINITION || spread.has(d.name.value));
  }
  const used = new Set();
  visit(document, { VariableDefinition: () => false, Variable: (n) => void used.add(n.name.value) });
  for (const d of document.definitions) if (d.variableDefinitions) d.variableDefinitions = d.variableDefinitions.filter((v) => used.has(v.variable.name.value));
  return document;
}

const asOperation = (document, { variables, mutation, seldom }) => {
  const names = new Set(document.definitions.flatMap((d) => (d.variableDefinitions ?? []).map((v) => v.variable.name.value)));
  return { query: print(document), variables: Object.fromEntries(Object.entries(variables).filter(([k]) => names.has(k))), mutation, seldom };
};

export async function shrinkOperation(schema, operation, fails, seconds) {
  const until = Date.now() + seconds * 1000;
  let document = parse(operation.query, { noLocation: true });
  for (let again = true; again && Date.now() < until;) {
    again = false;
    for (const candidate of smaller(document)) {
      if (Date.now() > until) break;
      let valid;
      try {
        valid = !validate(schema, parse(print(candidate))).length;
      } catch {
        valid = false; // an empty selection
      }
      if (!valid || !(await fails(asOperation(candidate, operation)))) continue;
      document = candidate;
      again = true;
      break;
    }
  }
  return asOperation(document, operation);
}

// ---- the schema ----

// What can be left out: [subgraph index, type name, field name]. A type goes with its last field.
function pieces(documents) {
  const list = [];
  documents.forEach((document, i) => {
    for (const d of document.definitions) {
      if (![Kind.OBJECT_TYPE_DEFINITION, Kind.INTERFACE_TYPE_DEFINITION].includes(d.kind)) continue;
      for (const field of d.fields) list.push([i, d.name.value, field.name.value]);
    }
  });
  return list;
}

function without(documents, gone) {
  const dropped = new Set(gone.map((piece) => piece.join(' ')));
  return documents.map((document, i) => ({
    ...document,
    definitions: document.definitions.flatMap((d) => {
      if (!d.name) return [d];
      if (!d.fields) return [d];
      const fields = d.fields.filter((f) => !dropped.has([i, d.name.value, f.name.value].join(' ')));
      return fields.length ? [{ ...d, fields }] : [];
    }),
  }));
}

// `fails(subgraphs, composed)` tells whether the failure is still there.
export async function shrinkSchema(subgraphs, url, operation, fails, seconds) {
  const until = Date.now() + seconds * 1000;
  let documents = subgraphs.map((s) => parse(s.sdl, { noLocation: true }));
  const named = (docs) => docs.map((d, i) => ({ name: subgraphs[i].name, sdl: print(d) })).filter((s) => /^(type|interface)/m.test(s.sdl));
  const holds = async (docs) => {
    try {
      const some = named(docs);
      const composed = compose(some, url);
      if (composed.errors || validate(buildSchema(composed.api), parse(operation.query)).length) return false;
      return await fails(some, composed);
    } catch {
      return false;
    }
  };
  let list = pieces(documents);
  for (let size = Math.ceil(list.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let i = 0; i < list.length && Date.now() < until;) {
      const candidate = without(documents, list.slice(i, i + size));
      if (await holds(candidate)) {
        documents = candidate;
        list = [...list.slice(0, i), ...list.slice(i + size)];
      } else i += size;
    }
  }
  return named(documents);
}
