// SPDX-License-Identifier: MIT
// Where ours differs from graphql-js 16.15 on purpose. Each has a name that the proof counts it under; everything
// else about the document must still be the same. The recorded cases that ours passes are of graphql-js 16.11.
// In bytes: tokens that a syntax error shows are cut, as are whole syntax errors.
const CUT = 150;

// What is said about values.
const VALUES = /cannot represent|does not exist in|^Expected value of type|is not defined by type|was not provided|must specify exactly one key|must be non-null|used in position expecting/;

const ROOT_DIRECTIVES = /must not use `@skip` or `@include` directives in the top level selection\.$/;

// Each takes out, or writes in one way, what the two tell differently.
const RULES = [
  {
    // Told by two rules in 16.11 and by one since. That one does not see a oneOf input object where the argument's
    // type is non-null, and lets the variable through; the specification (5.8.5) does not. And where the variable has
    // a default that is not null, the specification lets it through and graphql-js does not.
    name: 'variables in oneOf input objects',
    alter: (errors) => errors.filter((e) => !/^Variable "\$?\w+" .*must be non-nullable to be used for OneOf Input Object/.test(e[0])),
  },
  {
    // The specification (5.2.4.1) has no @skip and @include there, and ours says so, as graphql-js 17 does. 16 obeys
    // them where their argument is a literal, and throws where it is a variable.
    name: '@skip and @include at the root of a subscription',
    when: (text, want, got) => got.some((e) => ROOT_DIRECTIVES.test(e[0])),
    alter: (errors) => errors.filter((e) => !ROOT_DIRECTIVES.test(e[0]) && !/^(Subscription "|Anonymous Subscription).* must (select only one top level field|not select an introspection)/.test(e[0])),
    thrown: (want) => want.length === 1 && /^Argument "if" (of (required|non-null) type "Boolean!"|has invalid value)/.test(want[0][0]),
  },
  {
    // 5.2.1.1 of September 2025, which 16 tells only when it executes.
    name: 'operations that the schema has no type for',
    alter: (errors) => errors.filter((e) => !/^The (mutation|subscription) operation is not supported by the schema\.$/.test(e[0])),
  },
  {
    // Ours has the rules about @defer that 17 has.
    name: 'rules of @defer',
    alter: (errors) => errors.filter((e) => !/^Argument "@defer\(label:\)" must be|^Defer directive (cannot|not)|^Value for arguments "defer\(label:\)"/.test(e[0])),
  },
  {
    // Ours compares an argument that is given twice by its first value, graphql-js by its last.
    name: 'arguments given twice, compared',
    when: (text, want) => want.some((e) => /^There can be only one (argument|input field) named/.test(e[0])),
    alter: (errors) => errors.filter((e) => !/conflict because they have differing arguments\./.test(e[0])),
  },
  {
    // graphql-js looks a directive that it does not know up as the field it stands on, and checks the values of its
    // arguments by that field's.
    name: 'arguments of unknown directives',
    when: (text, want) => want.some((e) => /^Unknown directive /.test(e[0])),
    alter: (errors) => errors.filter((e) => !VALUES.test(e[0])),
  },
  {
    // How often something is told again on the way round, and whether introspection below such a fragment is too deep.
    name: 'circles of fragments',
    when: (text, want) => want.some((e) => /^Cannot spread fragment /.test(e[0])),
    alter: (errors) => errors.filter((e) => !/^Maximum introspection depth exceeded|^Fields .* conflict because/.test(e[0])),
  },
  {
    name: 'a text that 16.11 had',
    alter: (errors) => errors.map(([m, ...at]) => [m.replace('only GraphQL definitions support descriptions.', 'descriptions are supported only on type definitions.'), ...at]),
  },
];

function sameMessage(theirs, ours) {
  if (theirs === ours) return null;
  if (theirs.includes('\0') && theirs.replaceAll('\0', '').startsWith(ours.slice(0, 30))) return 'NUL in messages';
  if (/[\ud800-\udfff]/u.test(theirs)) return 'half a character in messages';
  const begin = ours.slice(0, Math.floor(ours.length * 0.8));
  return Buffer.byteLength(ours) >= CUT && theirs.startsWith(begin) ? 'long messages are cut' : undefined;
}

export function knownDifference(text, want, got) {
  const names = new Set();
  for (const rule of RULES) {
    if (rule.when && !rule.when(text, want, got)) continue;
    if (rule.thrown?.(want)) return rule.name;
    const before = JSON.stringify([want, got]);
    want = rule.alter(want);
    got = rule.alter(got);
    if (JSON.stringify([want, got]) !== before) names.add(rule.name);
  }
  if (want.length !== got.length) return null;
  for (let i = 0; i < want.length; i++) {
    if (JSON.stringify(want[i].slice(1)) !== JSON.stringify(got[i].slice(1))) return null;
    const how = sameMessage(want[i][0], got[i][0]);
    if (how === undefined) return null;
    if (how) names.add(how);
  }
  return [...names].join(', ') || null;
}
