// SPDX-License-Identifier: MIT
// Where the resolvers of a recorded case were functions, its answer tells what they gave: the values in `data`, and in
// `errors` what was thrown and where. A null that travelled up is taken back to where it began; what stood beside it is
// not known, so there stand values that are good. An object's type, where nobody asked for it, is one for which the
// answer's fields are those that the operation asks.
import { getNamedType, getNullableType, isAbstractType, isCompositeType, isListType, isNonNullType } from 'graphql';
import { collected, keyOf, rootOf, setsOf, standing, Told } from './naive.mjs';

const OUR_NULL = /^Cannot return null for non-nullable field /;
const SAMPLES = { Int: 1, Float: 1.5, Boolean: true };

const under = (path, error) => error.path.length > path.length && path.every((key, i) => key === error.path[i]);

function typeOf(at, named, sets, data, below, depth) {
  if (!isAbstractType(named)) return named;
  const possible = at.schema.getPossibleTypes(named);
  const fits = (type) => {
    const asked = collected(at, type.name, sets);
    if (!data) return below.every((error) => asked.some(([key]) => key === error.path[depth]));
    const said = asked.find(([, nodes]) => nodes[0].name.value === '__typename');
    if (said) return data[said[0]] === type.name;
    return asked.length === Object.keys(data).length && asked.every(([key]) => Object.hasOwn(data, key));
  };
  const found = possible.find(fits);
  if (!found) throw new Error(`no type of ${named} has the fields ${Object.keys(data ?? {})}`);
  return found;
}

function objectOf(at, named, sets, data, path) {
  const below = at.recorded.filter((error) => under(path, error));
  const type = typeOf(at, named, sets, data, below, path.length), told = new Told(type.name);
  for (const [key, nodes] of collected(at, type.name, sets)) {
    const field = type.getFields()[nodes[0].name.value], told_by = field && keyOf(at, type, nodes[0]);
    if (typeof told_by === 'string') told.put(told_by, valueOf(at, field.type, nodes, data ? data[key] : undefined, [...path, key]));
  }
  return told;
}

function valueOf(at, type, nodes, data, path) {
  const here = at.recorded.find((error) => error.path.join('\n') === path.join('\n'));
  if (here) return OUR_NULL.test(here.message) ? null : new Error(here.message);
  const below = at.recorded.filter((error) => under(path, error)), bare = getNullableType(type);
  if ((data === null || data === undefined) && !below.length && (data === null || !isNonNullType(type))) return null;
  if (isListType(bare)) {
    const length = data?.length ?? Math.max(0, ...below.map((error) => error.path[path.length] + 1));
    return Array.from({ length }, (_, i) => valueOf(at, bare.ofType, nodes, data ? data[i] : undefined, [...path, i]));
  }
  const named = getNamedType(bare);
  if (isCompositeType(named)) return objectOf(at, named, setsOf(nodes), data, path);
  return data === undefined ? SAMPLES[named.name] ?? 'good' : data;
}

export function recover(schema, document, operation, inputs, result) {
  const at = standing(schema, document, operation, inputs), root = rootOf(schema, operation);
  at.recorded = (result.errors ?? []).filter((error) => error.path);
  return objectOf(at, root, [operation.selectionSet], result.data, []);
}
