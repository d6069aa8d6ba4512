// SPDX-License-Identifier: MIT
// What ./dev bench federation is asked: a library that lends tools, told by four subgraphs. Eight members wrote three
// notes each, eight tools have three notes each; the query goes five levels deep through both, so that few entities
// stand in many places: the answer is 88 KB, what is fetched for it an eighth of that.
import { link } from '../../tests/federation/kit/suite.mjs';

const N = 8, EACH = 3;

const WORDS = ('runs quietly and starts at the first pull; the blade wants oil after every second day of work; ' +
  'lighter than it looks, so the case came back with a dent; asks for two people and a level floor').split(' ');
const NAMES = ['Aino', 'Bengt', 'Carla', 'Dirk', 'Edda', 'Farid', 'Greta', 'Henk'];
const TOOLS = ['Belt sander', 'Chain hoist', 'Tile cutter', 'Post auger', 'Plunge router', 'Scaffold tower', 'Pressure pump', 'Core drill'];

// Words of its own for each note, twenty-three of them.
const words = (n) => Array.from({ length: 23 }, (_, i) => WORDS[(n * 7 + i * (n % 3 + 1)) % WORDS.length]).join(' ');

const members = NAMES.map((name, i) => ({ id: `m${i + 1}`, handle: name.toLowerCase(), fullName: `${name} of street ${i + 3}`, since: 2009 + i }));
const tools = TOOLS.map((title, i) => ({ sku: `t-${100 + i}`, title, fee: 400 + 150 * i, grams: 1500 + 2250 * i, onShelf: i % 3 !== 1 }));
const notes = Array.from({ length: N * EACH }, (_, i) => ({ id: `n${i + 1}`, text: words(i), writer: Math.floor(i / EACH), about: i % N }));
for (const note of notes) {
  note.by = () => members[note.writer];
  note.tool = () => tools[note.about];
}
members.forEach((member, i) => { member.notes = () => notes.filter((note) => note.writer === i); });
tools.forEach((tool, i) => {
  tool.notes = () => notes.filter((note) => note.about === i);
  // What the shelf asks as a deposit comes of what the catalogue tells it.
  tool.deposit = (args, self, rep) => 2 * (rep?.fee ?? self.fee) + Math.floor((rep?.grams ?? self.grams) / 100);
});

export const suite = {
  subgraphs: {
    people: `${link('key', 'shareable')}
      type Query { members: [Member!]! }
      type Member @key(fields: "id") { id: ID! handle: String! @shareable fullName: String since: Int }`,
    catalogue: `${link('key')}
      type Query { borrowedMost(first: Int = 5): [Tool!]! }
      type Tool @key(fields: "sku") { sku: ID! title: String fee: Int grams: Int }`,
    shelf: `${link('key', 'external', 'requires')}
      type Tool @key(fields: "sku") { sku: ID! fee: Int @external grams: Int @external onShelf: Boolean deposit: Int @requires(fields: "fee grams") }`,
    notes: `${link('key', 'external', 'provides')}
      type Note @key(fields: "id") { id: ID! text: String tool: Tool by: Member @provides(fields: "handle") }
      type Member @key(fields: "id") { id: ID! handle: String! @external notes: [Note!] }
      type Tool @key(fields: "sku") { sku: ID! notes: [Note!] }`,
  },
  truth: {
    Query: { members: () => members, borrowedMost: ({ first }) => tools.slice(0, first) },
    Member: members,
    Tool: tools,
    Note: notes,
  },
};
