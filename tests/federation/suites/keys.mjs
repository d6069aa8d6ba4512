// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: 'several keys, compound and nested ones, some not resolvable: a chain of subgraphs where no key is shared by all',
  subgraphs: {
    port: `${link('key')}
      type Query { ships: [Ship!]! berth: Berth }
      type Ship @key(fields: "imo") { imo: Int! name: String }
      type Berth @key(fields: "quay { harbour { code } number } side", resolvable: false) { quay: Quay! side: String! }
      type Quay { harbour: Harbour! number: Int! }
      type Harbour { code: String! }`,
    registry: `${link('key', 'shareable')}
      type Ship @key(fields: "imo") @key(fields: "flag sign") { imo: Int! flag: String! sign: String! tonnage: Int }
      type Berth @key(fields: "quay { harbour { code } number } side") @key(fields: "id") { id: ID! quay: Quay! side: String! depth: Float }
      type Quay @shareable { harbour: Harbour! number: Int! }
      type Harbour @shareable { code: String! }`,
    radio: `${link('key')}
      type Ship @key(fields: "flag sign") @key(fields: "imo", resolvable: false) { imo: Int! flag: String! sign: String! channel: Int crew: Crew }
      type Crew @key(fields: "ship { imo } rank") { ship: Ship! rank: String! call: String }
      type Berth @key(fields: "id") { id: ID! lamp: String }`,
    office: `${link('key', 'external')}
      type Crew @key(fields: "ship { imo } rank") { ship: Ship! rank: String! pay: Int }
      type Ship @key(fields: "imo", resolvable: false) { imo: Int! }`,
  },
  truth: {
    Query: { ships() { return this.Ship; }, berth() { return this.Berth[0]; } },
    Ship: [
      { imo: 101, name: 'Petrel', flag: 'NO', sign: 'LA1', tonnage: 900, channel: 16 },
      { imo: 102, name: null, flag: 'NO', sign: 'LA2', tonnage: null, channel: null },
    ].map((s) => ({ ...s, crew() { return s.imo === 101 ? this.Crew[0] : null; } })),
    Crew: [{ ship: { type: 'Ship', imo: 101 }, rank: 'mate', call: 'M1', pay: 40 }],
    Berth: [{ id: 'k1', quay: { harbour: { code: 'TRD' }, number: 3 }, side: 'N', depth: 7.5, lamp: 'green' }],
  },
  cases: [
    { query: '{ ships { name tonnage } }', data: { ships: [{ name: 'Petrel', tonnage: 900 }, { name: null, tonnage: null }] }, requests: 2 },
    { query: '{ ships { name channel } }', data: { ships: [{ name: 'Petrel', channel: 16 }, { name: null, channel: null }] }, requests: 3 },
    { query: '{ berth { depth } }', data: { berth: { depth: 7.5 } }, requests: 2 },
    { query: '{ berth { lamp side quay { number harbour { code } } } }', data: { berth: { lamp: 'green', side: 'N', quay: { number: 3, harbour: { code: 'TRD' } } } }, requests: 3 },
    { query: '{ ships { imo crew { call pay } } }', data: { ships: [{ imo: 101, crew: { call: 'M1', pay: 40 } }, { imo: 102, crew: null }] }, requests: 4, representations: 5 },
  ],
};
