import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  createAk,
  flushContext,
  type HashAlgorithm,
  hashById,
  objectName,
  pcrExtend,
} from 'node-tpm2-pts';
import type { LogEvent } from '../../../measurement/event-log/format.ts';
import { readFirmwareReference } from '../../../measurement/evidence/firmware-reference.ts';
import { referenceFile } from '../../../measurement/evidence/reference.ts';
import { BOOT_LOG_FILE_NAME, MeasurementLog } from '../../../measurement/measurement-log.ts';
import { documented } from '../../documentation/table.ts';
import { domb, dombProgram } from '../../lib/domb.ts';
import { HYPERVISOR_ITEM, ITEMS } from '../../lib/evidence.ts';
import { firmwareOf, flipped, foreignFirmware } from '../../lib/firmware-logs.ts';
import { startSwtpm } from '../../lib/swtpm.ts';

const NONCE = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const { events: EVENTS, banks } = foreignFirmware('cos-101');
/** Firmware itself, as this machine has it. */
const BLOB = EVENTS.find(({ pcr, type }) => pcr === 0 && type !== 4 && type !== 3) as LogEvent;
const newer: LogEvent = {
  ...BLOB,
  digests: new Map([...BLOB.digests].map(([id, value]) => [id, flipped(value, 5)])),
};

let directory: string;
const at = (name: string): string => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'firmware-reference-'));
  await boot('evidence', EVENTS);
  await boot(
    'updated',
    EVENTS.map((event) => (event === BLOB ? newer : event)),
  );
  for (const line of [
    'genpkey -algorithm ed25519 -out key.pem',
    'pkey -in key.pem -pubout -out public.pem',
  ]) {
    execFileSync('openssl', line.split(' '), { cwd: directory });
  }
});
after(() => rm(directory, { recursive: true }));

/** Evidence of a platform whose firmware measured these events before domB measured. */
async function boot(name: string, events: readonly LogEvent[]): Promise<void> {
  const swtpm = await startSwtpm();
  const logs = at(`${name}-logs`);
  await mkdir(logs);
  try {
    const tpm = await swtpm.connect();
    for (const { pcr, type, digests } of events) {
      if (type === 3) continue;
      const byBank = [...digests].map(
        ([id, value]) => [hashById(id) as HashAlgorithm, value] as const,
      );
      await pcrExtend(tpm, pcr, new Map(byBank));
    }
    const log = await MeasurementLog.open({ tpm, pcr: 13, directory: logs });
    const bootName = BOOT_LOG_FILE_NAME;
    const bootLog = await MeasurementLog.open({ tpm, pcr: 12, directory: logs, name: bootName });
    for (const item of ITEMS) await log.measure(item);
    const ak = await createAk(tpm);
    await flushContext(tpm, ak.handle);
    const keyName = objectName(ak.publicArea).toString('hex');
    await bootLog.measure(HYPERVISOR_ITEM);
    await bootLog.measure({ event: 'attestation-key', name: keyName });
    for (const each of [log, bootLog]) {
      await each.cap();
      await each.close();
    }
    await tpm.close();
    await writeFile(join(logs, 'firmware.log'), firmwareOf(events, banks).log);
    const device = ['--device', `unix:${swtpm.socket}`];
    const made = await domb(['quote', '--nonce', NONCE, ...device, '--logs', logs, '-o', at(name)]);
    assert.equal(made.status, 0, made.error);
  } finally {
    await swtpm.stop();
  }
}

const learn = (evidence: string, ...options: string[]) =>
  domb([
    ...['reference', '--learn', at(evidence), '--nonce', NONCE],
    ...['--output', at('machine.firmware'), ...options],
  ]);
const verify = (evidence: string, ...options: string[]) =>
  domb([
    ...['verify', at(evidence), '--nonce', NONCE, '--firmware-reference', at('machine.firmware')],
    ...options,
  ]);

test('the firmware of a good boot is learned, with its events for review', async () => {
  const { status, out, error } = await learn('evidence');
  assert.equal(status, 0, error);
  assert.match(out, /^PCR 0, sha256:[0-9a-f]{64}\n {2}1 {2}EV_S_CRTM_VERSION +[0-9a-f]{64} /);
  assert.match(out, /machine\.firmware: PCR 0, 1, 2, 3, 5, 6 in sha1, sha256, sha384\. Review/);
  assert.match(error, /^domb: key: nothing shows that the attestation key/m);
  const { pcrs } = readFirmwareReference(await readFile(at('machine.firmware')));
  assert.deepEqual([...(pcrs.get('sha256')?.keys() ?? [])].sort(), [0, 1, 2, 3, 5, 6]);
});

test('as documented: learned with the enrolled key, signed, and expected beside a reference', async () => {
  await cp(at('evidence/ak.pub'), at('ak.pub'));
  const reference = { pcr: 13, bootPcr: 12, items: ITEMS, pcrs: new Map() };
  await writeFile(at('platform.reference'), referenceFile(reference));
  const sign =
    'pkeyutl -sign -rawin -inkey key.pem -in platform.reference -out platform.reference.sig';
  execFileSync('openssl', sign.split(' '), { cwd: directory });
  const path = `${dirname(dombProgram)}:${process.env.PATH}`;
  const commands = documented.filter(({ by }) => by?.endsWith('/firmware-reference.test.ts'));
  assert.equal(commands.length, 4);
  for (const { command } of commands) {
    const options = { cwd: directory, env: { ...process.env, PATH: path, NONCE } };
    const { status, out, error } = await domb(['-c', command], { ...options, program: ['bash'] });
    const verifies = command.startsWith('domb verify');
    assert.equal(status, verifies ? 4 : 0, `${command}: ${error}${out}`);
    assert.doesNotMatch(error, /key:/);
    if (verifies)
      assert.match(out, /^ok {11}PCR 6: as expected in sha1, sha(256|384), sha(256|384)$/m);
  }
});

test('a signed reference of firmware verifies that boot, and no other firmware', async () => {
  const key = ['--key', at('public.pem')];
  const same = await verify('evidence', ...key);
  assert.equal(same.status, 4, same.out);
  assert.match(same.out, /^ok {11}PCR 0: as expected in sha1, sha(256|384), sha(256|384)$/m);
  assert.match(same.out, /^ok {11}firmware\.log: \d+ events and .* agree; Secure Boot is on$/m);
  assert.match(same.out, /^gap {10}secure-boot: Secure Boot was on, firmware's log says/m);
  assert.match(same.out, /^note {9}the firmware, PCR 4, 7: compared with nothing$/m);

  const { status, out } = await verify('updated', ...key);
  assert.equal(status, 3);
  assert.match(out, /^WRONG {8}PCR 0 differs in bank sha256: /m);
  const [hex, other] = [BLOB, newer].map(({ digests }) =>
    digests.get(0x0b)?.toString('hex').slice(0, 16),
  );
  const says = new RegExp(
    `PCR 0: event \\d+ EV_\\w+ differs: expected sha256:${hex}.*sha256:${other}`,
  );
  assert.match(out, says);
  assert.equal(out.match(/PCR \d: event/g)?.length, 1);
});

test('nobody vouches for it without a signature', async () => {
  const unsigned = await verify('evidence');
  assert.equal(unsigned.status, 2);
  assert.match(unsigned.error, /nobody vouches for .*machine\.firmware/);
  assert.equal((await verify('evidence', '--allow-unsigned')).status, 4);
  await writeFile(at('machine.firmware.sig'), Buffer.alloc(64));
  assert.equal((await verify('evidence', '--key', at('public.pem'))).status, 1);
});

test('PCR 4 and 7 are learned when asked for, and close their gaps', async () => {
  const { status, out, error } = await learn('evidence', '--pcrs', '7,4');
  assert.equal(status, 0, error);
  assert.match(out, /SecureBoot: on$/m);
  assert.match(out, /EV_EFI_BOOT_SERVICES_APPLICATION +[0-9a-f]{64} {2}unproven: /m);
  const verdict = await verify('evidence', '--allow-unsigned', '--json');
  const gaps = JSON.parse(verdict.out).gaps.map(({ gap }: { gap: string }) => gap);
  assert.deepEqual(gaps, ['key', 'items']);
});

test('nothing is learned of evidence that is refused, or of registers that hold nothing', async () => {
  await rm(at('machine.firmware'));
  await cp(at('evidence'), at('bad'), { recursive: true });
  const log = await readFile(at('bad/firmware.log'));
  await writeFile(at('bad/firmware.log'), log.subarray(0, -1));
  const damaged = await learn('bad');
  assert.equal(damaged.status, 3);
  assert.match(damaged.error, /^WRONG {8}firmware\.log is damaged: /m);
  await cp(at('updated/firmware.log'), at('bad/firmware.log'));
  const foreign = await learn('bad');
  assert.equal(foreign.status, 3);
  assert.match(foreign.error, /does not replay to the quoted PCR 0 in bank sha256/);
  await rm(at('bad/firmware.log'));
  const without = await learn('bad');
  assert.equal(without.status, 1);
  assert.match(without.error, /there is no firmware\.log/);
  await writeFile(at('bad/measurement.log'), 'rubbish');
  await cp(at('evidence/firmware.log'), at('bad/firmware.log'));
  assert.equal((await learn('bad')).status, 3);
  const stale = await domb([
    'reference',
    '--learn',
    at('evidence'),
    '--nonce',
    'aa'.repeat(16),
    '-o',
    at('machine.firmware'),
  ]);
  assert.equal(stale.status, 3);
  assert.equal((await learn('evidence', '--pcrs', '8')).status, 2);
  await assert.rejects(readFile(at('machine.firmware')));
});
