// SPDX-License-Identifier: MIT
// A world as the SDL of its subgraphs, and what npm's composer makes of them.
import { composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';

const INPUT = 'input Filter { min: Int max: Int = 9 hue: Hue names: [String!] }';
const SCALARS = ['Stamp', 'Blob'];
const IMPORTS = ['@key', '@requires', '@provides', '@external', '@shareable', '@override', '@inaccessible', '@interfaceObject', '@tag'];

const argText = (arg) => `${arg.name}: ${arg.type}${arg.text ? ` = ${arg.text}` : ''}`;
const quoted = (text) => JSON.stringify(text);

// How many subgraphs answer for the field: more than one needs @shareable on each.
function holders(world, typeName, fieldName) {
  return world.subs.filter((s) => {
    const put = s.types.get(typeName)?.fields.get(fieldName);
    return put && (!put.external || put.provided);
  }).length;
}

function fieldText(world, placed, put) {
  const { field } = put;
  const args = field.args.length ? `(${field.args.map(argText).join(', ')})` : '';
  const marks = [];
  if (put.external) marks.push('@external');
  if (put.requires) marks.push(`@requires(fields: ${quoted(put.requires)})`);
  if (put.provides) marks.push(`@provides(fields: ${quoted(put.provides)})`);
  if (put.override) marks.push(`@override(from: ${quoted(put.override)}${put.label ? `, label: ${quoted(put.label)}` : ''})`);
  const overridden = [...world.subs].some((s) => s.types.get(placed.type.name)?.fields.get(field.name)?.override);
  if (!put.external && !overridden && placed.type.kind !== 'interface' && holders(world, placed.type.name, field.name) > 1) marks.push('@shareable');
  if (field.inaccessible && !put.external) marks.push('@inaccessible');
  return `  ${field.name}${args}: ${put.type ?? field.type}${marks.length ? ` ${marks.join(' ')}` : ''}`;
}

function typeText(world, placed) {
  const { type } = placed;
  if (type.kind === 'union') return `union ${type.name} = ${placed.members.join(' | ')}`;
  const word = type.kind === 'interface' && !placed.interfaceObject ? 'interface' : 'type';
  const ifaces = placed.interfaces.size ? ` implements ${[...placed.interfaces].join(' & ')}` : '';
  const keys = placed.keys.map((k) => ` @key(fields: ${quoted(k.fields)}${k.resolvable ? '' : ', resolvable: false'})`).join('');
  const fields = [...placed.fields.values()].map((put) => fieldText(world, placed, put));
  return `${word} ${type.name}${ifaces}${placed.interfaceObject ? ' @interfaceObject' : ''}${keys} {\n${fields.join('\n')}\n}`;
}

function subgraphText(world, sub) {
  const types = [...sub.types.values()].map((placed) => typeText(world, placed)).join('\n\n');
  const imports = IMPORTS.filter((name) => types.includes(name)).map(quoted).join(', ');
  const more = [];
  if (/\bFilter\b/.test(types)) more.push(INPUT);
  for (const name of SCALARS) if (new RegExp(`\\b${name}\\b`).test(types)) more.push(`scalar ${name}`);
  for (const [name, values] of world.model.enums) {
    if (new RegExp(`\\b${name}\\b`).test(`${types} ${more.join(' ')}`)) more.push(`enum ${name} { ${values.join(' ')} }`);
  }
  return `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: [${imports}])\n\n${types}\n\n${more.join('\n')}\n`;
}

export function subgraphTexts(world) {
  return world.subs.filter((s) => s.types.size).map((sub) => ({ name: sub.name, sdl: subgraphText(world, sub) }));
}

// { supergraph, api } or { errors }. The URL of subgraph i is given by `url(i)`.
export function compose(subgraphs, url) {
  const services = subgraphs.map(({ name, sdl }, i) => ({ name, url: url(i), typeDefs: parse(sdl) }));
  const made = composeServices(services);
  if (made.errors?.length) return { errors: made.errors.map((e) => e.message) };
  return { supergraph: made.supergraphSdl, api: made.publicSdl };
}
