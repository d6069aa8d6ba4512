// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

const boom = () => new Error('boom');

export default {
  about: 'null keys, entities that the other subgraph does not have, errors and where their nulls go',
  subgraphs: {
    list: `${link('key')}
      type Query { rows: [Row] row(at: Int!): Row strict: [Row!]! }
      type Row @key(fields: "code") { code: String at: Int }`,
    notes: `${link('key', 'external', 'requires')}
      type Row @key(fields: "code") { code: String fact: String @external note: String @requires(fields: "fact") }`,
    facts: `${link('key')}
      type Row @key(fields: "code") { code: String fact: String sure: String! parts: [Part!] }
      type Part { n: Int! }`,
  },
  truth: {
    Query: {
      rows() { return [this.Row[0], null, this.Row[1], this.Row[2], this.Row[0]]; },
      row({ at }) { return this.Row[at]; },
      strict() { return [this.Row[0], this.Row[3]]; },
    },
    Row: [
      { code: 'a', at: 0, fact: 'first', sure: 'yes', parts: [{ n: 1 }, { n: 2 }] },
      { code: null, at: 1 },
      { code: 'c', at: 2, fact: boom, sure: 'yes', parts: [{ n: 1 }, { n: boom }] },
      { code: 'd', at: 3, fact: 'last', sure: boom, parts: null, note: 'n' },
      { code: 'e', at: 4, unknownTo: ['facts'] },
    ],
  },
  cases: [
    {
      query: '{ rows { at fact } }',
      data: { rows: [{ at: 0, fact: 'first' }, null, { at: 1, fact: null }, { at: 2, fact: null }, { at: 0, fact: 'first' }] },
      errors: [['rows', 3, 'fact']],
      requests: 2,
      representations: 2,
    },
    { query: '{ row(at: 1) { at fact } }', data: { row: { at: 1, fact: null } }, requests: 1 },
    { query: '{ row(at: 4) { at fact parts { n } } }', data: { row: { at: 4, fact: null, parts: null } }, requests: 2 },
    { query: '{ row(at: 4) { at sure } }', data: { row: null }, errors: [['row', 'sure']], requests: 2 },
    { query: '{ row(at: 9) { fact } }', data: { row: null }, requests: 1 },
    { query: '{ row(at: 3) { at fact sure } }', data: { row: null }, errors: [['row', 'sure']], requests: 2 },
    { query: '{ row(at: 3) { note sure } }', data: { row: null }, errors: [['row', 'sure']], requests: 2 },
    { query: '{ row(at: 3) { at fact } }', data: { row: { at: 3, fact: 'last' } }, requests: 2 },
    { query: '{ strict { at } }', data: { strict: [{ at: 0 }, { at: 3 }] }, requests: 1 },
    { query: '{ strict { sure } }', data: null, errors: [['strict', 1, 'sure']], requests: 2 },
    { query: '{ row(at: 2) { parts { n } } }', data: { row: { parts: null } }, errors: [['row', 'parts', 1, 'n']], requests: 2 },
    { query: '{ x: rows { s: sure } }', data: { x: [{ s: 'yes' }, null, null, { s: 'yes' }, { s: 'yes' }] }, errors: [['x', 2, 's']], requests: 2 },
  ],
};
