// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: 'interfaces and unions whose members not every subgraph knows; entity fields below them; fragments that cannot match',
  subgraphs: {
    press: `${link('key', 'shareable')}
      type Query { feed: [Entry!]! newest: Printed any: Entry @shareable }
      union Entry = Article | Notice
      interface Printed { id: ID! pages: Int }
      type Article implements Printed @key(fields: "id") { id: ID! pages: Int }
      type Notice @shareable { text: String }`,
    studio: `${link('key', 'shareable')}
      type Query { clips: [Entry!]! any: Entry @shareable printed: [Printed!]! }
      union Entry = Clip | Notice
      type Clip @key(fields: "id") { id: ID! seconds: Int poster: Printed }
      interface Printed { id: ID! }
      type Poster implements Printed @key(fields: "id") { id: ID! width: Int }
      type Notice @shareable { text: String }`,
    authors: `${link('key')}
      type Article @key(fields: "id") { id: ID! author: Author }
      type Clip @key(fields: "id") { id: ID! author: Author }
      type Poster @key(fields: "id") { id: ID! pages: Int }
      type Author @key(fields: "id") { id: ID! name: String }`,
  },
  truth: {
    Query: {
      feed() { return [this.Article[0], this.Notice[0]]; },
      newest() { return this.Article[0]; },
      any() { return this.Notice[0]; },
      clips() { return [this.Notice[0], this.Clip[0]]; },
      printed() { return [this.Poster[0]]; },
    },
    Article: [{ id: 'a1', pages: 4, author() { return this.Author[0]; } }],
    Clip: [{ id: 'c1', seconds: 90, author() { return this.Author[0]; }, poster() { return this.Poster[0]; } }],
    Poster: [{ id: 'p1', width: 60, pages: 1 }],
    Notice: [{ text: 'closed' }],
    Author: [{ id: 'n1', name: 'Mira' }],
  },
  cases: [
    {
      query: '{ feed { __typename ... on Article { pages author { name } } ... on Clip { seconds } ... on Notice { text } } }',
      data: { feed: [{ __typename: 'Article', pages: 4, author: { name: 'Mira' } }, { __typename: 'Notice', text: 'closed' }] },
      requests: 2,
    },
    { query: '{ clips { ... on Article { pages } ... on Clip { author { name } } } }', data: { clips: [{}, { author: { name: 'Mira' } }] }, requests: 2 },
    { query: '{ any { ... on Clip { seconds } ... on Article { pages } ... on Notice { text } } }', data: { any: { text: 'closed' } }, requests: 1 },
    { query: '{ newest { id pages ... on Article { author { name } } } }', data: { newest: { id: 'a1', pages: 4, author: { name: 'Mira' } } }, requests: 2 },
    { query: '{ printed { id pages } }', data: { printed: [{ id: 'p1', pages: 1 }] }, requests: 2 },
    { query: '{ clips { ... on Clip { poster { __typename pages ... on Poster { width } } } } }', data: { clips: [{}, { poster: { __typename: 'Poster', pages: 1, width: 60 } }] }, requests: 2 },
    { query: '{ newest { ... on Poster { width } } }', data: { newest: {} }, requests: 1 },
  ],
};
