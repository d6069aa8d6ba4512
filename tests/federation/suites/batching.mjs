// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: 'many places of one entity: each is asked for once, and what is ready at once goes in one request',
  subgraphs: {
    games: `${link('key')}
      type Query { games: [Game!]! referee: Player }
      type Game @key(fields: "id") { id: ID! home: Player away: Player hall: Hall }
      type Player @key(fields: "id") { id: ID! }
      type Hall @key(fields: "id") { id: ID! }`,
    people: `${link('key')}
      type Player @key(fields: "id") { id: ID! name: String best: Player }
      type Hall @key(fields: "id") { id: ID! seats: Int }`,
  },
  truth: {
    Query: { games() { return this.Game; }, referee() { return this.Player[2]; } },
    Game: [0, 1, 2, 3].map((i) => ({ id: `g${i}`, home() { return this.Player[i % 2]; }, away() { return i === 3 ? null : this.Player[2]; }, hall() { return this.Hall[0]; } })),
    Player: ['Uma', 'Vic', 'Wes'].map((name, i) => ({ id: `p${i}`, name, best() { return this.Player[0]; } })),
    Hall: [{ id: 'h', seats: 80 }],
  },
  cases: [
    {
      query: '{ games { home { name } } }',
      data: { games: ['Uma', 'Vic', 'Uma', 'Vic'].map((name) => ({ home: { name } })) },
      requests: 2,
      representations: 2,
    },
    {
      query: '{ games { home { name } away { name } hall { seats } } referee { name } }',
      data: {
        games: ['Uma', 'Vic', 'Uma', 'Vic'].map((name, i) => ({ home: { name }, away: i === 3 ? null : { name: 'Wes' }, hall: { seats: 80 } })),
        referee: { name: 'Wes' },
      },
      requests: 2,
      representations: 6,
    },
    { query: '{ games { a: home { name } b: home { best { name } } } }', data: { games: ['Uma', 'Vic', 'Uma', 'Vic'].map((name) => ({ a: { name }, b: { best: { name: 'Uma' } } })) }, requests: 2 },
  ],
};
