// SPDX-License-Identifier: MIT
// Chance that can be repeated: every document is made from (seed, number) alone.
export class Chance {
  constructor(...seeds) {
    this.state = 0x9e3779b9;
    for (const seed of seeds) {
      this.state = Math.imul(this.state ^ (seed >>> 0), 0x85ebca6b) >>> 0;
      this.next();
    }
  }
  // mulberry32
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  below(n) {
    return Math.floor(this.next() * n);
  }
  between(low, high) {
    return low + this.below(high - low + 1);
  }
  maybe(p) {
    return this.next() < p;
  }
  pick(items) {
    return items[this.below(items.length)];
  }
  some(items, p) {
    return items.filter(() => this.maybe(p));
  }
}
