// SPDX-License-Identifier: MIT
// A suite written by hand: subgraphs as SDL, one truth that all of them tell parts of, and operations with what they must
// answer and how many requests that may take.
//
//   { about, subgraphs: { NAME: SDL }, truth, told?, cases: [{ query, variables?, data, errors?, requests?, representations? }] }
//
//   truth    { Query: { field: value }, TYPE: [object…] }. A value may be a function (args, self, rep) => value; an Error
//            is thrown. Objects of TYPE get their `type` from where they stand; others say it themselves where needed.
//            `as` names interface objects that it is, `unknownTo` subgraphs that do not have it.
//   told     { SUBGRAPH: { TYPE: { field: value } } }: what one subgraph says that is not the truth
//   errors   the paths of the errors; none when left out. `refused` instead: nothing is asked, and the first error says so (true: anything)
//   unchecked rules that the composer is not to hold the suite to
//   requests the most requests to subgraphs; representations the most entities asked for in all of them
import { composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { Subgraph, project } from './subgraph.mjs';

// The supergraph; the URL of subgraph i is given by `url(i)`.
export function composeSuite(suite, url) {
  const made = composeServices(Object.entries(suite.subgraphs).map(([name, sdl], i) => ({ name, url: url(i), typeDefs: parse(sdl) })), { disableValidationRules: suite.unchecked });
  if (made.errors?.length) throw new Error(`does not compose: ${made.errors.map((e) => e.message).join('; ')}`);
  return made.supergraphSdl;
}

export function subgraphsOf(suite) {
  for (const [type, objects] of Object.entries(suite.truth)) if (Array.isArray(objects)) for (const object of objects) object.type ??= type;
  return Object.entries(suite.subgraphs).map(([name, sdl]) => new Subgraph({
    name,
    sdl,
    resolve: (source, field, args, at) => valueOf(suite, name, source, field, args, at),
    find: (type, keys, rep) => find(suite, name, type, keys[0].set, rep),
  }));
}

async function valueOf(suite, name, source, field, args, at) {
  const lie = suite.told?.[name]?.[at.type]?.[field];
  const holder = source ?? suite.truth[at.type] ?? {};
  const value = lie === undefined ? holder[field] : lie;
  const told = typeof value === 'function' ? await value.call(suite.truth, args, holder, at.rep) : value;
  if (told instanceof Error) throw told;
  return told ?? null;
}

// The object of that type, or of one that says it is an `as` of it, whose key says the same.
function find(suite, subgraph, type, keySet, rep) {
  const want = JSON.stringify(project(keySet, rep));
  const all = Object.values(suite.truth).filter(Array.isArray).flat();
  const known = all.filter((object) => !object.unknownTo?.includes(subgraph));
  return known.find((object) => (object.type === type || object.as?.includes(type)) && JSON.stringify(project(keySet, plain(object))) === want) ?? null;
}

function plain(object) {
  return JSON.parse(JSON.stringify(object, (key, value) => (value instanceof Error || typeof value === 'function' ? undefined : value)));
}

// The head of a subgraph's SDL.
export const link = (...names) => `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: [${names.map((n) => `"@${n}"`).join(', ')}])\n`;
