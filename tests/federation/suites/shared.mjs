// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: 'shared root fields and shared values: asked once where one subgraph knows all, else in halves; back into a value by its parent',
  subgraphs: {
    coast: `${link('key', 'shareable')}
      type Query { weather: Weather @shareable station: Station }
      type Weather @shareable { wind: Int tide: Float common: String }
      type Station @key(fields: "id") { id: ID! place: Place @shareable }
      type Place @shareable { name: String }`,
    hills: `${link('key', 'shareable')}
      type Query { weather: Weather @shareable }
      type Weather @shareable { wind: Int snow: Int common: String }
      type Station @key(fields: "id") { id: ID! place: Place @shareable }
      type Place @shareable { name: String height: Int next: Station }`,
  },
  truth: {
    Query: { weather: { wind: 12, tide: 0.4, snow: 3, common: 'grey' }, station() { return this.Station[0]; } },
    Station: [{ id: 't1', place() { return { name: 'Knoll', height: 212, next: this.Station[1] }; } }, { id: 't2', place: null }],
  },
  cases: [
    { query: '{ weather { wind common } }', data: { weather: { wind: 12, common: 'grey' } }, requests: 1 },
    { query: '{ weather { wind snow } }', data: { weather: { wind: 12, snow: 3 } }, requests: 1 },
    { query: '{ weather { snow wind tide } }', data: { weather: { snow: 3, wind: 12, tide: 0.4 } }, requests: 2 },
    { query: '{ a: weather { tide } b: weather { snow } }', data: { a: { tide: 0.4 }, b: { snow: 3 } }, requests: 2 },
    { query: '{ station { place { name } } }', data: { station: { place: { name: 'Knoll' } } }, requests: 1 },
    { query: '{ station { place { name height } } }', data: { station: { place: { name: 'Knoll', height: 212 } } }, requests: 2 },
    { query: '{ station { place { next { id place { name } } } } }', data: { station: { place: { next: { id: 't2', place: null } } } }, requests: 2 },
  ],
};
