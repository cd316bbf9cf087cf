import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { expectedItems } from '../../../daemon/plan/measured-items.ts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import { encodeHeader } from '../../../measurement/event-log/write.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { predict } from '../../../measurement/predict.ts';
import { wrongIn } from '../../lib/verdict.ts';
import { manifest, policy, rig } from './support.ts';

test('a boot builds from the measured bytes, hands over and halts', async (t) => {
  const { run, machine, hypervisor, state } = await rig(t);
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
  assert.equal(Buffer.concat(built?.ramdisk ?? []).toString(), 'dom0 ramdisk');
  assert.equal(hypervisor.images.get(0x7fe0)?.handoverBytes, 0);

  const handedOver = Buffer.from(hypervisor.handedOver.get(0) ?? []);
  const log = state.measurements.bytes();
  assert.ok(handedOver.includes(log), 'the measurement log is in the hand-over');
  assert.match(handedOver.toString('latin1'), /"bootDomid": 32751/);
  assert.equal(parseEventLog(log).events.length, 12 + 1);

  // The boot quote vouches for both logs.
  const { evidence, manifest: parsed, sources } = state;
  const items = await expectedItems(parsed, sources);
  const verdict = verifyEvidence(evidence, { nonce: 'boot', pcr: 13, bootPcr: 12, items });
  assert.deepEqual(wrongIn(verdict), []);
  const identities = verdict.bootEvents?.filter(({ event }) => event === 'identity') ?? [];
  assert.deepEqual(
    identities.map((event) => 'uuid' in event && event.uuid),
    state.created.map(({ uuid }) => uuid),
  );
});

test('the PCR can be predicted from the manifest and the images, and does not depend on UUIDs', async (t) => {
  const first = await rig(t);
  await first.run();
  const second = await rig(t);
  await second.run();
  assert.notEqual(first.state.created[0]?.uuid, second.state.created[0]?.uuid);

  const { sources, manifest: parsed } = first.state;
  const items = await expectedItems(parsed, sources);
  const { pcrs } = predict(items, first.state.measurements.target);
  const values = new Map([...pcrs].map(([bank, byPcr]) => [bank, byPcr.get(13)]));
  assert.deepEqual(await first.pcr(13), values);
  assert.deepEqual(await second.pcr(13), values);
  assert.notDeepEqual(await first.pcr(12), await second.pcr(12));
});

test('everything is measured before the first domain exists', async (t) => {
  const { run, state, hypervisor, tpm } = await rig(t);
  const create = hypervisor.create.bind(hypervisor);
  let extendsBefore = 0;
  hypervisor.create = (domain) => {
    extendsBefore ||= tpm.received.filter((name) => name === 'PCR_Extend').length;
    create(domain);
  };
  await run();
  const { measurements, bootMeasurements } = state;
  // The caps, and what was made of it: both domains and the boot domain are read back.
  const [caps, readBack] = [2, 3];
  assert.equal(
    extendsBefore + caps + readBack,
    measurements.events.length + bootMeasurements.events.length,
  );
});

test('a signed manifest boots, and its key is measured', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { run, machine, state } = await rig(t, {
    signed: true,
    files: {
      '/etc/domb/manifest.pem': publicKey.export({ type: 'spki', format: 'pem' }) as string,
      '/etc/domb/manifest.yaml.sig': sign('sha256', Buffer.from(manifest), privateKey),
    },
  });
  await run();
  assert.equal(machine.deeds.at(-1), 'halt');
  assert.equal(state.evidence.log.length > 0, true);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const keys = state.measurements.events.flatMap(({ item }) =>
    item !== 'cap' && item.event === 'signature-key' ? [item.digests.sha256] : [],
  );
  assert.deepEqual(keys, [createHash('sha256').update(der).digest('hex')]);
});

test('the policy in force is the one that was measured', async (t) => {
  const { run, hypervisor, state } = await rig(t);
  await run();
  assert.deepEqual(hypervisor.loadedPolicies, [Uint8Array.from(policy)]);
  const measured = state.measurements.events.flatMap(({ item }) =>
    item !== 'cap' && item.event === 'policy' ? [item.digests.sha256] : [],
  );
  assert.deepEqual(measured, [createHash('sha256').update(policy).digest('hex')]);
});

test("our events are handed over behind the firmware's, where it left a log", async (t) => {
  const firmware = encodeHeader(['sha1', 'sha256', 'sha384', 'sha512']);
  const { run, hypervisor, state } = await rig(t, { firmwareLog: firmware });
  await run();
  const archive = Buffer.from(hypervisor.handedOver.get(0) ?? []);
  const at = archive.indexOf('domb-handover/platform.log\0');
  assert.notEqual(at, -1);
  const merged = archive.subarray(archive.indexOf(firmware, at));
  const ours = [...state.measurements.events, ...state.bootMeasurements.events].length;
  const size = Number.parseInt(archive.toString('latin1', at - 110 + 54, at - 110 + 62), 16);
  assert.equal(parseEventLog(merged.subarray(0, size)).events.length, ours);
});

test("the firmware's log is handed over as it is, too", async (t) => {
  for (const firmwareLog of [encodeHeader(['sha256']), Buffer.alloc(80, 7)]) {
    const { run, hypervisor, state } = await rig(t, { firmwareLog });
    await run();
    assert.deepEqual(state.evidence?.firmwareLog, firmwareLog);
    const archive = Buffer.from(hypervisor.handedOver.get(0) ?? []);
    const at = archive.indexOf('domb-handover/firmware.log\0');
    const size = Number.parseInt(archive.toString('latin1', at - 110 + 54, at - 110 + 62), 16);
    assert.equal(size, firmwareLog.length);
    const content = archive.indexOf(firmwareLog, at);
    assert.ok(content > at && content < at + 40, `${at}, ${content}`);
  }
});

test('a firmware log that cannot be continued is left alone', async (t) => {
  const { run, hypervisor, machine, console } = await rig(t, { firmwareLog: Buffer.alloc(80, 7) });
  await run();
  assert.equal(machine.deeds.at(-1), 'halt');
  assert.match(console(), /no merged log/);
  assert.equal(Buffer.from(hypervisor.handedOver.get(0) ?? []).indexOf('platform.log'), -1);
});
