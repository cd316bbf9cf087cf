import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { StructView } from '../../../bindings/ffi/struct.ts';
import {
  generateLayout,
  installedXenVersion,
  layoutFile,
} from '../../../xen-releases/generate-layout.ts';
import { LAYOUT_SPEC } from '../../../xen-releases/layout-spec.ts';
import { ownRelease } from '../../../xen-releases/releases.ts';

const { layout } = ownRelease;

test('the committed layout is what the installed headers give', () => {
  const version = installedXenVersion();
  const committed = JSON.parse(readFileSync(layoutFile(version), 'utf8'));
  assert.deepEqual(committed, JSON.parse(generateLayout(LAYOUT_SPEC)));
});

test('a field that the headers do not have stops the generator', () => {
  const spec = {
    ...LAYOUT_SPEC,
    structs: { e820entry: { type: 'struct e820entry', fields: ['no_such_field'] } },
  };
  assert.throws(() => generateLayout(spec), { status: 1 });
});

test('fields are read and written where C has them', () => {
  const struct = new StructView(layout, 'xen_domctl_createdomain');
  struct.set('ssidref', 0x01020304).set('max_grant_frames', -1).set('arch.misc_flags', 7);
  struct.block('handle').fill(0xaa);
  assert.equal(struct.bytes.length, 64);
  assert.deepEqual(struct.bytes.subarray(0, 4), Buffer.of(4, 3, 2, 1));
  assert.deepEqual(struct.bytes.subarray(4, 20), Buffer.alloc(16, 0xaa));
  assert.deepEqual(struct.bytes.subarray(36, 40), Buffer.of(0xff, 0xff, 0xff, 0xff));
  assert.equal(struct.get('max_grant_frames'), -1n);
  assert.equal(struct.number('arch.misc_flags'), 7);
  assert.equal(struct.bytes.readUInt32LE(60), 7);
});

test('a value that does not fit its field is refused by name', () => {
  const struct = new StructView(layout, 'xc_dom_image');
  assert.throws(() => struct.set('max_vcpus', 2n ** 32n), {
    name: 'RangeError',
    message: 'xc_dom_image.max_vcpus has 32 bits, too few for 4294967296',
  });
  assert.throws(() => struct.set('max_vcpus', -1), /xc_dom_image\.max_vcpus/);
  assert.throws(() => struct.set('max_vcpus', 1.5), /xc_dom_image\.max_vcpus/);
  struct.set('pv_p2m', 2n ** 64n - 1n);
  assert.equal(struct.get('pv_p2m'), 2n ** 64n - 1n);
  assert.throws(() => struct.number('pv_p2m'), /xc_dom_image\.pv_p2m is too large/);
});

test('a block of bytes is no integer, and a short buffer no struct', () => {
  const info = new StructView(layout, 'xc_domaininfo');
  assert.throws(() => info.get('handle'), TypeError);
  assert.throws(() => new StructView(layout, 'xc_domaininfo', Buffer.alloc(100)), RangeError);
});
