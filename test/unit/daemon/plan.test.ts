import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadManifest } from '../../../boot-configs/load.ts';
import { plan } from '../../../daemon/plan/boot.ts';
import { nameOf } from '../../../daemon/plan/operations.ts';
import { type Remains, recover } from '../../../daemon/plan/recover.ts';

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
    ['check', 'check hypervisor', 'check memory', 'check vtpm', 'check dom0'],
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
    ['identify', 'identify hypervisor', 'identify vtpm', 'identify dom0', 'make key'],
    ['create', 'note hardware', 'create vtpm', 'create dom0'],
    ['build', 'build vtpm', 'build dom0'],
    ['read back', 'list domains', 'read back vtpm', 'read back dom0', 'read back own'],
    ['seal', 'quote before caps', 'cap pcr', 'quote pcrs'],
    ['hand over', 'hand over to dom0', 'release tpm'],
    ['start', 'label vtpm', 'label dom0', 'look again', 'start vtpm', 'start dom0'],
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

const recovery = await readFile(join(import.meta.dirname, '../../../boot-configs/recovery.yaml'));
const recoverable = () => loadManifest(recovery, 'recovery.yaml');

test('a recovery domain is measured before all others, and made in no plan of a good boot', () => {
  const phases = plan(recoverable(), parts);
  const arm = phases.find(({ name }) => name === 'arm');
  assert.deepEqual(arm?.operations.map(nameOf), [
    'set watchdog',
    'check rescue',
    'measure rescue',
    'measure rescue kernel',
    'measure rescue ramdisk',
    'measure rescue cmdline',
    'arm rescue',
  ]);
  const names = phases.flatMap(({ operations }) => operations.map(nameOf));
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.indexOf('arm rescue') < names.indexOf('check memory'));
  assert.ok(!names.includes('create rescue') && !names.includes('identify rescue'));
});

test('the hardware domain is built last, so that recovery can take its place until then', () => {
  const build = plan(recoverable(), parts).find(({ name }) => name === 'build');
  assert.deepEqual(build?.operations.map(nameOf), ['build vtpm', 'build bench', 'build dom0']);
});

test('recovery, in order: the failure is in the PCR before the domain is made', () => {
  const manifest = recoverable();
  const told = (remains: Remains) =>
    recover(manifest, remains).map(({ name, operations }) => [name, ...operations.map(nameOf)]);
  const { domains } = manifest;
  assert.deepEqual(told({ domains: [], place: 'free', keyMade: false }), [
    ['clear away', 'set watchdog'],
    [
      'seal the failure',
      'identify rescue',
      'make key',
      'note failure',
      'quote before caps',
      'record failure',
      'quote pcrs',
    ],
    [
      'recover',
      'create rescue',
      'build rescue',
      'hand over to rescue',
      'release tpm',
      'label rescue',
      'start rescue',
    ],
    ['leave', 'stop watchdog', 'leave'],
  ]);
  const late = told({ domains: domains.slice(0, 1), place: 'empty', keyMade: true });
  assert.deepEqual(late.slice(0, 3), [
    ['clear away', 'set watchdog', 'destroy vtpm'],
    [
      'seal the failure',
      'identify rescue',
      'note failure',
      'quote before caps',
      'record failure',
      'quote pcrs',
    ],
    [
      'recover',
      'reuse rescue',
      'build rescue',
      'hand over to rescue',
      'release tpm',
      'label rescue',
      'start rescue',
    ],
  ]);
  assert.throws(() => recover(loaded(), { domains: [], place: 'free', keyMade: true }));
});
