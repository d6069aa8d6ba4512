// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: 'two types with one response name in exclusive fragments, of other nullability and other arguments; lists of lists; odd names',
  subgraphs: {
    'tool-box.1': `${link('key', 'shareable')}
      type Query { tools: [Tool!]! grid: [[Cell!]]! type: String }
      union Tool = Saw | Glue
      type Saw @key(fields: "id") { id: ID! size: Int! teeth(per: String = "inch"): Int }
      type Glue @key(fields: "id") { id: ID! size: Int }
      type Cell @key(fields: "id") { id: ID! }`,
    '2nd': `${link('key')}
      type Saw @key(fields: "id") { id: ID! note: String }
      type Glue @key(fields: "id") { id: ID! note: String! }
      type Cell @key(fields: "id") { id: ID! ore: String }`,
  },
  truth: {
    Query: { tools() { return [this.Saw[0], this.Glue[0]]; }, grid() { return [[this.Cell[0], this.Cell[1]], null, [], [this.Cell[0]]]; }, type: 'kit' },
    Saw: [{ id: 's', size: 3, teeth: ({ per }) => (per === 'inch' ? 7 : 3), note: null }],
    Glue: [{ id: 'g', size: null, note: 'keep cool' }],
    Cell: [{ id: 'c1', ore: 'tin' }, { id: 'c2', ore: null }],
  },
  cases: [
    { query: '{ tools { ... on Saw { note } ... on Glue { id } } type }', data: { tools: [{ note: null }, { id: 'g' }], type: 'kit' }, requests: 2 },
    { query: '{ tools { ... on Saw { v: size n: note } ... on Glue { w: size m: note } } }', data: { tools: [{ v: 3, n: null }, { w: null, m: 'keep cool' }] }, requests: 2 },
    { query: '{ tools { ... on Saw { a: teeth b: teeth(per: "cm") } } }', data: { tools: [{ a: 7, b: 3 }, {}] }, requests: 1 },
    { query: '{ grid { ore } }', data: { grid: [[{ ore: 'tin' }, { ore: null }], null, [], [{ ore: 'tin' }]] }, requests: 2, representations: 2 },
  ],
};
