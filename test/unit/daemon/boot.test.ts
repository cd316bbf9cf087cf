import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadManifest } from '../../../boot-configs/manifest.ts';
import { plan } from '../../../daemon/boot.ts';
import { expectedItems } from '../../../daemon/measured-items.ts';
import { nameOf } from '../../../daemon/operations.ts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import { predict } from '../../../measurement/predict.ts';
import { manifest, rig } from './support.ts';

const loaded = () => loadManifest(Buffer.from(manifest), 'test.yaml');

test('the plan of a manifest, by name and in order', () => {
  const names = plan(loaded()).map(({ name, operations }) => [name, ...operations.map(nameOf)]);
  assert.deepEqual(names, [
    ['bring up', 'mount filesystems', 'load modules'],
    ['open', 'open tpm', 'open log', 'open hypervisor', 'require flask'],
    ['read', 'measure manifest', 'read manifest'],
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
    ['create', 'create vtpm', 'create dom0'],
    ['build', 'build vtpm', 'build dom0'],
    ['seal', 'cap pcr'],
    ['hand over', 'hand over to dom0', 'release tpm'],
    ['start', 'start vtpm', 'start dom0'],
    ['leave', 'leave'],
  ]);
});

test('equal manifests give equal plans, and every operation of a plan has its own name', () => {
  assert.deepEqual(plan(loaded()), plan(loaded()));
  const names = plan(loaded()).flatMap((phase) => phase.operations.map(nameOf));
  assert.equal(new Set(names).size, names.length);
});

test('a boot builds from the measured bytes, hands over and halts', async () => {
  const { run, machine, hypervisor, state, tpm } = await rig();
  await run();

  const calls = hypervisor.calls.map(({ method, domid }) => `${method} ${domid ?? ''}`.trim());
  const changing = /^(create|build|handOver|unpause|destroy|endPlatform)/;
  assert.deepEqual(
    calls.filter((call) => changing.test(call)),
    [
      'create 32736',
      'create 0',
      'build 32736',
      'build 0',
      'handOver 0',
      'unpause 32736',
      'unpause 0',
    ],
  );
  assert.deepEqual(machine.deeds.slice(-2), ['release TPM', 'halt']);
  // Each image is read once, also the kernel that two domains share.
  const reads = machine.deeds.filter((deed) => deed.startsWith('read /images'));
  assert.equal(new Set(reads).size, reads.length);

  const built = hypervisor.images.get(0);
  assert.equal(Buffer.from(built?.ramdisk ?? []).toString(), 'dom0 ramdisk');
  assert.equal(hypervisor.images.get(0x7fe0)?.handoverBytes, 0);

  const handedOver = Buffer.from(hypervisor.handedOver.get(0) ?? []);
  const log = state.measurements.bytes();
  assert.ok(handedOver.includes(log), 'the measurement log is in the hand-over');
  assert.match(handedOver.toString('latin1'), /"bootDomid": 32751/);
  assert.equal(parseEventLog(log).events.length, 10 + 1);
  assert.ok(tpm.pcrs.get('sha256')?.[13]?.some((byte) => byte !== 0));
});

test('the PCR can be predicted from the manifest and the images, and does not depend on UUIDs', async () => {
  const first = await rig();
  await first.run();
  const second = await rig();
  await second.run();
  assert.notEqual(first.state.created[0]?.uuid, second.state.created[0]?.uuid);

  const { sources, manifest: parsed } = first.state;
  const items = await expectedItems(parsed, sources);
  const { values } = predict(items, { pcr: 13, banks: ['sha1', 'sha256', 'sha384'] });
  for (const [bank, value] of values) {
    assert.deepEqual(first.tpm.pcrs.get(bank)?.[13], value, bank);
    assert.deepEqual(second.tpm.pcrs.get(bank)?.[13], value, bank);
  }
});

test('everything is measured before the first domain exists', async () => {
  const { run, state, hypervisor, tpm } = await rig();
  const create = hypervisor.create.bind(hypervisor);
  let extendsBefore = 0;
  hypervisor.create = (domain) => {
    extendsBefore ||= tpm.received.filter((name) => name === 'PCR_Extend').length;
    create(domain);
  };
  await run();
  assert.equal(extendsBefore, state.measurements.events.length - 1, 'all but the cap');
});
