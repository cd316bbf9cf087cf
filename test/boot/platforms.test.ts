import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { cpio } from '../../initramfs/cpio.ts';
import type { Parts } from '../../platform/demo/parts.ts';
import { asVersion1 } from '../lib/version-1.ts';
import { boot, exampleManifest, failedChecks, parts, temporaryFile } from './support.ts';

let built: Parts;
before(async () => {
  built = await parts();
});

test('another platform boots, from a manifest of version 1: other sizes, domids and images, a PV and a PVH guest', async () => {
  const images = new Map(built.images);
  images.set('dom0.cpio.zst', await changedImage(built, 'dom0.cpio.zst'));
  const manifest = asVersion1(await exampleManifest('second'));
  for (const sign of [/^version: 1$/m, /on-failure:/, /boot-pcr:/]) assert.match(manifest, sign);
  const run = await boot('second', manifest, {
    parts: { ...built, images },
  });
  assert.deepEqual(failedChecks(run), []);
  assert.deepEqual(
    new Map(run.record.domains.map(({ domid, type }) => [domid, type])),
    new Map([
      [0x7fd0, 'pv'],
      [0, 'pv'],
      [11, 'pv'],
      [12, 'pvh'],
    ]),
  );
});

// xenstored takes its local clients for domain 0, which on a stock Xen is domB; `xl create` then has no rights in
// xenstore, and is not asked for. That is why the boot-domain series exists (docs/architecture.md).

test('without the boot option, Xen is stock and dom0 is a late hardware domain', async () => {
  const run = await boot('option-absent', await exampleManifest('late-hwdom'), {
    parts: built,
    hypervisorOptions: ['hardware_dom=5'],
    bootDomid: 0,
  });
  assert.deepEqual(failedChecks(run), []);
  assert.equal(run.record.bootDomid, 0);
  assert.equal(run.record.hardwareDomid, 5);
});

/** The image with one more file in it, as a new file: Linux unpacks archives one behind the other. */
async function changedImage({ images }: Parts, name: string): Promise<string> {
  const original = await readFile(images.get(name) ?? '');
  const extra = cpio([{ path: 'changed', type: 'file', mode: 0o444, data: Buffer.from('yes\n') }]);
  return temporaryFile(name, Buffer.concat([extra, original]));
}
