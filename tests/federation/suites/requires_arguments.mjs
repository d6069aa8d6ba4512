// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

const weights = { GRAM: 500, OUNCE: 17, TON: 0.0005 };
const parcel = (id) => ({ id, label: `parcel ${id}`, weight: ({ unit }) => weights[unit] * Number(id), stamp: id === '2' ? null : 'air' });

export default {
  about: '@requires with arguments: each with its own, beside what the client asks of the same field',
  subgraphs: {
    yard: `${link('key')}
      type Query { parcels: [Parcel!]! parcel(id: ID!): Parcel }
      enum Unit { GRAM OUNCE TON }
      type Parcel @key(fields: "id") { id: ID! label: String weight(unit: Unit!): Float stamp: String }`,
    postage: `${link('key', 'external', 'requires')}
      enum Unit { GRAM OUNCE TON }
      type Parcel @key(fields: "id") {
        id: ID!
        weight(unit: Unit!): Float @external
        stamp: String @external
        inland: Float @requires(fields: "weight(unit: GRAM)")
        abroad: String @requires(fields: "weight(unit: OUNCE) stamp")
      }`,
  },
  truth: {
    Query: { parcels() { return this.Parcel; }, parcel({ id }) { return this.Parcel.find((p) => p.id === id); } },
    Parcel: ['1', '2'].map((id) => ({ ...parcel(id), inland: (a, self, rep) => rep.weight / 100, abroad: (a, self, rep) => `${rep.weight}/${rep.stamp}` })),
  },
  cases: [
    { query: '{ parcels { label inland } }', data: { parcels: [{ label: 'parcel 1', inland: 5 }, { label: 'parcel 2', inland: 10 }] }, requests: 2, representations: 2 },
    {
      query: '{ parcels { weight(unit: TON) inland } }',
      data: { parcels: [{ weight: 0.0005, inland: 5 }, { weight: 0.001, inland: 10 }] },
      requests: 2,
    },
    {
      query: '{ parcel(id: "2") { inland abroad weight(unit: OUNCE) } }',
      data: { parcel: { inland: 10, abroad: '34/null', weight: 34 } },
      requests: 3, // two weights cannot stand in one representation
    },
    {
      query: 'query ($u: Unit!) { parcel(id: "1") { a: weight(unit: $u) b: weight(unit: GRAM) abroad } }',
      variables: { u: 'TON' },
      data: { parcel: { a: 0.0005, b: 500, abroad: '17/air' } },
      requests: 2,
    },
  ],
};
