// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: '@requires through an interface and a union, with fragments and nested fields',
  subgraphs: {
    museum: `${link('key', 'shareable')}
      type Query { exhibits: [Exhibit!]! }
      type Exhibit @key(fields: "id") { id: ID! name: String! piece: Piece source: Source hall: Hall! }
      type Hall @shareable { floor: Int! door: String }
      interface Piece { year: Int }
      type Painting implements Piece { year: Int width: Int @shareable }
      type Statue implements Piece { year: Int height: Int @shareable }
      union Source = Gift | Loan
      type Gift { giver: String @shareable }
      type Loan { until: String @shareable }`,
    transport: `${link('key', 'external', 'requires', 'shareable')}
      type Exhibit @key(fields: "id") {
        id: ID!
        piece: Piece @external
        source: Source @external
        hall: Hall! @external
        crate: String @requires(fields: "piece { ... on Painting { width } ... on Statue { height } } hall { floor }")
        papers: String @requires(fields: "source { ... on Gift { giver } ... on Loan { until } }")
      }
      type Hall @shareable { floor: Int! }
      interface Piece { year: Int @external }
      type Painting implements Piece { year: Int @external width: Int @shareable }
      type Statue implements Piece { year: Int @external height: Int @shareable }
      union Source = Gift | Loan
      type Gift { giver: String @shareable }
      type Loan { until: String @shareable }`,
  },
  truth: {
    Query: { exhibits() { return this.Exhibit; } },
    Exhibit: [
      { id: 'x1', name: 'Tide', piece: { type: 'Painting', year: 1911, width: 80 }, source: { type: 'Loan', until: '2033' }, hall: { floor: 2, door: 'east' } },
      { id: 'x2', name: 'Runner', piece: { type: 'Statue', year: null, height: 190 }, source: { type: 'Gift', giver: 'Ona' }, hall: { floor: 0, door: null } },
      { id: 'x3', name: 'Nothing', piece: null, source: null, hall: { floor: 1, door: null } },
    ].map((e) => ({
      ...e,
      crate: (a, self, rep) => (rep.piece ? `${rep.piece.width ?? ''}w${rep.piece.height ?? ''}h floor ${rep.hall.floor}` : null),
      papers: (a, self, rep) => (rep.source ? rep.source.giver ?? rep.source.until : 'none'),
    })),
  },
  cases: [
    { query: '{ exhibits { crate } }', data: { exhibits: [{ crate: '80wh floor 2' }, { crate: 'w190h floor 0' }, { crate: null }] }, requests: 2 },
    { query: '{ exhibits { name papers } }', data: { exhibits: [{ name: 'Tide', papers: '2033' }, { name: 'Runner', papers: 'Ona' }, { name: 'Nothing', papers: 'none' }] }, requests: 2 },
    {
      query: '{ exhibits { piece { __typename year ... on Statue { tall: height } } hall { door } crate papers } }',
      data: {
        exhibits: [
          { piece: { __typename: 'Painting', year: 1911 }, hall: { door: 'east' }, crate: '80wh floor 2', papers: '2033' },
          { piece: { __typename: 'Statue', year: null, tall: 190 }, hall: { door: null }, crate: 'w190h floor 0', papers: 'Ona' },
          { piece: null, hall: { door: null }, crate: null, papers: 'none' },
        ],
      },
      requests: 2,
    },
  ],
};
