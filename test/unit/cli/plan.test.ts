import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { plan } from '../../../daemon/plan/boot.ts';
import { nameOf } from '../../../daemon/plan/operations.ts';
import { domb, file } from '../../lib/domb.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../boot-configs/elf-builder.ts';

const demo = file('boot-configs/demo.yaml');

test('the plan names what the boot will run, in its order, with what the boot image holds', async () => {
  const signed = join(directory, 'signed.yaml');
  const [key, publicKey] = [join(directory, 'key.pem'), join(directory, 'public.pem')];
  copyFileSync(demo, signed);
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args);
  openssl('genpkey', '-algorithm', 'ed25519', '-out', key);
  openssl('pkey', '-in', key, '-pubout', '-out', publicKey);
  openssl('pkeyutl', '-sign', '-rawin', '-inkey', key, '-in', signed, '-out', `${signed}.sig`);
  for (const [options, parts] of [
    [[], { policy: true, signed: false }],
    [['--no-policy'], { policy: false, signed: false }],
    [['--key', publicKey], { policy: true, signed: true }],
  ] as const) {
    const { status, out, error } = await domb(['plan', '--json', signed, ...options]);
    assert.equal(status, 0, error);
    const { manifest, phases } = JSON.parse(out);
    assert.deepEqual(
      phases.map((phase: { name: string; operations: { name: string }[] }) => [
        phase.name,
        phase.operations.map((operation) => operation.name),
      ]),
      plan(manifest, parts).map((phase) => [phase.name, phase.operations.map(nameOf)]),
    );
  }
});

test('as with predict our policy is in the boot image when nothing else is said', async () => {
  const { out } = await domb(['plan', demo]);
  assert.match(
    out,
    /^ 3\. read\n {4}measure daemon\n {4}measure policy\n {4}load policy\n {4}measure manifest$/m,
  );
  const without = await domb(['plan', demo, '--no-policy']);
  assert.equal(without.out, out.replace('    measure policy\n    load policy\n', ''));
  const both = await domb(['plan', demo, '--no-policy', '--policy', demo]);
  assert.equal(both.status, 2);
  assert.match(both.error, /exclude each other/);
  const unsigned = await domb(['plan', demo, '--key', demo]);
  assert.equal(unsigned.status, 1);
  assert.match(unsigned.error, /there is no signature/);
  const none = await domb(['plan', demo, '--policy', demo]);
  assert.match(none.error, /this is not a compiled policy/);
});

test('scripts are in the plan where they run, with size and digest where they are measured', async () => {
  const images = file('boot-configs/scripts');
  const { out } = await domb(['plan', file('boot-configs/permissions.yaml')]);
  assert.match(out, /4\. scripts\n {4}measure script machine +file machine\.ts\n/);
  assert.match(out, /before planning\n {4}run script machine +file machine\.ts, at most 30 s/);
  assert.match(out, /after create\n {4}run script inventory/);
  assert.match(
    out,
    /build dom0.*\n *\d+\. before start\n {4}run script spare +.*at most 10 s\n *\d+\. read back/,
  );
  assert.match(out, /start spare\n *\d+\. after start\n {4}run script alive/);
  const digest = createHash('sha256')
    .update(readFileSync(join(images, 'alive.ts')))
    .digest('hex');
  writeFileSync(join(directory, 'vmlinux'), elf({ notes: pvNotes }));
  for (const name of ['dom0.cpio.zst', 'guest.cpio.zst']) {
    writeFileSync(join(directory, name), ramdiskWith(name));
  }
  for (const name of readdirSync(images)) copyFileSync(join(images, name), join(directory, name));
  const known = await domb(['plan', '--images', directory, file('boot-configs/permissions.yaml')]);
  assert.match(known.out, new RegExp(`alive\\.ts, bytes \\d+, sha256 ${digest}`));
});

test('the text shows domids, labels and memory of what is created', async () => {
  const { out } = await domb(['plan', file('boot-configs/second.yaml')]);
  assert.match(out, /^4 domains with 1312MiB, measured into PCR 12; on failure: reboot\n/);
  assert.match(
    out,
    /create vtpm +domid 32720 \(0x7FD0\), type pv, memory 160MiB, vcpus 1, seclabel \S+vtpm_t, uuid fresh/,
  );
  assert.match(out, /create guest-pv +domid 11, .*, uuid 5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b11/);
  assert.match(out, /cap pcr +pcr 12/);
});

test('the text shows what a domain sees of the processor', async () => {
  const { out } = await domb(['plan', file('boot-configs/processors.yaml')]);
  assert.match(out, /create careful +.*, vcpus 1, cpuid cx16=0,sse3=0, msr_relaxed true, seclabel/);
  assert.match(
    out,
    /create growing +.*, vcpus 1, maxvcpus 3, cpuid sse3=0, nestedhvm true, seclabel/,
  );
  assert.match(out, /create pc +.*, type hvm, /);
});

for (const name of readdirSync(file('boot-configs')).filter((each) => each.endsWith('.yaml'))) {
  test(`${name} has a plan that measures, creates and builds each domain once, and starts it or not`, async () => {
    const { status, out } = await domb(['plan', '--json', file(`boot-configs/${name}`)]);
    assert.equal(status, 0);
    const { manifest, phases } = JSON.parse(out);
    const operations = phases.flatMap((phase: { operations: unknown[] }) => phase.operations);
    const { recovery } = manifest;
    const domains: { name: string; autostart: boolean }[] = manifest.domains;
    const names = domains.map(({ name }) => name);
    const done = (kind: string): string[] =>
      operations
        .filter((operation: { do: string }) => operation.do === kind)
        .map(({ domain }: { domain: string }) => domain);
    assert.deepEqual(done('measure-domain'), [...(recovery ? [recovery.name] : []), ...names]);
    // The hardware domain takes what the others leave, so it is created last.
    assert.deepEqual(done('create-domain').toSorted(), names.toSorted());
    assert.equal(done('create-domain').at(-1), 'dom0');
    // As long as it is empty, the recovery domain can take its place.
    assert.deepEqual(done('build-domain'), done('create-domain'));
    // Also those that stay paused.
    assert.deepEqual(done('label-domain'), names);
    assert.deepEqual(
      done('start-domain'),
      domains.flatMap(({ name, autostart }) => (autostart ? [name] : [])),
    );
  });
}

test('what happens on failure only is shown apart', async () => {
  const { out } = await domb(['plan', file('boot-configs/recovery.yaml')]);
  assert.match(out, /^3 domains with 1280MiB, .*; on failure: recovery\n/);
  const [normal = '', failed = ''] = out.split(
    '\nonly on failure, when what was made is destroyed: ',
  );
  assert.match(normal, /measure rescue ramdisk +file dom0\.cpio\.zst/);
  assert.match(normal, /arm rescue/);
  assert.doesNotMatch(normal, /(create|build|start) rescue/);
  assert.match(failed, /^recovery in rescue\n/);
  assert.match(failed, /create rescue +domid 0, type pv, memory 640MiB/);
  assert.match(failed, /record failure\n[\s\S]*start rescue/);

  const one = (await readFile(file('boot-configs/recovery.yaml'), 'utf8'))
    .replace('on_failure: recovery', 'on_failure: halt')
    .replace('on_failure: reboot', 'on_failure: recovery');
  const some = await domb(['plan', '-'], { stdin: one });
  assert.match(some.out, /\nonly on failure of bench, when/);
  const { out: without } = await domb(['plan', demo]);
  assert.doesNotMatch(without, /only on failure/);
  const { recovery } = JSON.parse((await domb(['plan', '--json', demo])).out);
  assert.equal(recovery, undefined);
});

const directory = mkdtempSync(join(tmpdir(), 'domb-plan-'));
after(() => rmSync(directory, { recursive: true }));

test('with --images it shows sizes and digests', async () => {
  const kernel = elf({ notes: pvNotes });
  writeFileSync(join(directory, 'vmlinux'), kernel);
  writeFileSync(join(directory, 'vtpm.cpio.zst'), ramdiskWith('vtpm'));
  writeFileSync(join(directory, 'dom0.cpio.zst'), ramdiskWith(''));
  const { status, out } = await domb(['plan', '--images', directory, demo]);
  assert.equal(status, 0);
  const digest = createHash('sha256').update(kernel).digest('hex');
  const lines = out.split('\n').filter((line) => line.includes('measure dom0 kernel'));
  assert.deepEqual(
    lines.map((line) => line.trim().split(/ {2,}/)[1]),
    [`file vmlinux, bytes ${kernel.length}, sha256 ${digest}`],
  );
});

test('a manifest with mistakes has no plan', async () => {
  const { status, out, error } = await domb(['plan', '-'], { stdin: 'version: 2\n' });
  assert.equal(status, 1);
  assert.equal(out, '');
  assert.match(error, /<stdin>:1:1: domains: this property is missing/);
});
