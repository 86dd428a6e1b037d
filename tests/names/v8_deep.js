// SPDX-License-Identifier: Apache-2.0
//
// v8_deep.js ROUNDS [spin]: known stacks. Each stop() writes the stack that node itself tells, and
// waits for a byte before it goes on; with "spin" it computes for a while before: the test takes a
// sample meanwhile. ROUNDS: how often each case runs before, so that it is
// compiled (300: baseline, 5000: Maglev, 40000: TurboFan, with functions inlined into others).
'use strict';
const fs = require('fs');
Error.stackTraceLimit = 60;
const one = Buffer.alloc(1);

const spin = process.argv[3] === 'spin';

function tell(stack) {
  fs.writeSync(1, JSON.stringify(stack) + '\n');
}
function stop() {
  tell(new Error('T').stack); if (spin) busy(); fs.readSync(0, one, 0, 1); // one line
}
function busy() {
  for (const end = Date.now() + 200; Date.now() < end;);
}
function leaf(n, b) {
  let x = n;
  x = (x * 31 + 7) | 0;
  if (b) stop();
  return x ^ 5;
}
function mid(n, b) {
  const a = n + 1;

  return leaf(a, b) + 1;
}
function other(n) {
  return (n * 7) | 0;
}
function work(n, b) {
  let s = 0;
  for (let i = 0; i < 10; i++) {
    s += other(i);
    s += mid(i + n, b && i === 5);
    s ^= other(s);
  }
  return s;
}
class Base {
  constructor(n, b) {
    this.made = work(n, b);
  }
}
class Kiosk extends Base {
  #secret = 3;
  constructor(n, b) {
    super(n, b);
  }
  run(n, b) {
    return [n].map((x) => work(x, b))[0] + this.#secret;
  }
  get value() {
    return work(this.n, this.b);
  }
  static build(n, b) {
    const kiosk = new Kiosk(n, false);
    kiosk.n = n;
    kiosk.b = b;
    return kiosk.value + kiosk.run(n, false);
  }
}
function* generate(n, b) {
  yield work(n, false);
  yield work(n, b);
}
async function later(n, b) {
  await null;
  return work(n, b);
}
const sorted = (n, b) => [3, 1, 2].sort((p, q) => (work(n, b && p === 1), p - q));
const text = (n, b) => 'abc'.replace(/b/, function replacer() { return String(work(n, b)); });
const json = (n, b) => JSON.stringify({ toJSON() { return work(n, b); } });
const proxy = (n, b) => new Proxy({}, { get() { return work(n, b); } }).thing;
function thrown(n, b) {
  try {
    throw n;
  } catch (error) {
    return work(error, b);
  } finally {
    other(n);
  }
}
const cases = {
  run: (n, b) => new Kiosk(n, false).run(n, b),
  constructed: (n, b) => new Kiosk(n, b).made,
  reflected: (n, b) => Reflect.construct(Kiosk, [n, b]).made,
  getter: (n, b) => Kiosk.build(n, b),
  bound: (n, b) => Kiosk.build.bind(null, n)(b),
  applied: (n, b) => work.apply(null, [n, b]),
  spread: (n, b) => work(...[n, b]),
  generator: (n, b) => [...generate(n, b)].length,
  reduced: (n, b) => [1, 2].reduce((sum, x) => sum + work(x, b && x === 2), 0),
  sorted,
  text,
  json,
  proxy,
  thrown,
  evald: eval('(function inEval(n, b) {\n return work(n, b); })'),
  made: new Function('work', 'return function inMade(n, b) {\n\n return work(n, b); }')(work),
  'naïve π': function (n, b) { return work(n, b); },
};

async function main() {
  const rounds = Number(process.argv[2]);
  for (const [name, run] of Object.entries(cases)) {
    for (let i = 0; i < rounds; i++) run(i, false);
    run(1, true);
    if (name === 'run') await later(2, true);
  }
}
main();
