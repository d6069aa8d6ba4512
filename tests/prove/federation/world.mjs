// SPDX-License-Identifier: MIT
// A random world: types with what their fields hold (the model, that data.mjs reads), and where they are placed: two to
// six subgraphs that each know a part. Whether all can be reached is for the composer to say; what it refuses is thrown
// away and the next attempt is made, with less of the strange.
import { Chance } from '../graphql/random.mjs';
import { fieldSet } from '../../federation/kit/subgraph.mjs';

export const COUNT = 5; // instances of an entity
const bare = (type) => type.replace(/[[\]!]/g, '');

// The ways to find an entity. `make` says which fields the key is made of; each is exact for the instance.
const KEYS = {
  id: (w, e) => [w.keyField(e, 'id', 'ID!', (o) => `${e.name}-${o.id}`)],
  code: (w, e) => [w.keyField(e, 'code', 'String!', (o) => `c${o.id}/"${e.name}"`)],
  number: (w, e) => [w.keyField(e, 'number', 'Int!', (o) => e.ordinal * 1000 + o.id)],
  'shelf slot': (w, e) => [w.keyField(e, 'shelf', 'Int!', (o) => o.id % 2), w.keyField(e, 'slot', 'String!', (o) => `s${Math.floor(o.id / 2)}`)],
  'mark { lot part }': (w, e) => [w.keyField(e, 'mark', `${w.markOf(e)}!`, (o) => ({ type: `${e.name}Mark`, id: o.id }))],
  'mate { id }': (w, e) => [w.keyField(e, 'mate', `${e.mate.name}!`, (o) => ({ type: e.mate.name, id: (o.id + 1) % COUNT }))],
  'id shelf': (w, e) => [KEYS.id(w, e)[0], KEYS['shelf slot'](w, e)[0]],
};

export class World {
  constructor(seed, number, attempt) {
    this.c = new Chance(seed, number, attempt, 41);
    this.spice = Math.max(0.1, 1 - attempt * 0.06);
    this.model = { seed: `${seed}/${number}/${attempt}`, count: COUNT, types: new Map(), enums: new Map() };
    this.inputs = new Map();
    this.subs = [];
    this.entities = [];
    this.values = [];
    this.abstracts = [];
    this.forbidden = new Set(); // "subgraph type": an interface object and its implementations do not meet
    this.uses = {};
    this.calmed = new Set();
    this.build();
  }

  odd(p) {
    return this.c.maybe(p * this.spice);
  }
  used(feature) {
    this.uses[feature] = (this.uses[feature] ?? 0) + 1;
  }

  // ---- the model ----

  type(name, kind) {
    const type = { name, kind, fields: new Map(), members: [], keys: [] };
    this.model.types.set(name, type);
    return type;
  }

  field(type, name, typeText, more = {}) {
    const field = { name, owner: type.name, type: typeText, named: bare(typeText), args: [], throws: 0, possible: null, requires: null, ...more };
    type.fields.set(name, field);
    return field;
  }

  keyField(entity, name, type, compute) {
    return entity.fields.get(name) ?? this.field(entity, name, type, { compute, calm: true });
  }

  markOf(entity) {
    const name = `${entity.name}Mark`;
    if (!this.model.types.has(name)) {
      const mark = this.type(name, 'value');
      this.field(mark, 'lot', 'ID!', { compute: (o) => `L${o.id}`, calm: true });
      this.field(mark, 'part', 'Int!', { compute: (o) => o.id * 3, calm: true });
      mark.whole = true;
    }
    return name;
  }

  wrap(name, nullable = 0.6) {
    const item = this.c.maybe(nullable) ? name : `${name}!`;
    if (!this.c.maybe(0.3)) return item;
    return `[${item}]${this.c.maybe(0.5) ? '!' : ''}`;
  }

  leafName() {
    return this.c.pick(['String', 'Int', 'Float', 'Boolean', 'ID', 'Stamp', 'Blob', ...this.model.enums.keys(), 'String', 'Int']);
  }

  args() {
    if (!this.c.maybe(0.25)) return [];
    const kinds = [
      { name: 'n', type: 'Int', fallback: 3, text: '3' }, { name: 's', type: 'String' }, { name: 'ids', type: '[ID!]' },
      { name: 'must', type: 'Boolean!' }, { name: 'by', type: 'Filter' }, { name: 'kind', type: this.c.pick([...this.model.enums.keys()]) },
    ];
    return this.c.some(kinds, 0.35).slice(0, 3);
  }

  leafField(type, name) {
    const field = this.field(type, name, this.wrap(this.leafName()), { args: this.args() });
    field.throws = this.c.maybe(0.25) ? 0.2 : 0;
    return field;
  }

  // ---- placing ----

  place(sub, type) {
    let placed = sub.types.get(type.name);
    if (!placed) {
      placed = { type, fields: new Map(), keys: [], members: [], interfaces: new Set(), interfaceObject: false };
      sub.types.set(type.name, placed);
    }
    return placed;
  }

  placeField(sub, type, field, about = {}) {
    const placed = this.place(sub, type);
    const before = placed.fields.get(field.name);
    if (before) return before;
    const put = { field, external: false, ...about };
    placed.fields.set(field.name, put);
    this.need(sub, field.named);
    return put;
  }

  placeKey(sub, entity, key, resolvable = true) {
    const placed = this.place(sub, entity);
    const before = placed.keys.find((k) => k.fields === key);
    if (before) {
      before.resolvable ||= resolvable;
      return;
    }
    placed.keys.push({ fields: key, resolvable });
    for (const field of KEYS[key](this, entity)) this.placeField(sub, entity, field);
    if (key === 'mate { id }') this.placeField(sub, entity.mate, KEYS.id(this, entity.mate)[0]);
  }

  // The type is in the subgraph, with what it cannot be without.
  need(sub, name) {
    const type = this.model.types.get(name);
    if (!type) return;
    if (this.forbidden.has(`${sub.name} ${name}`)) throw new Error(`${name} must not be in ${sub.name}`);
    if (sub.types.has(name)) return;
    const placed = this.place(sub, type);
    if (type.kind === 'entity') this.needEntity(sub, type);
    else if (type.kind === 'value') {
      for (const field of type.fields.values()) {
        if (!type.whole && placed.fields.size && this.odd(0.06)) continue;
        this.placeField(sub, type, field);
      }
    } else if (type.interfaceObject) this.needInterfaceObject(sub, type, placed);
    else this.needAbstract(sub, type, placed);
  }

  needEntity(sub, entity) {
    if (sub.types.get(entity.name).keys.length) return;
    const known = this.subs.filter((s) => s !== sub).flatMap((s) => s.types.get(entity.name)?.keys.filter((k) => k.resolvable) ?? []);
    const key = known.length ? this.c.pick(known).fields : entity.keys[0];
    this.placeKey(sub, entity, key, !this.odd(0.4));
  }

  needInterfaceObject(sub, type, placed) {
    if (sub === type.full) throw new Error('placed when it was made');
    for (const member of type.members) this.forbid(sub, member);
    placed.interfaceObject = true;
    placed.keys.push({ fields: 'id', resolvable: true });
    this.placeField(sub, type, type.fields.get('id'));
  }

  forbid(sub, name) {
    if (sub.types.has(name)) throw new Error(`${name} is in ${sub.name} already`);
    this.forbidden.add(`${sub.name} ${name}`);
  }

  needAbstract(sub, type, placed) {
    const allowed = type.members.filter((m) => !this.forbidden.has(`${sub.name} ${m}`));
    let members = allowed.filter((m) => sub.types.has(m) || this.c.maybe(0.5));
    if (!members.length) members = [this.c.pick(allowed)];
    placed.members = members;
    for (const field of type.fields.values()) if (!placed.fields.size || !this.odd(0.1)) placed.fields.set(field.name, { field, external: false });
    for (const name of members) {
      this.need(sub, name);
      const member = sub.types.get(name);
      if (type.kind !== 'interface') continue;
      member.interfaces.add(type.name);
      for (const field of placed.fields.keys()) this.placeField(sub, member.type, member.type.fields.get(field));
    }
    for (const { field } of placed.fields.values()) this.need(sub, field.named);
  }

  // ---- making ----

  build() {
    const c = this.c;
    const names = c.maybe(0.15) ? ['a-1', 'b.2', 'c3', 'd_4', 'e-5', 'f6'] : ['ash', 'bay', 'cedar', 'dogwood', 'elm', 'fir'];
    for (let i = 0, n = c.pick([2, 3, 3, 4, 4, 5, 5, 6]); i < n; i++) this.subs.push({ name: names[i], types: new Map() });
    this.model.enums.set('Hue', ['RED', 'GREEN', 'BLUE']);
    this.model.enums.set('Size', ['S', 'M', 'L', 'XL']);
    this.makeTypes();
    this.makeInterfaceObject();
    for (const entity of this.entities) this.makeHomes(entity);
    for (const entity of this.entities) this.makeFields(entity);
    this.makeRoots();
    if (this.interfaceObject) this.makeInterfaceObjectFields();
    for (const entity of this.entities) {
      if (c.maybe(0.75)) this.makeRequires(entity);
      if (this.odd(0.35)) this.makeRequires(entity);
      if (this.odd(0.5)) this.makeOverride(entity);
    }
    for (let i = 0; i < 2; i++) if (this.odd(0.6)) this.makeProvides();
    if (this.odd(0.4)) this.makeInaccessible();
    this.settle();
  }

  makeTypes() {
    const c = this.c;
    for (let i = 0, n = c.between(2, 5); i < n; i++) {
      const entity = this.type(`E${i + 1}`, 'entity');
      entity.ordinal = i;
      this.entities.push(entity);
    }
    for (const entity of this.entities) {
      entity.mate = c.pick(this.entities);
      KEYS.id(this, entity);
      entity.keys = c.some(Object.keys(KEYS).slice(1), 0.2);
      if (c.maybe(0.8) || !entity.keys.length) entity.keys.unshift('id');
    }
    for (let i = 0, n = c.between(1, 3); i < n; i++) {
      const value = this.type(`V${i + 1}`, 'value');
      for (let k = 0, m = c.between(2, 4); k < m; k++) this.leafField(value, `v${k + 1}`);
      this.values.push(value);
    }
    for (let i = 0, n = c.below(3); i < n; i++) this.makeInterface(`I${i + 1}`);
    for (let i = 0, n = c.below(3); i < n; i++) {
      const union = this.type(`U${i + 1}`, 'union');
      union.members = this.someTypes();
      this.abstracts.push(union);
    }
    for (const value of this.values) {
      if (c.maybe(0.4)) this.field(value, 'to', this.wrap(this.objectName(), 1), { throws: this.c.maybe(0.2) ? 0.2 : 0 });
    }
  }

  someTypes() {
    const some = this.c.some([...this.entities, ...this.values], 0.5).map((t) => t.name);
    return some.length ? some : [this.entities[0].name];
  }

  makeInterface(name) {
    const iface = this.type(name, 'interface');
    iface.members = this.someTypes();
    for (const field of ['label', 'weight'].slice(0, this.c.between(1, 2)).map((n) => `${n}${name}`)) {
      const type = this.c.maybe(0.3) && this.values.length ? this.wrap(this.c.pick(this.values).name, 1) : this.wrap(this.leafName());
      const made = this.field(iface, field, type, { args: this.c.maybe(0.3) ? this.args() : [] });
      for (const member of iface.members) this.field(this.model.types.get(member), field, type, { args: made.args, throws: this.c.maybe(0.2) ? 0.2 : 0, shared: true });
    }
    this.abstracts.push(iface);
  }

  // An interface with a key, all of whose implementations live in one subgraph, and what others add to all of them.
  makeInterfaceObject() {
    if (this.subs.length < 2 || !this.odd(0.35)) return;
    const members = this.c.some(this.entities, 0.5);
    if (!members.length || members.length === this.entities.length) return;
    const iface = this.type('M', 'interface');
    iface.members = members.map((m) => m.name);
    iface.interfaceObject = true;
    iface.full = this.c.pick(this.subs);
    this.interfaceObject = iface;
    this.used('interfaceObject');
    iface.guest = this.c.pick(this.subs.filter((s) => s !== iface.full));
    this.field(iface, 'id', 'ID!');
    const placed = this.place(iface.full, iface);
    placed.keys.push({ fields: 'id', resolvable: true });
    placed.members = iface.members;
    placed.fields.set('id', { field: iface.fields.get('id'), external: false });
    for (const member of members) {
      if (!member.keys.includes('id')) member.keys.unshift('id');
      this.forbid(iface.guest, member.name);
    }
    const tag = this.odd(0.7) ? this.field(iface, 'tag', this.wrap(this.leafName())) : null;
    if (tag) placed.fields.set('tag', { field: tag, external: false });
    for (const member of members) {
      this.placeKey(iface.full, member, 'id');
      iface.full.types.get(member.name).interfaces.add('M');
      if (tag) this.placeField(iface.full, member, this.field(member, 'tag', tag.type, { shared: true }));
    }
    this.need(iface.guest, 'M');
  }

  makeInterfaceObjectFields() {
    const iface = this.interfaceObject;
    for (const sub of this.subs) {
      const placed = sub.types.get('M');
      if (!placed?.interfaceObject) continue;
      for (let i = 0, n = this.c.between(1, 2); i < n; i++) {
        const name = `extra${sub.name.replace(/\W/g, '')}${i}`;
        const object = this.c.pick([...this.entities, ...this.values]).name;
        const nested = this.c.maybe(0.3) && this.fits(sub, object);
        const field = nested ? this.field(iface, name, this.wrap(object, 0.8)) : this.leafField(iface, name);
        for (const member of iface.members) this.model.types.get(member).fields.set(field.name, field);
        const about = {};
        if (!nested && iface.fields.has('tag') && this.c.maybe(0.4)) {
          field.requires = fieldSet('tag');
          about.requires = 'tag';
          if (!placed.fields.has('tag')) placed.fields.set('tag', { field: iface.fields.get('tag'), external: true });
          this.used('interfaceObjectRequires');
        }
        this.tryPlace(sub, iface, field, about);
      }
    }
  }

  allowed(name) {
    return this.subs.filter((s) => !this.forbidden.has(`${s.name} ${name}`));
  }

  makeHomes(entity) {
    const subs = this.allowed(entity.name);
    const many = Math.min(subs.length, this.c.pick([1, 2, 2, 2, 3, 3, 4]));
    entity.homes = subs.map((s) => [this.c.next(), s]).sort((a, b) => a[0] - b[0]).slice(0, many).map((p) => p[1]);
    if (entity.fields.has('id') && this.interfaceObject?.members.includes(entity.name) && !entity.homes.includes(this.interfaceObject.full)) {
      entity.homes[0] = this.interfaceObject.full;
    }
    entity.homes.forEach((sub, i) => {
      const keys = this.c.some(entity.keys, 0.6);
      if (i > 0 && !keys.length) keys.push(this.c.pick(entity.homes[i - 1].types.get(entity.name).keys).fields);
      if (!keys.length) keys.push(entity.keys[0]);
      for (const key of keys) this.placeKey(sub, entity, key, i === 0 || !this.odd(0.12));
    });
  }

  objectName() {
    const pool = [...this.entities, ...this.entities, ...this.values, ...this.abstracts, ...this.abstracts];
    if (this.interfaceObject) pool.push(this.interfaceObject);
    return this.c.pick(pool).name;
  }

  tryPlace(sub, type, field, about) {
    try {
      return this.placeField(sub, type, field, about);
    } catch {
      throw new Error('a forbidden type'); // half placed: this attempt is given up
    }
  }

  fits(sub, name) {
    const type = this.model.types.get(name);
    if (!type) return true;
    const names = new Set([name]);
    for (const one of names) {
      const t = this.model.types.get(one);
      if (this.forbidden.has(`${sub.name} ${one}`)) return false;
      if (t === this.interfaceObject && sub !== t.full && !sub.types.has('M')) return false;
      if (t.kind !== 'entity' && t !== this.interfaceObject) for (const f of t.fields.values()) if (this.model.types.has(f.named)) names.add(f.named);
      if (t.kind !== 'value' && t !== this.interfaceObject) for (const m of t.members) names.add(m);
      if (t.mate) names.add(t.mate.name);
    }
    return true;
  }

  makeFields(entity) {
    const c = this.c;
    for (let i = 0, n = c.between(3, 7); i < n; i++) {
      const sub = c.pick(entity.homes);
      let field;
      const name = `${entity.name.toLowerCase()}${'abcdefgh'[i]}`;
      const object = this.objectName();
      if (c.maybe(0.45) && this.fits(sub, object)) {
        field = this.field(entity, name, this.wrap(object, 0.8), { args: c.maybe(0.2) ? this.args() : [], throws: c.maybe(0.15) ? 0.2 : 0 });
      } else field = this.leafField(entity, name);
      this.tryPlace(sub, entity, field);
      for (const other of entity.homes) if (other !== sub && this.odd(0.15) && this.fits(other, field.named)) this.tryPlace(other, entity, field);
    }
  }

  makeRoots() {
    const c = this.c;
    const query = this.type('Query', 'root');
    const homesOf = (name) => this.subs.filter((s) => this.fits(s, name));
    for (const entity of this.entities) {
      const sub = c.pick(entity.homes);
      const list = this.field(query, `${entity.name.toLowerCase()}s`, `[${entity.name}${c.maybe(0.5) ? '!' : ''}]${c.maybe(0.5) ? '!' : ''}`);
      this.tryPlace(sub, query, list);
      const other = c.pick(entity.homes);
      const one = this.field(query, entity.name.toLowerCase(), entity.name, {
        args: [{ name: 'id', type: 'ID!', of: entity.name }],
        compute: (o, args) => (/^\d$/.test(args.id.slice(-1)) && args.id === `${entity.name}-${args.id.slice(-1)}` && Number(args.id.slice(-1)) < COUNT ? { type: entity.name, id: Number(args.id.slice(-1)) } : null),
      });
      this.tryPlace(other, query, one);
    }
    for (let i = 0, n = c.between(2, 5); i < n; i++) {
      const name = c.maybe(0.2) ? this.leafName() : this.objectName();
      const homes = homesOf(name);
      if (!homes.length) continue;
      const field = this.field(query, `q${i}`, this.wrap(name, 0.8), { args: this.args(), throws: c.maybe(0.2) ? 0.3 : 0 });
      this.tryPlace(c.pick(homes), query, field);
      if (this.odd(0.35)) this.tryPlace(c.pick(homes), query, field);
    }
    for (const sub of this.subs) if (!sub.types.has('Query') && c.maybe(0.3)) this.tryPlace(sub, query, this.leafField(query, `only${sub.name.replace(/\W/g, '')}`));
    if (c.maybe(0.5)) this.makeMutations();
  }

  makeMutations() {
    const mutation = this.type('Mutation', 'root');
    const receipt = this.type('Receipt', 'value');
    receipt.whole = true;
    this.field(receipt, 'seq', 'Int!', { compute: (o) => o.id });
    this.leafField(receipt, 'note');
    this.field(receipt, 'about', this.c.pick(this.entities).name);
    this.used('mutations');
    for (let i = 0, n = this.c.between(2, 4); i < n; i++) {
      const sub = this.c.pick(this.subs.filter((s) => this.fits(s, 'Receipt')));
      if (!sub) return;
      const field = this.field(mutation, `m${i}`, this.c.maybe(0.5) ? 'Receipt!' : 'Receipt', {
        args: [{ name: 'by', type: 'Int!' }],
        compute: (o, args, data) => ({ type: 'Receipt', id: ++data.serial }),
      });
      this.tryPlace(sub, mutation, field);
    }
    if (!mutation.fields.size) this.model.types.delete('Mutation');
  }

  // Nothing below may throw where the null would take the object with it: what is required must be there.
  calm(typeName, seen = new Set()) {
    this.calmed.add(typeName);
    const type = this.model.types.get(typeName);
    if (!type || seen.has(typeName)) return;
    seen.add(typeName);
    for (const member of type.members) this.calm(member, seen);
    for (const field of type.fields.values()) {
      if (field.type.includes('!')) {
        field.throws = 0;
        this.calm(field.named, seen);
      }
    }
  }

  makeRequires(entity) {
    const c = this.c;
    if (entity.homes.length < 2) return;
    const home = c.pick(entity.homes.filter((s) => s.types.get(entity.name).keys.some((k) => k.resolvable)));
    if (!home) return;
    const here = home.types.get(entity.name);
    const elsewhere = [...entity.fields.values()].filter((f) => !here.fields.has(f.name) && this.resolvedSomewhere(entity, f.name, home) && this.fits(home, f.named));
    const wanted = c.some(elsewhere, 0.6).slice(0, 3);
    const parts = [];
    for (const field of wanted) {
      const text = this.requirement(home, field);
      if (!text) continue;
      field.throws = 0;
      this.calm(field.named);
      this.tryPlace(home, entity, field, { external: true });
      parts.push(text);
    }
    if (!parts.length) return;
    const requires = parts.join(' ');
    const name = `r${entity.name}${[...entity.fields.keys()].filter((k) => k.startsWith('rE')).length}`;
    const field = this.leafField(entity, name);
    field.requires = fieldSet(requires);
    this.placeField(home, entity, field, { requires });
    this.used('requires');
    if (requires.includes('(')) this.used('requiresArguments');
    if (requires.includes('...')) this.used('requiresFragments');
    else if (requires.includes('{')) this.used('requiresNested');
  }

  resolvedSomewhere(entity, name, except) {
    return this.subs.some((s) => {
      const put = s !== except && s.types.get(entity.name)?.fields.get(name);
      return put && !put.external;
    });
  }

  // One field of a @requires selection, or '' when it cannot be written.
  requirement(home, field) {
    const args = field.args.filter((a) => a.type.endsWith('!') || this.c.maybe(0.6)).map((a) => `${a.name}: ${this.literal(a.type)}`);
    const head = field.name + (args.length ? `(${args.join(', ')})` : '');
    const type = this.model.types.get(field.named);
    if (!type) return head;
    const leaves = (t) => [...t.fields.values()].filter((f) => !this.model.types.has(f.named) && !f.args.length && !f.requires);
    if (type.kind === 'entity') {
      this.need(home, type.name);
      return `${head} { ${this.keyOf(home, type)} }`;
    }
    if (type.kind === 'value') {
      this.need(home, type.name);
      const some = this.c.some(leaves(type).filter((f) => home.types.get(type.name).fields.has(f.name)), 0.7);
      for (const f of some) f.throws = 0;
      return some.length ? `${head} { ${some.map((f) => f.name).join(' ')} }` : '';
    }
    if (type === this.interfaceObject || !this.odd(0.7)) return '';
    this.need(home, type.name);
    const parts = home.types.get(type.name).members.flatMap((m) => {
      const member = home.types.get(m);
      if (member.type.kind === 'entity') return [`... on ${m} { ${this.keyOf(home, member.type)} }`];
      const some = leaves(member.type).filter((f) => member.fields.has(f.name)).slice(0, 1);
      for (const f of some) f.throws = 0;
      return some.length ? [`... on ${m} { ${some[0].name} }`] : [];
    });
    for (const m of type.members) this.calm(m);
    return parts.length ? `${head} { ${parts.join(' ')} }` : '';
  }

  keyOf(home, entity) {
    return home.types.get(entity.name).keys[0].fields;
  }

  literal(type) {
    const name = bare(type);
    if (type.startsWith('[')) return `["x${this.c.below(9)}"]`;
    if (name === 'Int') return String(this.c.below(9));
    if (name === 'Boolean') return String(this.c.maybe(0.5));
    if (name === 'Filter') return `{ min: ${this.c.below(5)} }`;
    if (name === 'ID' || name === 'String') return `"${this.c.pick(['kg', 'EUR', 'x'])}"`;
    return this.c.pick(this.model.enums.get(name));
  }

  makeOverride(entity) {
    const movable = [];
    for (const from of entity.homes) {
      for (const [name, put] of from.types.get(entity.name).fields) {
        if (put.external || put.requires || put.field.compute || put.field.shared || put.field.requires) continue;
        const holders = this.subs.filter((s) => s.types.get(entity.name)?.fields.has(name));
        if (holders.length !== 1) continue; // neither shared nor required elsewhere
        for (const to of entity.homes) {
          if (to !== from && to.types.get(entity.name).keys.some((k) => k.resolvable) && this.fits(to, put.field.named)) movable.push({ from, to, put });
        }
      }
    }
    if (!movable.length) return;
    const { from, to, put } = this.c.pick(movable);
    const label = this.c.maybe(0.4) ? this.c.pick(['percent(0)', 'percent(100)', 'percent(100)', 'seldom']) : null;
    this.tryPlace(to, entity, put.field, { override: from.name, label });
    this.used(label ? 'overrideLabel' : 'override');
  }

  makeProvides() {
    const options = [];
    for (const sub of this.subs) {
      for (const placed of sub.types.values()) {
        for (const put of placed.fields.values()) {
          const entity = this.model.types.get(put.field.named);
          if (put.external || put.provides || put.override || entity?.kind !== 'entity' || placed.type.kind === 'interface' || put.field.shared) continue;
          const here = sub.types.get(entity.name);
          for (const field of entity.fields.values()) {
            if (here.fields.has(field.name) || this.model.types.has(field.named) || field.args.length || field.requires || field.owner !== entity.name) continue;
            const others = this.subs.filter((s) => s.types.get(entity.name)?.fields.has(field.name)).map((s) => s.types.get(entity.name).fields.get(field.name));
            if (others.some((o) => !o.external && !o.override) && !others.some((o) => o.override)) options.push({ sub, put, entity, field });
          }
        }
      }
    }
    if (!options.length) return;
    const { sub, put, entity, field } = this.c.pick(options);
    this.placeField(sub, entity, field, { external: true, provided: true });
    put.provides = field.name;
    this.used('provides');
  }

  makeInaccessible() {
    const entity = this.c.pick(this.entities);
    const fields = [...entity.fields.values()].filter((f) => !f.shared && f.owner === entity.name && (f.name !== 'id' || !this.interfaceObject));
    if (!fields.length) return;
    this.c.pick(fields).inaccessible = true;
    this.used('inaccessible');
  }

  // What a field that returns an abstract type may hold: what every subgraph that has it knows.
  settle() {
    for (const name of [...this.calmed]) this.calm(name); // fields came after
    if (this.odd(0.5)) this.mixNullability();
    for (const type of this.model.types.values()) {
      for (const field of type.fields.values()) {
        const named = this.model.types.get(field.named);
        if (!named || (named.kind !== 'interface' && named.kind !== 'union')) continue;
        let possible = named.members;
        for (const sub of this.subs) {
          const holders = field.owner === type.name ? [type.name] : [type.name, field.owner];
          if (!holders.some((h) => sub.types.get(h)?.fields.has(field.name))) continue;
          const placed = sub.types.get(named.name);
          if (!placed.interfaceObject) possible = possible.filter((m) => placed.members.includes(m));
        }
        if (!possible.length) throw new Error('nothing in common');
        field.possible = possible;
      }
    }
  }

  // A shared leaf that one subgraph says may be null: then so does the whole. It never is, nor does it throw: a subgraph
  // that must not answer null would take more with it than the whole does.
  mixNullability() {
    for (const sub of this.subs) {
      for (const placed of sub.types.values()) {
        for (const put of placed.fields.values()) {
          const { field } = put;
          const quiet = !field.throws && !field.compute && !field.shared && placed.type.kind !== 'interface' && placed.type.kind !== 'root';
          if (!quiet || put.external || this.model.types.has(field.named) || !field.type.endsWith('!') || !this.c.maybe(0.1)) continue;
          const others = this.subs.filter((s) => s !== sub && s.types.get(placed.type.name)?.fields.has(field.name));
          if (!others.length || others.some((s) => s.types.get(placed.type.name).fields.get(field.name).external)) continue;
          put.type = field.type.slice(0, -1);
          this.used('nullabilityMix');
        }
      }
    }
  }
}
