// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: 'subgraphs of Federation 1 beside one of 2: extended types, external keys, values that all define',
  subgraphs: {
    songs: `
      type Query { songs: [Song] }
      type Song @key(fields: "id") { id: ID! title: String length: Length }
      type Length { seconds: Int }`,
    charts: `
      extend type Query { top: Song @provides(fields: "title") }
      extend type Song @key(fields: "id") { id: ID! @external title: String @external rank: Int heading: String @requires(fields: "title") }
      type Length { seconds: Int }`,
    radio: `${link('key', 'extends', 'external')}
      type Query { current: Song }
      type Song @extends @key(fields: "id") { id: ID! @external listeners: Int }`,
  },
  truth: {
    Query: { songs() { return this.Song; }, top() { return this.Song[1]; }, current() { return this.Song[0]; } },
    Song: [
      { id: '1', title: 'Low', length: { seconds: 200 }, rank: 2, listeners: 7 },
      { id: '2', title: 'High', length: null, rank: 1, listeners: 0 },
    ].map((s) => ({ ...s, heading: (a, self, rep) => rep.title.toUpperCase() })),
  },
  cases: [
    { query: '{ songs { title rank listeners } }', data: { songs: [{ title: 'Low', rank: 2, listeners: 7 }, { title: 'High', rank: 1, listeners: 0 }] }, requests: 3 },
    { query: '{ top { title rank } }', data: { top: { title: 'High', rank: 1 } }, requests: 1 },
    { query: '{ top { length { seconds } listeners } }', data: { top: { length: null, listeners: 0 } }, requests: 3 },
    { query: '{ current { heading } }', data: { current: { heading: 'LOW' } }, requests: 3 },
  ],
};
