// SPDX-License-Identifier: MIT
// Operations with @defer strewn over them, and answers in parts put together as a client does, strictly: what the two
// formats forbid is told. What comes out must be what the operation answers without @defer.
import { Kind, parse, print, visit } from 'graphql';

export const FORMATS = { 2022: 'multipart/mixed;deferSpec=20220824', current: 'multipart/mixed;incrementalSpec=v0.2' };

// A small generator of numbers, the same for the same seed.
export function dice(seed) {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (sides) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % sides;
  };
}

// The same operation with fragments deferred: some selections moved into one, some said in one as well, some nested.
// null where nothing of it can be.
export function strew(query, seed) {
  const throwDice = dice(seed);
  const document = parse(query);
  const operations = document.definitions.filter((d) => d.kind === Kind.OPERATION_DEFINITION);
  if (operations.length !== 1 || operations[0].operation === 'subscription') return null;
  const mutation = operations[0].operation === 'mutation';
  // What is told later of a mutation's field is asked later, too: after the mutations that follow.
  if (mutation && operations[0].selectionSet.selections.length > 1) return null;
  let strewn = 0;
  const defer = (selections) => {
    const label = throwDice(3) ? [{ kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: 'label' }, value: { kind: Kind.STRING, value: '' } }] : [];
    strewn++;
    return {
      kind: Kind.INLINE_FRAGMENT,
      directives: [{ kind: Kind.DIRECTIVE, name: { kind: Kind.NAME, value: 'defer' }, arguments: label }],
      selectionSet: { kind: Kind.SELECTION_SET, selections },
    };
  };
  const some = (selections) => {
    const from = throwDice(selections.length);
    return [from, from + 1 + throwDice(selections.length - from)];
  };
  const changed = visit(document, {
    SelectionSet: {
      leave(set, key, parent) {
        const root = parent.kind === Kind.OPERATION_DEFINITION || (parent.kind === Kind.FRAGMENT_DEFINITION && mutation);
        if ((mutation && root) || throwDice(3) === 0) return undefined;
        let { selections } = set;
        for (let times = 1 + throwDice(2); times > 0; times--) {
          const [from, to] = some(selections);
          const moved = selections.slice(from, to);
          const stays = throwDice(4) === 0 ? moved.slice(0, 1 + throwDice(moved.length)) : [];
          selections = [...selections.slice(0, from), ...stays, defer(moved), ...selections.slice(to)];
        }
        return { ...set, selections };
      },
    },
  });
  let labels = 0; // what stands twice had one label
  const label = { leave: (node) => (node.name.value === 'label' ? { ...node, value: { ...node.value, value: `L${labels++}` } } : undefined) };
  return strewn ? print(visit(changed, { Directive: (node) => (node.name.value === 'defer' ? visit(node, { Argument: label }) : undefined) })) : null;
}

export function partsOf(text) {
  if (!text.startsWith('\r\n---\r\n')) return [JSON.parse(text)];
  if (!text.endsWith('\r\n-----\r\n')) throw new Error(`the last part has no end: ${text.slice(-200)}`);
  return text.slice(0, -'\r\n-----\r\n'.length).split('\r\n---\r\n').slice(1).map((part) => {
    const [head, ...body] = part.split('\r\n\r\n');
    if (!/^content-type: application\/json/.test(head)) throw new Error(`a part with the headers ${head}`);
    return JSON.parse(body.join('\r\n\r\n'));
  });
}

function at(data, path, what) {
  const found = path.reduce((value, key) => value?.[key], data);
  if (found === null || typeof found !== 'object' || Array.isArray(found)) throw new Error(`${what} is for ${JSON.stringify(path)}, where ${JSON.stringify(found)} stands`);
  return found;
}

// In the format of 2022 a fragment tells all that it says, each for itself: an object that a null took away in one is there
// in another, which says less of it. The null stays, and `gone` has its place.
function mergeInto(target, more, path, gone) {
  for (const [key, value] of Object.entries(more)) {
    const there = target[key], here = `${path}/${key}`, object = value !== null && typeof value === 'object';
    if (there === null && object) gone.push(here);
    else if (object && typeof there === 'object') mergeInto(there, value, here, gone);
    else target[key] = value;
  }
}

// { data, errors, failed }: how many parts could not be told.
export function putTogether(parts, format) {
  const [first, ...rest] = parts;
  if (!rest.length && first.hasNext === undefined) return { data: first.data ?? null, errors: first.errors ?? [], failed: 0 };
  const pending = new Map(), known = new Set(), gone = [];
  let { data } = first, failed = 0;
  const errors = [...(first.errors ?? [])];
  const open = (part) => {
    for (const one of part.pending ?? []) {
      if (known.has(one.id)) throw new Error(`id ${one.id} is pending twice`);
      known.add(one.id);
      at(data, one.path, 'pending');
      pending.set(one.id, one);
    }
  };
  parts.forEach((part, i) => {
    if (part.hasNext !== i < parts.length - 1) throw new Error(`hasNext is ${part.hasNext} in part ${i} of ${parts.length}`);
    if (i && ('data' in part || 'errors' in part)) throw new Error(`a further part has data: ${JSON.stringify(part)}`);
  });
  if (format === 'current') open(first);
  for (const part of rest) {
    if (format !== 'current' && (part.pending || part.completed || !part.incremental)) throw new Error(`not the format of 2022: ${JSON.stringify(part)}`);
    for (const one of part.incremental ?? []) {
      if (format === 'current') {
        const of = pending.get(one.id);
        if (!of) throw new Error(`nothing is pending under id ${one.id}`);
        const target = at(data, [...of.path, ...(one.subPath ?? [])], 'incremental');
        for (const [key, value] of Object.entries(one.data)) {
          if (key in target) throw new Error(`${key} is told twice at ${JSON.stringify([...of.path, ...(one.subPath ?? [])])}`);
          target[key] = value;
        }
      } else {
        const path = ['', ...one.path].join('/');
        if (gone.some((place) => `${path}/`.startsWith(`${place}/`))) continue;
        if (one.data === null) failed++;
        else mergeInto(at(data, one.path, 'incremental'), one.data, path, gone);
      }
      errors.push(...(one.errors ?? []));
    }
    open(part);
    for (const one of part.completed ?? []) {
      if (!pending.delete(one.id)) throw new Error(`id ${one.id} is completed and was not pending`);
      if (one.errors) {
        failed++;
        if (!one.errors.length) throw new Error('a part failed without an error');
        errors.push(...one.errors);
      }
    }
  }
  if (pending.size) throw new Error(`never completed: ${JSON.stringify([...pending.values()])}`);
  return { data, errors, failed };
}
