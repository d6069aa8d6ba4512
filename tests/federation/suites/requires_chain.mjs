// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: '@requires of a field that itself requires, over three subgraphs and back again; two that require in a circle',
  subgraphs: {
    quarry: `${link('key', 'external', 'requires')}
      type Query { stone: Stone stones: [Stone!] }
      type Stone @key(fields: "id") {
        id: ID!
        mass: Int!
        tax: Int @external
        invoice: String @requires(fields: "tax")
      }`,
    mason: `${link('key', 'external', 'requires')}
      type Stone @key(fields: "id") {
        id: ID!
        mass: Int! @external
        effort: Int @requires(fields: "mass")
        price: Int @external
        receipt: String @requires(fields: "price")
      }`,
    market: `${link('key', 'external', 'requires')}
      type Stone @key(fields: "id") {
        id: ID!
        effort: Int @external
        price: Int @requires(fields: "effort")
        tax: Int
      }`,
  },
  truth: {
    Query: { stone() { return this.Stone[0]; }, stones() { return this.Stone; } },
    Stone: [{ id: 's1', mass: 7, tax: 3 }, { id: 's2', mass: 1, tax: null }].map((s) => ({
      ...s,
      effort: (a, self, rep) => rep.mass * 10,
      price: (a, self, rep) => rep.effort + 1,
      receipt: (a, self, rep) => `paid ${rep.price}`,
      invoice: (a, self, rep) => `tax ${rep.tax}`,
    })),
  },
  cases: [
    { query: '{ stone { effort } }', data: { stone: { effort: 70 } }, requests: 2 },
    { query: '{ stone { price } }', data: { stone: { price: 71 } }, requests: 3 },
    { query: '{ stone { receipt } }', data: { stone: { receipt: 'paid 71' } }, requests: 4 },
    { query: '{ stones { id invoice } }', data: { stones: [{ id: 's1', invoice: 'tax 3' }, { id: 's2', invoice: 'tax null' }] }, requests: 3 },
    { query: '{ stone { receipt price effort mass invoice tax } }', data: { stone: { receipt: 'paid 71', price: 71, effort: 70, mass: 7, invoice: 'tax 3', tax: 3 } }, requests: 6 },
  ],
};
