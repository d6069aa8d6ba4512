// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: '@interfaceObject: what another subgraph adds to every implementation; types told where they are known',
  subgraphs: {
    zoo: `${link('key', 'external', 'requires')}
      type Query { animals: [Animal!]! lion: Lion }
      interface Animal @key(fields: "id") { id: ID! name: String }
      type Lion implements Animal @key(fields: "id") { id: ID! name: String mane: Boolean pride: Lion @external motto: String @requires(fields: "pride { id }") }
      type Heron implements Animal @key(fields: "id") { id: ID! name: String wings: Int }`,
    vets: `${link('key', 'interfaceObject', 'external', 'requires')}
      type Query { patients: [Animal!]! }
      type Animal @key(fields: "id") @interfaceObject {
        id: ID!
        name: String @external
        pulse: Int
        badge: String @requires(fields: "name")
        friend: Animal
        risk: String!
        mood: String
      }`,
    ranch: `${link('key')}
      type Lion @key(fields: "id") { id: ID! pride: Lion }`,
  },
  truth: {
    Query: { animals() { return [this.Lion[0], this.Heron[0]]; }, lion() { return this.Lion[0]; }, patients() { return [this.Heron[0], this.Lion[0]]; } },
    Lion: [{ id: 'l1', as: ['Animal'], name: 'Kora', mane: false, pulse: 50, badge: (a, s, rep) => `#${rep.name}`, friend: null, risk: 'high', mood: 'calm', pride() { return this.Lion[0]; }, motto: (a, s, rep) => `with ${rep.pride.id}` }],
    Heron: [{ id: 'h1', as: ['Animal'], name: null, wings: 2, pulse: 120, badge: (a, s, rep) => `#${rep.name}`, friend() { return this.Lion[0]; }, risk: () => new Error('no'), mood: () => new Error('none') }],
  },
  cases: [
    { query: '{ animals { id pulse } }', data: { animals: [{ id: 'l1', pulse: 50 }, { id: 'h1', pulse: 120 }] }, requests: 2 },
    { query: '{ animals { __typename pulse ... on Heron { wings } } }', data: { animals: [{ __typename: 'Lion', pulse: 50 }, { __typename: 'Heron', pulse: 120, wings: 2 }] }, requests: 2 },
    { query: '{ lion { pulse mane __typename } }', data: { lion: { pulse: 50, mane: false, __typename: 'Lion' } }, requests: 2 },
    { query: '{ animals { badge } }', data: { animals: [{ badge: '#Kora' }, { badge: '#null' }] }, requests: 2 },
    { query: '{ patients { pulse id } }', data: { patients: [{ pulse: 120, id: 'h1' }, { pulse: 50, id: 'l1' }] }, requests: 1 },
    { query: '{ patients { name } }', data: { patients: [{ name: null }, { name: 'Kora' }] }, requests: 2 },
    { query: '{ patients { __typename } }', data: { patients: [{ __typename: 'Heron' }, { __typename: 'Lion' }] }, requests: 2 },
    { query: '{ patients { ... on Lion { mane pulse } ... on Heron { wings } } }', data: { patients: [{ wings: 2 }, { mane: false, pulse: 50 }] }, requests: 3 },
    { query: '{ animals { ... on Lion { risk badge } ... on Heron { pulse } } }', data: { animals: [{ risk: 'high', badge: '#Kora' }, { pulse: 120 }] }, requests: 2 },
    { query: '{ patients { ... on Lion { motto } } }', data: { patients: [{}, { motto: 'with l1' }] }, requests: 4 },
    { query: '{ patients { badge } }', data: { patients: [{ badge: '#null' }, { badge: '#Kora' }] }, requests: 3 },
    { query: 'query($c: Boolean!, $l: Boolean!, $h: Boolean!) { patients { pulse @include(if: $c) ... on Lion @include(if: $l) { pulse } ... on Heron @include(if: $h) { pulse } } }', variables: { c: false, l: true, h: false }, data: { patients: [{}, { pulse: 50 }] }, requests: 2 },
    { query: 'query ($l: Boolean!) { patients { pulse ... on Lion @include(if: $l) { mane } } }', variables: { l: false }, data: { patients: [{ pulse: 120 }, { pulse: 50 }] }, requests: 2 },
    { query: '{ patients { pulse ... on Lion { risk } } }', data: { patients: [{ pulse: 120 }, { pulse: 50, risk: 'high' }] }, requests: 3 },
    { query: '{ patients { pulse ... on Lion { mood } } }', data: { patients: [{ pulse: 120 }, { pulse: 50, mood: 'calm' }] }, requests: 2 },
    { query: '{ patients { pulse ... on Heron { mood } } }', data: { patients: [{ pulse: 120, mood: null }, { pulse: 50 }] }, errors: [['patients', 0, 'mood']], requests: 2 },
    { query: '{ patients { friend { __typename name pulse } } }', data: { patients: [{ friend: { __typename: 'Lion', name: 'Kora', pulse: 50 } }, { friend: null }] }, requests: 2, representations: 1 },
  ],
};
