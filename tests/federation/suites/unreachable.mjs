// SPDX-License-Identifier: MIT
import { link } from '../kit/suite.mjs';

export default {
  about: 'what composition should have refused: an operation to which no way leads is refused, naming the field and who has it',
  unchecked: ['SatisfiabilityRule'],
  subgraphs: {
    depot: `${link('shareable')}
      type Query { load: Load bin: Bin }
      interface Load { mass: Int }
      type Crate implements Load { mass: Int @shareable }
      type Bin { mass: Int }`,
    yard: `${link('shareable')}
      type Query { crate: Crate }
      type Crate { mass: Int @shareable wood: String }`,
  },
  truth: { Query: { load: { type: 'Crate', mass: 3, wood: 'oak' }, crate: { mass: 3, wood: 'oak' }, bin: null } },
  cases: [
    { query: '{ load { mass } crate { wood } }', data: { load: { mass: 3 }, crate: { wood: 'oak' } }, requests: 2 },
    { query: '{ bin { mass } load { mass ... on Crate { wood } } }', refused: 'cannot be planned: no way leads to Crate.wood, which yard answers' },
  ],
};
