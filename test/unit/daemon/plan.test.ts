import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadManifest } from '../../../boot-configs/manifest.ts';
import { plan } from '../../../daemon/boot.ts';
import { nameOf } from '../../../daemon/operations.ts';

const demo = join(import.meta.dirname, '../../../boot-configs/demo.yaml');
const bytes = await readFile(demo);

const parts = { policy: true, signed: true };
const loaded = () => loadManifest(bytes, demo);

test('the plan of a manifest, by name and in order', () => {
  const names = plan(loaded(), parts).map(({ name, operations }) => [
    name,
    ...operations.map(nameOf),
  ]);
  assert.deepEqual(names, [
    ['bring up', 'mount filesystems', 'load modules'],
    ['open', 'open tpm', 'open log', 'open hypervisor', 'require flask'],
    [
      'read',
      'measure daemon',
      'measure policy',
      'load policy',
      'measure signature key',
      'measure manifest',
      'verify signature',
      'read manifest',
    ],
    ['check', 'check memory', 'check vtpm', 'check dom0'],
    [
      'measure',
      'measure configuration',
      'measure vtpm',
      'measure vtpm kernel',
      'measure vtpm ramdisk',
      'measure vtpm cmdline',
      'measure dom0',
      'measure dom0 kernel',
      'measure dom0 ramdisk',
      'measure dom0 cmdline',
    ],
    ['identify', 'identify vtpm', 'identify dom0', 'make key'],
    ['create', 'create vtpm', 'create dom0'],
    ['build', 'build vtpm', 'build dom0'],
    ['seal', 'cap pcr', 'quote pcrs'],
    ['hand over', 'hand over to dom0', 'release tpm'],
    ['start', 'start vtpm', 'start dom0'],
    ['leave', 'leave'],
  ]);
});

test('equal manifests give equal plans, and every operation of a plan has its own name', () => {
  assert.deepEqual(plan(loaded(), parts), plan(loaded(), parts));
  const names = plan(loaded(), parts).flatMap((phase) => phase.operations.map(nameOf));
  assert.equal(new Set(names).size, names.length);
});

test('without a policy and a key in the boot image, their steps are not there', () => {
  const bare = plan(loaded(), { policy: false, signed: false });
  const names = bare.flatMap((phase) => phase.operations.map(nameOf));
  assert.deepEqual(
    names.filter((name) => /policy|signature/.test(name)),
    [],
  );
});
