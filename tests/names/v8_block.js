// SPDX-License-Identifier: Apache-2.0
//
// v8_block.js FIFO: each function of `cases` blocks the loop once for some hundred milliseconds, in
// a timer's callback. The comments say which functions the samples may find there as the innermost
// of this file, in the line that they stand in: "// CASE" stands for the case's own.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const zlib = require('zlib');
const { spawn } = require('child_process');

const HOLD_MS = 900;
const fifo = process.argv[2];
const big = JSON.stringify(Array.from({ length: 200000 },
  (_, i) => ({ id: i, name: 'n' + i, list: [i, i + 1] })));
const text = Buffer.alloc(4e6, 'abcdefgh0123');
const numbers = Array.from({ length: 100000 }, (_, i) => (i * 7919) % 100003);
let until = 0;

function countPrimes(limit) {
  let found = 0;
  for (let n = 2; n < limit; n++) { // countPrimes
    let prime = true; // countPrimes
    for (let d = 2; d * d <= n; d++) { // countPrimes
      if (n % d === 0) { // countPrimes
        prime = false; // countPrimes
        break; // countPrimes
      }
    }
    if (prime) found++; // countPrimes
  }
  return found; // countPrimes
}

function spin(n) {
  let x = 0;
  for (let i = 0; i < n; i++) x = (x * 31 + i) | 0; // spin
  return x; // spin
}

function renderPage() {
  while (Date.now() < until) countPrimes(50000); // CASE
}

class Report {
  parseBody() {
    while (Date.now() < until) JSON.parse(big); // CASE
  }

  match() {
    while (Date.now() < until) /^(a+)+$/.test('aaaaaaaaaaaaaaaaaaaaaaaa!'); // CASE
  }

  hash() {
    while (Date.now() < until) crypto.pbkdf2Sync('p', 's', 20000, 32, 'sha512'); // CASE
  }

  zip() {
    while (Date.now() < until) zlib.gzipSync(text); // CASE
  }

  readConfig() {
    return fs.readFileSync(fifo, 'utf8'); // CASE
  }

  spinning() {
    while (Date.now() < until) spin(3e6); // CASE
  }

  sorting() {
    while (Date.now() < until) numbers.slice().sort((x, y) => x - y); // CASE sorting.<anonymous>
  }

  allocate() {
    const keep = []; // CASE
    while (Date.now() < until) { // CASE
      keep.push({ s: 'x' + keep.length, list: [until] }); // CASE
      if (keep.length > 200000) keep.length = 0; // CASE
    }
  }
}

const report = new Report();
const names = ['parseBody', 'match', 'hash', 'zip', 'readConfig',
  'spinning', 'sorting', 'allocate'];
const cases = names.map(
  (name) => () => report[name]()); // no case of its own
const waits = cases[4];
cases.unshift(() => renderPage());

function next() {
  const run = cases.shift();
  if (!run) return;
  const late = 'sleep 0.9; echo text > "$0"';
  if (run === waits) spawn('sh', ['-c', late, fifo], { stdio: 'ignore' }).unref();
  until = Date.now() + HOLD_MS;
  run();
  setTimeout(next, 20);
}
setTimeout(next, 50);
