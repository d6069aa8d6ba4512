// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: 'types that refer to each other in circles, and fragments that repeat them: as many requests as there are steps',
  subgraphs: {
    staff: `${link('key')}
      type Query { me: Person team(name: String!): Team }
      type Person @key(fields: "id") { id: ID! name: String }
      type Team @key(fields: "name") { name: String! }`,
    teams: `${link('key')}
      type Person @key(fields: "id") { id: ID! team: Team boss: Person }
      type Team @key(fields: "name") { name: String! members: [Person!] rival: Team }`,
  },
  truth: {
    Query: { me() { return this.Person[0]; }, team({ name }) { return this.Team.find((t) => t.name === name); } },
    Person: ['Ada', 'Bo', 'Cy'].map((name, i) => ({ id: String(i), name, team() { return this.Team[i % 2]; }, boss() { return i ? this.Person[i - 1] : null; } })),
    Team: ['red', 'blue'].map((name, i) => ({ name, members() { return this.Person.filter((p, k) => k % 2 === i); }, rival() { return this.Team[1 - i]; } })),
  },
  cases: [
    { query: '{ me { team { members { team { name } } } } }', data: { me: { team: { members: [{ team: { name: 'red' } }, { team: { name: 'red' } }] } } }, requests: 2 },
    { query: '{ me { name team { members { name } } } }', data: { me: { name: 'Ada', team: { members: [{ name: 'Ada' }, { name: 'Cy' }] } } }, requests: 3 },
    {
      query: '{ team(name: "red") { rival { rival { name members { name boss { name boss { name } } } } } } }',
      data: { team: { rival: { rival: { name: 'red', members: [{ name: 'Ada', boss: null }, { name: 'Cy', boss: { name: 'Bo', boss: { name: 'Ada' } } }] } } } },
      requests: 3,
    },
    {
      query: 'fragment P on Person { id name } { me { ...P team { members { ...P boss { ...P } } } } }',
      data: { me: { id: '0', name: 'Ada', team: { members: [{ id: '0', name: 'Ada', boss: null }, { id: '2', name: 'Cy', boss: { id: '1', name: 'Bo' } }] } } },
      requests: 3,
    },
  ],
};
