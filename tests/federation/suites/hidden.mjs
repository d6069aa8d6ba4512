// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: '@inaccessible fields, types, values and input fields: not in the API, but in keys and @requires as ever',
  subgraphs: {
    depot: `${link('key', 'inaccessible', 'shareable')}
      type Query { trams(by: TramFilter): [Tram!]! states: [State!]! }
      enum State { RUNNING RESTING LOST @inaccessible }
      input TramFilter { line: Int depot: String }
      type Tram @key(fields: "chassis") { chassis: ID! @inaccessible line: Int state: State age: Int @inaccessible }`,
    shop: `${link('key', 'external', 'requires')}
      type Query { cheapest(by: TramFilter): Int }
      input TramFilter { line: Int }
      type Tram @key(fields: "chassis") { chassis: ID! age: Int @external due: Boolean @requires(fields: "age") }`,
  },
  truth: {
    Query: {
      trams({ by }) { return this.Tram.filter((t) => !by?.line || t.line === by.line); },
      states: () => ['RUNNING', 'LOST'],
      cheapest: ({ by }) => by?.line ?? -1,
    },
    Tram: [
      { chassis: 'c1', line: 5, state: 'RUNNING', age: 30, due: (a, s, rep) => rep.age > 20 },
      { chassis: 'c2', line: 6, state: 'LOST', age: 3, due: (a, s, rep) => rep.age > 20 },
    ],
  },
  cases: [
    { query: '{ trams { line due } }', data: { trams: [{ line: 5, due: true }, { line: 6, due: false }] }, requests: 2 },
    { query: '{ trams { chassis } }', refused: true },
    { query: '{ trams { age } }', refused: true },
    { query: '{ trams(by: { depot: "x" }) { line } }', refused: true },
    { query: '{ trams(by: { line: 6 }) { line } cheapest(by: { line: 6 }) }', data: { trams: [{ line: 6 }], cheapest: 6 }, requests: 2 },
    { query: 'query ($f: TramFilter) { trams(by: $f) { line } }', variables: { f: { depot: 'x' } }, refused: true },
    { query: '{ trams { state } }', data: { trams: [{ state: 'RUNNING' }, { state: null }] }, errors: [['trams', 1, 'state']], requests: 1 },
    { query: '{ states }', data: null, errors: [['states', 1]], requests: 1 },
    { query: '{ __type(name: "Tram") { fields { name } } }', data: { __type: { fields: [{ name: 'line' }, { name: 'state' }, { name: 'due' }] } }, requests: 0 },
  ],
};
