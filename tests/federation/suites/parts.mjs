// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

const boom = () => new Error('boom');

export default {
  about: 'a value of several subgraphs: what fails in a part of it is told where it failed, once for each place',
  subgraphs: {
    coast: `${link('key', 'shareable')}
      type Query { ports: [Port!]! port: Port! }
      type Port @key(fields: "id") { id: ID! pier: Pier @shareable ships: [Ship]! @shareable dock: Dock! @shareable flags: [Flag!]! @shareable }
      type Flag { wind: Int }
      type Dock { crane: Crane @shareable }
      type Crane { load: Int age: Int @shareable }
      type Pier { length: Int bad: Int }
      type Ship { name: String crew: Int }`,
    hills: `${link('key', 'shareable')}
      type Port @key(fields: "id") { id: ID! pier: Pier @shareable ships: [Ship]! @shareable mayor: String town: Int dock: Dock! @shareable flags: [Flag!]! @shareable }
      type Flag { name: String }
      type Dock { crane: Crane @shareable gate: String }
      type Crane { age: Int @shareable }
      type Pier { depth: Int! }
      type Ship { flag: String! }`,
    towers: `${link('key', 'external', 'requires')}
      type Port @key(fields: "id") { id: ID! town: Int @external light: String @requires(fields: "town") }`,
  },
  truth: {
    Query: { ports() { return [this.Port[0], this.Port[1], this.Port[0]]; }, port() { return this.Port[0]; } },
    Port: [
      { id: 'p1', pier: { length: 5, bad: boom, depth: boom }, ships: [{ name: 'Ada', crew: 4, flag: 'red' }, { name: 'Bo', crew: 2, flag: boom }, null], mayor: 'May', town: 3, flags: [{ wind: 4, name: 'N' }, { wind: 6, name: 'S' }], dock: { gate: 'west', crane: { load: 9, age: 1 } }, light: (a, s, rep) => `${rep.town} beams` },
      { id: 'p2', pier: { length: 7, depth: 2, bad: 1 }, ships: [], mayor: null, town: boom, flags: [], light: (a, s, rep) => `${rep.town} beams` },
    ],
  },
  told: { hills: { Port: { flags: function (args, port) { return port.flags.slice(0, 1); } } } },
  cases: [
    { query: '{ port { pier { length bad depth } mayor } }', data: { port: { pier: null, mayor: 'May' } }, errors: [['port', 'pier', 'bad'], ['port', 'pier', 'depth']], requests: 2 },
    {
      query: '{ ports { id pier { length depth } } }',
      data: { ports: [{ id: 'p1', pier: null }, { id: 'p2', pier: { length: 7, depth: 2 } }, { id: 'p1', pier: null }] },
      errors: [['ports', 0, 'pier', 'depth'], ['ports', 2, 'pier', 'depth']],
      requests: 2,
    },
    {
      query: '{ ports { mayor ships { name flag } } }',
      data: { ports: [{ mayor: 'May', ships: [{ name: 'Ada', flag: 'red' }, null, null] }, { mayor: null, ships: [] }, { mayor: 'May', ships: [{ name: 'Ada', flag: 'red' }, null, null] }] },
      errors: [['ports', 0, 'ships', 1, 'flag'], ['ports', 2, 'ships', 1, 'flag']],
      requests: 2,
    },
    { query: '{ port { dock { crane { load age } gate } } }', data: { port: { dock: { crane: { load: 9, age: 1 }, gate: 'west' } } }, requests: 2 },
    {
      query: '{ port { flags { name } } ports { id flags { wind name } } }',
      data: { port: { flags: [{ name: 'N' }] }, ports: [{ id: 'p1', flags: [{ wind: 4, name: 'N' }, { wind: 6, name: null }] }, { id: 'p2', flags: [] }, { id: 'p1', flags: [{ wind: 4, name: 'N' }, { wind: 6, name: null }] }] },
      errors: [['ports', 0, 'flags'], ['ports', 2, 'flags']],
      requests: 2,
    },
    { query: '{ ports { light } }', data: { ports: [{ light: '3 beams' }, { light: null }, { light: '3 beams' }] }, errors: [['ports', 1]], requests: 3 },
  ],
};
