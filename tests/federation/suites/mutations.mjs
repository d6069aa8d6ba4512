// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

const log = [];

export default {
  about: 'mutations of several subgraphs run in the order of the document, each finished before the next begins',
  begin: () => void (log.length = 0),
  subgraphs: {
    ledger: `${link('key', 'shareable')}
      type Query { log: [String!]! }
      type Mutation { credit(sum: Int!): Account! fail: Account must: Account! }
      type Account @key(fields: "id") { id: ID! balance: Int! }`,
    alarm: `${link('key')}
      type Mutation { ring(times: Int = 1): [String!]! }
      type Account @key(fields: "id") { id: ID! warned: Int }`,
  },
  truth: {
    Query: { log: () => log },
    Mutation: {
      async credit({ sum }) {
        await new Promise((done) => setTimeout(done, 10));
        log.push(`credit ${sum}`);
        return this.Account[0];
      },
      ring({ times }) {
        for (let i = 0; i < times; i++) log.push('ring');
        return [...log];
      },
      fail: new Error('no'),
      must: new Error('no'),
    },
    Account: [{ id: 'k', balance: () => log.filter((l) => l.startsWith('credit')).reduce((sum, l) => sum + Number(l.slice(7)), 0), warned: () => log.filter((l) => l === 'ring').length }],
  },
  cases: [
    { query: 'mutation { credit(sum: 5) { balance } ring }', data: { credit: { balance: 5 }, ring: ['credit 5', 'ring'] }, requests: 2 },
    {
      query: 'mutation { ring a: credit(sum: 5) { balance warned } b: ring(times: 2) c: credit(sum: 2) { warned balance } }',
      data: { ring: ['ring'], a: { balance: 5, warned: 1 }, b: ['ring', 'credit 5', 'ring', 'ring'], c: { warned: 3, balance: 7 } },
      requests: 6,
    },
    { query: 'mutation { fail { balance } ring }', data: { fail: null, ring: ['ring'] }, errors: [['fail']], requests: 2 },
    { query: 'mutation { ring must { balance } a: ring fail { id } }', data: null, errors: [['must']], requests: 2 },
    {
      query: 'mutation { a: credit(sum: 1) { warned } __typename b: credit(sum: 2) { balance } ring c: credit(sum: 4) { balance warned } }',
      data: { a: { warned: 0 }, __typename: 'Mutation', b: { balance: 3 }, ring: ['credit 1', 'credit 2', 'ring'], c: { balance: 7, warned: 1 } },
      requests: 5,
    },
    { query: 'mutation { fail { id } a: credit(sum: 1) { balance } must { id } b: credit(sum: 1) { id } }', data: null, errors: [['fail'], ['must'], ['a']], requests: 1 },
    { query: 'mutation ($no: Boolean!) { ring @skip(if: $no) credit(sum: 1) { id } }', variables: { no: true }, data: { credit: { id: 'k' } }, requests: 1 },
  ],
};
