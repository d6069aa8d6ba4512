// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: '__typename at the root, under aliases, on unions, interfaces and entities, alone and beside other fields; renamed root types',
  subgraphs: {
    inn: `schema { query: InnQuery } ${link('key')}
      type InnQuery { rooms: [Room!]! guest: Guest }
      interface Room { no: Int! }
      type Single implements Room { no: Int! }
      type Suite implements Room @key(fields: "no") { no: Int! }
      union Guest = Walker | Rider
      type Walker @key(fields: "id") { id: ID! }
      type Rider { horse: String }`,
    extras: `${link('key')}
      type Query { open: Boolean }
      type Suite @key(fields: "no") { no: Int! view: String }
      type Walker @key(fields: "id") { id: ID! boots: Int }`,
  },
  truth: {
    InnQuery: { rooms() { return [{ type: 'Single', no: 1 }, this.Suite[0]]; }, guest() { return this.Walker[0]; } },
    Query: { open: true },
    Suite: [{ no: 9, view: 'lake' }],
    Walker: [{ id: 'w', boots: 44 }],
  },
  cases: [
    { query: '{ __typename a: __typename }', data: { __typename: 'Query', a: 'Query' }, requests: 0 },
    { query: '{ q: __typename open }', data: { q: 'Query', open: true }, requests: 1 },
    { query: '{ rooms { __typename } guest { kind: __typename } }', data: { rooms: [{ __typename: 'Single' }, { __typename: 'Suite' }], guest: { kind: 'Walker' } }, requests: 1 },
    { query: '{ rooms { t: __typename ... on Suite { view __typename } } }', data: { rooms: [{ t: 'Single' }, { t: 'Suite', view: 'lake', __typename: 'Suite' }] }, requests: 2 },
    { query: '{ guest { ... on Walker { boots x: __typename } ... on Rider { __typename } } }', data: { guest: { boots: 44, x: 'Walker' } }, requests: 2 },
    { query: '{ guest { ... on Rider { horse } } }', data: { guest: {} }, requests: 1 },
  ],
};
