import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DER, oidOf, onlyElement, partsOf } from '../../../measurement/evidence/x509/der.ts';
import {
  bitString,
  element,
  octetString,
  oid,
  sequence,
  setOfOne,
  time,
  unsigned,
} from '../../../measurement/evidence/x509/encode-der.ts';

test('lengths are as short as can be, and what is written is read', () => {
  for (const [length, head] of [
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ] as const) {
    const written = octetString(Buffer.alloc(length, 7));
    assert.equal(written.subarray(0, head.length / 2).toString('hex'), head);
    assert.equal(onlyElement(written).content.length, length);
  }
});

test('object identifiers with numbers of any size', () => {
  // X.690, 8.19.5; X.667, 7.
  assert.equal(oid('2.999.3').toString('hex'), '0603883703');
  for (const dotted of ['1.2.840.10045.4.3.2', '2.5.29.19', `2.25.${2n ** 128n - 1n}`, '0.9.0']) {
    assert.equal(oidOf(onlyElement(oid(dotted))), dotted);
  }
});

test('whole numbers have no needless zeros, and are never negative', () => {
  const hex = (...bytes: number[]) => unsigned(Buffer.from(bytes)).toString('hex');
  assert.equal(hex(0), '020100');
  assert.equal(hex(0, 0, 1), '020101');
  assert.equal(hex(0x80), '02020080');
  assert.equal(hex(0x7f, 0xff), '02027fff');
});

test('the further types', () => {
  assert.equal(bitString(Buffer.from([4]), 2).toString('hex'), '03020204');
  assert.equal(time('200101000000Z')[0], 0x17);
  assert.equal(time('99991231235959Z')[0], 0x18);
  assert.equal(element(0xa0, unsigned(Buffer.from([2]))).toString('hex'), 'a003020102');
  const parts = partsOf(onlyElement(sequence(setOfOne(oid('1.2')), oid('1.3'))), DER.sequence);
  assert.deepEqual(
    parts.map(({ tag }) => tag),
    [DER.set, DER.oid],
  );
});
