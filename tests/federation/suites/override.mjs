// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

const wrong = new Error('the field has moved');

export default {
  about: '@override, for good and by a share of the requests that is none or all; on a field behind an interface',
  subgraphs: {
    old: `${link('key')}
      type Query { letters: [Letter!]! posts: [Post!]! }
      interface Post { id: ID! sent: String }
      type Letter implements Post @key(fields: "id") { id: ID! sent: String text: String stays: Int goes: Int }`,
    new: `${link('key', 'override')}
      type Letter @key(fields: "id") {
        id: ID!
        sent: String @override(from: "old")
        seal: String @override(from: "gone")
        stays: Int @override(from: "old", label: "percent(0)")
        goes: Int @override(from: "old", label: "percent(100)")
      }`,
  },
  truth: {
    Query: { letters() { return this.Letter; }, posts() { return this.Letter; } },
    Letter: [{ id: 'p1', sent: 'May', text: 'Hello', seal: 'wax', stays: 1, goes: 2 }],
  },
  told: { old: { Letter: { sent: wrong, goes: wrong } }, new: { Letter: { stays: wrong } } },
  cases: [
    { query: '{ letters { text } }', data: { letters: [{ text: 'Hello' }] }, requests: 1 },
    { query: '{ letters { sent seal } }', data: { letters: [{ sent: 'May', seal: 'wax' }] }, requests: 2 },
    { query: '{ posts { sent } }', data: { posts: [{ sent: 'May' }] }, requests: 2 },
    { query: '{ letters { stays } }', data: { letters: [{ stays: 1 }] }, requests: 1 },
    { query: '{ letters { goes stays } }', data: { letters: [{ goes: 2, stays: 1 }] }, requests: 2 },
  ],
};
