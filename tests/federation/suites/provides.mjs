// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: '@provides: below lists, several levels deep, on an interface and on a union; not where another path leads there',
  subgraphs: {
    desk: `${link('key', 'external', 'provides', 'shareable')}
      type Query {
        loans: [Loan!]! @provides(fields: "reader { name card { code } }")
        shelf: [Item!]! @provides(fields: "... on Book { title }")
        returned: Thing @provides(fields: "... on Book { title } ... on Map { scale }")
        plain: Book
      }
      type Loan @shareable { day: Int reader: Reader! }
      type Reader @key(fields: "id") { id: ID! name: String @external card: Card @external }
      type Card @shareable { code: String }
      interface Item { id: ID! }
      union Thing = Book | Map
      type Book implements Item @key(fields: "id") { id: ID! title: String @external }
      type Map implements Item @key(fields: "id") { id: ID! scale: Int @external }`,
    people: `${link('key', 'shareable')}
      type Reader @key(fields: "id") { id: ID! name: String @shareable card: Card @shareable born: Int }
      type Card @shareable { code: String }`,
    stacks: `${link('key', 'shareable')}
      type Book @key(fields: "id") { id: ID! title: String @shareable pages: Int }
      type Map @key(fields: "id") { id: ID! scale: Int @shareable }`,
  },
  truth: {
    Query: {
      loans() { return [{ day: 4, reader: this.Reader[0] }, { day: 5, reader: this.Reader[1] }, { day: 6, reader: this.Reader[0] }]; },
      shelf() { return [this.Book[0], this.Map[0]]; },
      returned() { return this.Map[0]; },
      plain() { return this.Book[0]; },
    },
    Reader: [{ id: 'r1', name: 'Ida', card: { code: 'AA' }, born: 1990 }, { id: 'r2', name: null, card: null, born: null }],
    Book: [{ id: 'b1', title: 'Weirs', pages: 210 }],
    Map: [{ id: 'm1', scale: 25000 }],
  },
  cases: [
    {
      query: '{ loans { day reader { name card { code } } } }',
      data: { loans: [{ day: 4, reader: { name: 'Ida', card: { code: 'AA' } } }, { day: 5, reader: { name: null, card: null } }, { day: 6, reader: { name: 'Ida', card: { code: 'AA' } } }] },
      requests: 1,
    },
    { query: '{ loans { reader { name born } } }', data: { loans: [{ reader: { name: 'Ida', born: 1990 } }, { reader: { name: null, born: null } }, { reader: { name: 'Ida', born: 1990 } }] }, requests: 2, representations: 2 },
    { query: '{ shelf { id ... on Book { title } } }', data: { shelf: [{ id: 'b1', title: 'Weirs' }, { id: 'm1' }] }, requests: 1 },
    { query: '{ shelf { ... on Map { scale } ... on Book { title } } }', data: { shelf: [{ title: 'Weirs' }, { scale: 25000 }] }, requests: 2, representations: 1 },
    { query: '{ returned { ... on Book { title } ... on Map { scale } } }', data: { returned: { scale: 25000 } }, requests: 1 },
    { query: '{ plain { title } }', data: { plain: { title: 'Weirs' } }, requests: 2 },
  ],
};
