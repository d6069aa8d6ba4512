// SPDX-License-Identifier: MIT
// Compares a router's answer with what one executor over the whole data says.
//
// Where a federation may differ from one executor, and so what is compared:
// - Messages and extensions of errors are the router's business. Paths are not: an error of a subgraph at
//   `_entities, 2, name` must come out at every place of the answer that this representation filled.
// - When a null travels up to a nullable parent, several fields below may each have failed, and an executor may stop
//   at the first. So each error counts at the place where its null stands in the answer: these places must be the same
//   for both; and beneath, the router may only name places that failed in the whole too (the whole runs all siblings
//   to the end, so it knows them all). When all data is null it may also name root fields, which went with it.
// - Two subgraphs may tell of the same failed field (a shared one): paths are compared as a set.
// - Keys stand in the order of the operation. Where a variable decides what is left out, a field may stand where it
//   stands in the operation first, left out or not: a plan that does not depend on variables has one order.
// - A router may refuse what its limits forbid (QUERY_TOO_COMPLEX), and must refuse what asks for a field to which no
//   subgraph leads (reach.mjs says so, not the router); such operations are counted and left.
// - With a subgraph at fault nothing but what follows is asked: no wrong value, no null that neither the whole has nor
//   an error explains (an error of a failed fetch may stand at any place above what is lost, or below the place to
//   which its null went; one error is enough for all items of a list), no null where the type forbids it. Nor may a
//   value be made of a required one that was lost: what @requires it is lost too.

const show = (path) => path.join('/');

// The part of the path up to and including the first null of the data.
export function settled(data, path) {
  let at = data;
  for (let i = 0; i < path.length; i++) {
    if (at === null || at === undefined) return show(path.slice(0, i));
    at = at[path[i]];
  }
  return show(path);
}

function errorPaths(answer) {
  return (answer.errors ?? []).map((e) => (Array.isArray(e.path) ? e.path : []));
}

// The first place where two values differ, in value or in the order of keys.
export function difference(want, got, path = [], anyOrder = false) {
  if (Object.is(want, got)) return null;
  if (want === null || got === null || typeof want !== 'object' || typeof got !== 'object') return { path, want, got };
  if (Array.isArray(want) !== Array.isArray(got)) return { path, want, got };
  if (Array.isArray(want)) {
    if (want.length !== got.length) return { path, want, got };
  } else {
    const keys = Object.keys(want), others = Object.keys(got);
    if (keys.length !== others.length || keys.some((k) => !Object.hasOwn(got, k))) return { path, want, got };
    if (!anyOrder && keys.some((k, i) => k !== others[i])) return { path, order: true, want: keys, got: others };
  }
  for (const key of Object.keys(want)) {
    const found = difference(want[key], got[key], [...path, Array.isArray(want) ? Number(key) : key], anyOrder);
    if (found) return found;
  }
  return null;
}

export function readAnswer(reply) {
  if (reply.error) return { kind: 'transport', detail: reply.error };
  try {
    const answer = JSON.parse(reply.text);
    if (answer === null || typeof answer !== 'object') return { kind: 'json', detail: reply.text };
    return { answer };
  } catch {
    return { kind: 'json', detail: `HTTP ${reply.status}: ${reply.text.slice(0, 300)}` };
  }
}

// The planner found no way to a field.
export const isUnplanned = (reply) => Boolean(readAnswer(reply).answer?.errors?.some((e) => /cannot be planned/.test(e.message)));

export const isRefused = (reply) => Boolean(readAnswer(reply).answer?.errors?.some((e) => e.extensions?.code === 'QUERY_TOO_COMPLEX'));

const hasConditions = (operation) => /@(skip|include)\(if: \$/.test(operation.query);

// null, or { kind, detail } when the answer is not the whole's.
export function judge(operation, whole, reply, misuse) {
  const { answer, ...bad } = readAnswer(reply);
  if (!answer) return bad;
  const anyOrder = hasConditions(operation);
  const found = difference(whole.data ?? null, answer.data === undefined ? null : answer.data, [], anyOrder);
  if (found) return { kind: found.order ? 'order' : 'data', detail: `at ${show(found.path)}: ${JSON.stringify(found.want)} expected, got ${JSON.stringify(found.got)}` };
  const wanted = errorPaths(whole), given = errorPaths(answer);
  const places = (paths) => [...new Set(paths.map((p) => settled(whole.data, p)))].sort();
  const want = places(wanted), got = places(given);
  if (JSON.stringify(want) !== JSON.stringify(got)) return { kind: 'errors', detail: `errors expected at ${JSON.stringify(want)}, got at ${JSON.stringify(got)}: ${JSON.stringify(answer.errors ?? [])}` };
  const strange = given.find((p) => !whole.failed.has(show(p)) && !(whole.data === null && p.length === 1));
  if (strange) return { kind: 'path', detail: `nothing failed at ${show(strange)}, but at ${JSON.stringify([...whole.failed])}` };
  if (misuse.length) return { kind: 'misuse', detail: misuse[0] };
  return null;
}

// ---- with faults ----

const isPrefix = (a, b) => a.length <= b.length && a.every((key, i) => key === b[i] || (typeof key === 'number' && typeof b[i] === 'number'));

// null, or { kind, detail } when an answer made while subgraphs misbehaved breaks one of the rules.
export function judgeFaulty(operation, whole, reply) {
  const { answer, ...bad } = readAnswer(reply);
  if (!answer) return bad;
  whole.anyOrder = hasConditions(operation);
  const errors = errorPaths(answer);
  if (answer.data === undefined || answer.data === null) {
    return errors.length || whole.data === null ? null : { kind: 'unexplained', detail: 'no data and no error' };
  }
  if (whole.data === null) return { kind: 'data', detail: 'data where the whole has none' };
  return compareFaulty(whole, whole.data, answer.data, [], null, errors);
}

function compareFaulty(whole, want, got, path, type, errors) {
  const here = type ?? whole.shapes.get(show(path));
  if (got === null || got === undefined) {
    if (got === undefined) return { kind: 'shape', detail: `nothing at ${show(path)}` };
    if (here && String(here).endsWith('!')) return { kind: 'nonNull', detail: `null at ${show(path)}, which is ${here}` };
    if (want === null || errors.some((p) => isPrefix(p, path) || isPrefix(path, p))) return null;
    return { kind: 'unexplained', detail: `null at ${show(path)} and no error tells why` };
  }
  if (want === null) return { kind: 'data', detail: `null expected at ${show(path)}, got ${JSON.stringify(got)}` };
  const composite = path.length === 0 || !here || isComposite(here);
  if (!composite) {
    return difference(want, got) ? { kind: 'data', detail: `at ${show(path)}: ${JSON.stringify(want)} expected, got ${JSON.stringify(got)}` } : null;
  }
  if (typeof want !== 'object') return want === got ? null : { kind: 'data', detail: `at ${show(path)}: ${want} expected, got ${JSON.stringify(got)}` };
  if (typeof got !== 'object' || Array.isArray(want) !== Array.isArray(got)) return { kind: 'shape', detail: `${JSON.stringify(got)} at ${show(path)}` };
  const keys = (value) => (whole.anyOrder ? Object.keys(value).sort() : Object.keys(value)).join();
  if (keys(want) !== keys(got)) return { kind: 'shape', detail: `${Object.keys(got)} at ${show(path)} instead of ${Object.keys(want)}` };
  const item = Array.isArray(want) && here ? unwrap(here) : null;
  for (const key of Object.keys(want)) {
    const step = Array.isArray(want) ? Number(key) : key;
    const found = compareFaulty(whole, want[key], got[key], [...path, step], item, errors);
    if (found) return found;
  }
  return null;
}

const unwrap = (type) => (String(type).endsWith('!') ? type.ofType : type).ofType;

function isComposite(type) {
  let at = type, list = false;
  while (at.ofType) {
    list ||= String(at).startsWith('[') && String(at).endsWith(']');
    at = at.ofType;
  }
  return Boolean(at.getFields || at.getTypes) || list;
}
