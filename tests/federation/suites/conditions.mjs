// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: '@include and @skip: what is left out is not asked for, nor what it alone requires',
  subgraphs: {
    garden: `${link('key')}
      type Query { beds: [Bed!]! motto: String }
      type Bed @key(fields: "id") { id: ID! area: Int plant: String soil: Soil }
      type Soil { kind: String acid: Int worm: Pump }
      type Pump @key(fields: "id") { id: ID! }`,
    water: `${link('key', 'external', 'requires')}
      type Bed @key(fields: "id") { id: ID! area: Int @external litres: Int @requires(fields: "area") pump: Pump soil: Soil @external dung: String @requires(fields: "soil { kind worm { id } }") }
      type Soil @external { kind: String worm: Pump }
      type Pump @key(fields: "id") { id: ID! }`,
    power: `${link('key')}
      type Pump @key(fields: "id") { id: ID! watts: Int }`,
  },
  truth: {
    Query: { beds() { return this.Bed; }, motto: 'grow' },
    Bed: [{ id: 'b1', area: 3, plant: 'kale', litres: (a, s, rep) => rep.area * 5, pump() { return this.Pump[0]; }, soil() { return { kind: 'clay', acid: new Error('no'), worm: this.Pump[0] }; }, dung: (a, s, rep) => `for ${rep.soil.kind}` }],
    Pump: [{ id: 'p1', watts: 40 }],
  },
  cases: [
    { query: 'query ($w: Boolean!) { beds { plant litres @include(if: $w) } }', variables: { w: false }, data: { beds: [{ plant: 'kale' }] }, requests: 1 },
    { query: 'query ($w: Boolean!) { beds { plant litres @include(if: $w) } }', variables: { w: true }, data: { beds: [{ plant: 'kale', litres: 15 }] }, requests: 2 },
    { query: 'query ($a: Boolean!, $b: Boolean!) { beds { plant pump @skip(if: $a) { id watts @include(if: $b) } } }', variables: { a: false, b: false }, data: { beds: [{ plant: 'kale', pump: { id: 'p1' } }] }, requests: 2 },
    { query: 'query ($a: Boolean!, $b: Boolean!) { beds { plant pump @skip(if: $a) { id watts @include(if: $b) } } }', variables: { a: true, b: true }, data: { beds: [{ plant: 'kale' }] }, requests: 1 },
    { query: 'query ($a: Boolean!) { beds { ... @include(if: $a) { litres } ... @skip(if: $a) { plant } } }', variables: { a: false }, data: { beds: [{ plant: 'kale' }] }, requests: 1 },
    { query: 'query ($a: Boolean!) { beds { litres @include(if: $a) pump { watts } litres @skip(if: $a) } }', variables: { a: true }, data: { beds: [{ litres: 15, pump: { watts: 40 } }] }, requests: 3 },
    { query: '{ beds @skip(if: true) { litres } motto @include(if: true) }', data: { motto: 'grow' }, requests: 1 },
    { query: 'query ($n: Boolean!) { beds { soil @skip(if: $n) { acid worm { watts } } dung } }', variables: { n: true }, data: { beds: [{ dung: 'for clay' }] }, requests: 2 },
    { query: 'query ($n: Boolean!) { beds { soil @skip(if: $n) { acid worm { watts } } dung } }', variables: { n: false }, data: { beds: [{ soil: { acid: null, worm: { watts: 40 } }, dung: 'for clay' }] }, errors: [['beds', 0, 'soil', 'acid']], requests: 3 },
    { query: 'query ($n: Boolean!) { motto @skip(if: $n) }', variables: { n: true }, data: {}, requests: 0 },
  ],
};
