// SPDX-License-Identifier: Apache-2.0
//
// v8_stress.js: functions that are made anew all the time, so that they are young and move; each is
// called by one other only: f_17 by f_16, and so on out to f_0, which root() calls. Garbage is made
// all along. With "deoptimise" the functions get arguments of changing types, so that code that was
// compiled for others is thrown away. Runs until it is killed.
'use strict';
const DEPTH = 40;
const deoptimise = process.argv[2] === 'deoptimise';
const keep = [];
let seed = 1;

function random(n) {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return seed % n;
}

const values = [1, 1.5, 'text', { x: 1 }, { y: 1, x: 2 }, [1], null, 7n];
const odd = deoptimise ? () => values[random(values.length)] : () => 1;
const makers = [];
for (let i = 0; i < DEPTH; i++) {
  // Each maker returns a fresh closure whose name says its depth.
  makers.push(new Function('random', 'keep', 'makers', 'odd', `return function make_${i}(state) {
    return function f_${i}(depth, value) {
      const junk = [value];
      for (let k = 0; k < random(30); k++) junk.push({ k, s: 'x' + k, a: new Array(random(50)) });
      if (random(50) === 0) keep.push(junk);
      if (keep.length > 2000) keep.length = 0;
      if (depth && ${i} + 1 < makers.length) return makers[${i} + 1](junk)(depth - 1, odd()) + 1;
      let x = value == null || typeof value === 'bigint' ? 0 : value + (value.x || 0);
      for (let k = 0; k < random(3000); k++) x = (x * 31 + k) | 0;
      return x;
    };
  }`)(random, keep, makers, odd));
}

function root() {
  return makers[0](null)(random(DEPTH), odd());
}
for (;;) root();
