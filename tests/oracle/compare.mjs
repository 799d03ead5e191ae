// Compares our ML-KEM-768 (the program mlkem_oracle) with @noble/post-quantum,
// octet for octet: key pairs, both directions of encapsulation, ciphertexts
// changed in one bit, and keys that must be refused.
//
// Usage: node compare.mjs MLKEM_ORACLE CASES [SEED]
// The inputs follow from SEED, which is printed when anything differs.

import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { ml_kem768 as theirs } from '@noble/post-quantum/ml-kem.js';

const [program, count, seed = randomBytes(16).toString('hex')] = process.argv.slice(2);
const n = Number(count);

const hex = (octets) => Buffer.from(octets).toString('hex');

function fail(what) {
  console.error(`oracle: ${what} (seed ${seed})`);
  process.exit(1);
}

// All requests of one round go to one process: [['encaps', ek, m], ...] to
// [[ct, ss], ...], everything in hex.
function ask(requests) {
  const input = requests.map((r) => r.join(' ') + '\n').join('');
  const done = spawnSync(program, { input, maxBuffer: 1 << 28, timeout: 60000 });
  if (done.status !== 0) fail(`mlkem_oracle: ${done.error ?? done.stderr}`);
  const lines = done.stdout.toString().trimEnd().split('\n');
  if (lines.length !== requests.length) fail('mlkem_oracle left requests unanswered');
  return lines.map((line) => line.split(' '));
}

function expect(what, i, ours, want) {
  if (ours !== want) fail(`${what} differs in case ${i}:\nours   ${ours}\ntheirs ${want}`);
}

// 128 random octets a case: d, z, m, and what to change where.
function inputs(i) {
  const stream = createHash('shake256', { outputLength: 128 }).update(`${seed} ${i}`).digest();
  const at = (from) => stream.subarray(from, from + 32);
  return { d: at(0), z: at(32), m: at(64), change: stream.readUInt32LE(96) };
}

function flipBit(octets, bit) {
  const copy = Uint8Array.from(octets);
  copy[(bit >>> 3) % copy.length] ^= 1 << (bit & 7);
  return copy;
}

// Coefficient number i of the key becomes 3329 or more.
function unreduce(ek, change) {
  const copy = Uint8Array.from(ek);
  const at = 3 * (change % 384);
  const value = 3329 + ((change >>> 9) % 767);
  copy[at] = value & 255;
  copy[at + 1] = (copy[at + 1] & 0xf0) | (value >> 8);
  return copy;
}

function throws(f) {
  try {
    f();
  } catch {
    return true;
  }
  return false;
}

const cases = Array.from({ length: n }, (_, i) => inputs(i));
const keys = ask(cases.map((c) => ['keypair', hex(c.d), hex(c.z)]));
cases.forEach((c, i) => {
  c.keys = theirs.keygen(Buffer.concat([c.d, c.z]));
  expect('ek', i, keys[i][0], hex(c.keys.publicKey));
  expect('dk', i, keys[i][1], hex(c.keys.secretKey));
});

// We encapsulate to their key; they recover our secret.
const sealed = ask(cases.map((c) => ['encaps', hex(c.keys.publicKey), hex(c.m)]));
cases.forEach((c, i) => {
  const want = theirs.encapsulate(c.keys.publicKey, c.m);
  c.ct = want.cipherText;
  expect('ct', i, sealed[i][0], hex(c.ct));
  expect('ss of encaps', i, sealed[i][1], hex(want.sharedSecret));
  const opened = theirs.decapsulate(Buffer.from(sealed[i][0], 'hex'), c.keys.secretKey);
  expect('ss they recover', i, sealed[i][1], hex(opened));
});

// They encapsulated to our key; we recover their secret.
const opened = ask(cases.map((c, i) => ['decaps', hex(c.ct), keys[i][1]]));
cases.forEach((c, i) => expect('ss we recover', i, opened[i][0], sealed[i][1]));

// A changed ciphertext gives both the same secret, which is another one.
cases.forEach((c) => (c.changed = flipBit(c.ct, c.change)));
const rejected = ask(cases.map((c) => ['decaps', hex(c.changed), hex(c.keys.secretKey)]));
cases.forEach((c, i) => {
  expect('ss of a changed ct', i, rejected[i][0], hex(theirs.decapsulate(c.changed, c.keys.secretKey)));
  if (rejected[i][0] === sealed[i][1]) fail(`a changed ct was accepted in case ${i}`);
});

// A key with a coefficient of q or more is refused by both.
cases.forEach((c) => (c.bad = unreduce(c.keys.publicKey, c.change)));
const refused = ask(cases.map((c) => ['encaps', hex(c.bad), hex(c.m)]));
cases.forEach((c, i) => {
  expect('the answer to a bad key', i, refused[i].join(' '), 'refused');
  if (!throws(() => theirs.encapsulate(c.bad, c.m))) fail(`they took the bad key of case ${i}`);
});

console.log(`oracle: ${n} cases equal`);
