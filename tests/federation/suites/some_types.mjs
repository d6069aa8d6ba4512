// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

const boom = () => new Error('boom');

export default {
  about: 'what some types of a place are asked for others are not; types that are found by way of each other',
  subgraphs: {
    shelf: `${link('key', 'shareable')}
      type Query { things: [Thing!]! }
      interface Thing { label: String size: Size }
      type Size @shareable { w: Int h: Int }
      type Book implements Thing @key(fields: "isbn") { isbn: ID! label: String size: Size }
      type Film implements Thing @key(fields: "ean") { ean: ID! label: String size: Size }`,
    shop: `${link('key', 'external', 'requires', 'shareable')}
      type Book @key(fields: "isbn") { isbn: ID! label: String @external size: Size @external price: String @requires(fields: "label") box: String @requires(fields: "size { w }") }
      type Size @shareable { w: Int h: Int }`,
    left: `${link('key', 'shareable')}
      type Book @key(fields: "isbn") { isbn: ID! code: ID! @shareable pages: Int }
      type Film @key(fields: "code") { code: ID! @shareable minutes: Int }`,
    right: `${link('key', 'shareable')}
      type Book @key(fields: "code") { code: ID! @shareable words: Int }
      type Film @key(fields: "ean") { ean: ID! code: ID! @shareable sound: String }`,
  },
  truth: {
    Query: { things() { return [this.Book[0], this.Film[0]]; } },
    Book: [{ isbn: 'b', code: 'B', label: 'Emma', size: { w: 2, h: 3 }, pages: 400, words: 160000, price: (a, s, rep) => `${rep.label} 9`, box: (a, s, rep) => `box ${rep.size.w}` }],
    Film: [{ ean: 'f', code: 'F', label: boom, size: { w: boom, h: 4 }, minutes: 90, sound: 'mono' }],
  },
  cases: [
    { query: '{ things { ... on Book { price } } }', data: { things: [{ price: 'Emma 9' }, {}] }, requests: 2 },
    { query: '{ things { ... on Book { box } } }', data: { things: [{ box: 'box 2' }, {}] }, requests: 2 },
    { query: '{ things { label ... on Book { price } } }', data: { things: [{ label: 'Emma', price: 'Emma 9' }, { label: null }] }, errors: [['things', 1, 'label']], requests: 2 },
    { query: '{ things { size { h } ... on Book { box } } }', data: { things: [{ size: { h: 3 }, box: 'box 2' }, { size: { h: 4 } }] }, requests: 2 },
    {
      query: '{ things { ... on Book { pages words } ... on Film { minutes sound } } }',
      data: { things: [{ pages: 400, words: 160000 }, { minutes: 90, sound: 'mono' }] },
      requests: 5,
    },
  ],
};
