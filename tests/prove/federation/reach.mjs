// SPDX-License-Identifier: MIT
// Can an operation be answered at all? Composition refuses schemas of which a field cannot be reached, but npm's composer
// lets some through: a member of an interface without a key, of which another subgraph knows a field more; a value of
// which the subgraph knows less that takes the field over while an override's label is on. A router has to refuse what
// asks for such a field, so the prover has to know it by itself, and in no way that could excuse a planner: this says
// only that a field is out of reach where it surely is. It takes every subgraph to be entered that has any resolvable key
// of a type, whether or not its members are known, and every field to be answered by whoever names it, external or not.
import { getNamedType, isAbstractType, isObjectType, Kind, parse } from 'graphql';

class Walk {
  constructor(bench, document) {
    Object.assign(this, { bench, parts: bench.parts, api: bench.schema });
    this.fragments = new Map(document.definitions.filter((d) => d.kind === Kind.FRAGMENT_DEFINITION).map((d) => [d.name.value, d]));
  }

  // What the part knows the object type as: itself, or an interface of it that is an object there.
  known(part, type) {
    const names = [type.name, ...type.getInterfaces().map((i) => i.name).filter((name) => part.types.get(name)?.interfaceObject)];
    return names.filter((name) => part.types.has(name));
  }

  // Every subgraph in which an object that some of them hold may be found.
  reached(type, holding) {
    if (this.isRoot(type)) return this.parts;
    return this.parts.filter((part) => holding.has(part) || this.known(part, type).some((name) => part.types.get(name).keys.some((k) => k.resolvable)));
  }

  isRoot(type) {
    return [this.api.getQueryType(), this.api.getMutationType()].includes(type);
  }

  // The fields of a selection that an object of the type has.
  * fields(set, type) {
    for (const item of set.selections) {
      if (item.kind === Kind.FIELD) {
        if (!item.name.value.startsWith('__')) yield item;
        continue;
      }
      const fragment = item.kind === Kind.FRAGMENT_SPREAD ? this.fragments.get(item.name.value) : item;
      const on = fragment.typeCondition ? this.api.getType(fragment.typeCondition.name.value) : type;
      if (on === type || (isAbstractType(on) && this.api.isSubType(on, type))) yield* this.fields(fragment.selectionSet, type);
    }
  }

  // The object types that the field may answer in that part, as types of the whole; null: the part does not name it, or
  // another took it over.
  answers(part, type, field) {
    const own = this.known(part, type).map((name) => part.schema.getType(name).getFields()[field]).find(Boolean);
    if (!own || this.bench.isOverridden(`${part.name} ${type.name} ${field}`)) return null;
    const named = getNamedType(own.type), whole = this.api.getType(named.name);
    const some = isAbstractType(named) ? part.schema.getPossibleTypes(named).map((t) => this.api.getType(t.name))
      : whole && isAbstractType(whole) ? this.api.getPossibleTypes(whole) : [whole];
    return some.filter(isObjectType);
  }

  // "Type.field" of one that cannot be reached, or null.
  lost(set, type, holding) {
    const reached = this.reached(type, holding);
    for (const item of this.fields(set, type)) {
      const told = reached.map((part) => [part, this.answers(part, type, item.name.value)]).filter(([, types]) => types);
      if (!told.length) return `${type.name}.${item.name.value}`;
      if (!item.selectionSet) continue;
      for (const below of new Set(told.flatMap(([, types]) => types))) {
        const lost = this.lost(item.selectionSet, below, new Set(told.filter(([, types]) => types.includes(below)).map(([part]) => part)));
        if (lost) return lost;
      }
    }
    return null;
  }
}

// "Type.field" that the operation asks for and that no subgraph can be asked for, or null.
export function outOfReach(bench, query) {
  const document = parse(query, { noLocation: true });
  const operation = document.definitions.find((d) => d.kind === Kind.OPERATION_DEFINITION);
  const root = operation.operation === 'mutation' ? bench.schema.getMutationType() : bench.schema.getQueryType();
  return new Walk(bench, document).lost(operation.selectionSet, root, new Set());
}
