// SPDX-License-Identifier: MIT
// A schema as the supergraph of one subgraph, which serves all of it. No composer stands between, so that even root
// types keep their names.
import { Kind, parse, print, visit } from 'graphql';

const TAIL = `
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true, isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR
directive @join__implements(graph: join__Graph!, interface: String!) repeatable on OBJECT | INTERFACE
directive @join__unionMember(graph: join__Graph!, member: String!) repeatable on UNION
directive @join__enumValue(graph: join__Graph!) repeatable on ENUM_VALUE
directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
scalar join__FieldSet
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
`;
const LINKS = '@link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION)';
const HERE = { kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: 'graph' }, value: { kind: Kind.ENUM, value: 'ONE' } };

function directive(name, more = {}) {
  const args = Object.entries(more).map(([key, value]) => ({ kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: key }, value: { kind: Kind.STRING, value } }));
  return { kind: Kind.DIRECTIVE, name: { kind: Kind.NAME, value: `join__${name}` }, arguments: [HERE, ...args] };
}

function joined(node) {
  const more = [directive('type')];
  for (const one of node.interfaces ?? []) more.push(directive('implements', { interface: one.name.value }));
  for (const one of node.kind === Kind.UNION_TYPE_DEFINITION ? node.types ?? [] : []) more.push(directive('unionMember', { member: one.name.value }));
  return { ...node, directives: [...node.directives, ...more] };
}

export function wrap(sdl, url) {
  const document = parse(sdl, { noLocation: true });
  const own = document.definitions.find((d) => d.kind === Kind.SCHEMA_DEFINITION);
  const named = (name) => document.definitions.some((d) => d.kind === Kind.OBJECT_TYPE_DEFINITION && d.name.value === name);
  const roots = own ? own.operationTypes.map((o) => `${o.operation}: ${o.type.name.value}`)
    : ['Query', 'Mutation', 'Subscription'].filter(named).map((name) => `${name.toLowerCase()}: ${name}`);
  const about = own?.description ? `${JSON.stringify(own.description.value)} ` : '';
  const types = visit({ ...document, definitions: document.definitions.filter((d) => d !== own) }, {
    ObjectTypeDefinition: joined,
    InterfaceTypeDefinition: joined,
    UnionTypeDefinition: joined,
    EnumTypeDefinition: joined,
    InputObjectTypeDefinition: joined,
    ScalarTypeDefinition: joined,
    EnumValueDefinition: (node) => ({ ...node, directives: [...node.directives, directive('enumValue')] }),
  });
  return `${about}schema ${LINKS} { ${roots.join(' ')} }\nenum join__Graph { ONE @join__graph(name: "one", url: "${url}") }\n${print(types)}\n${TAIL}`;
}
