// SPDX-License-Identifier: MIT
// Where ours differs from graphql-js on purpose. Each has a name that the proof counts it under.
const CUT = 200;

function sameButCut(want, got) {
  if (want.length !== got.length) return false;
  return want.every((w, i) => {
    const [theirs, ...places] = w;
    const [ours, ...ourPlaces] = got[i];
    const cut = ours === theirs || (ours.length >= CUT && theirs.startsWith(ours.slice(0, CUT)));
    return cut && JSON.stringify(places) === JSON.stringify(ourPlaces);
  });
}

// "must be non-nullable to be used for OneOf" is told by two rules in 16.11, whose recorded cases ours passes, and by
// one since; that one looks past a oneOf input object where the argument's type is non-null, and lets the variable
// through, which the specification (5.8.5) does not.
const ONE_OF = /^Variable "\$?\w+" .*must be non-nullable to be used for OneOf Input Object/;

function sameButOneOf(want, got) {
  const rest = (errors) => JSON.stringify(errors.filter((e) => !ONE_OF.test(e[0])));
  return got.some((e) => ONE_OF.test(e[0])) && rest(want) === rest(got);
}

export function knownDifference(text, want, got) {
  if (sameButCut(want, got)) return 'long messages are cut';
  if (sameButOneOf(want, got)) return 'variables in oneOf input objects';
  return null;
}
