import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { expectedItems } from '../../../daemon/plan/measured-items.ts';
import { readEvidence } from '../../../measurement/evidence/evidence.ts';
import { readMeasurementLog } from '../../../measurement/evidence/read-log.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { domb } from '../../lib/domb.ts';
import type { Swtpm } from '../../lib/swtpm.ts';
import { openIn, wrongIn } from '../../lib/verdict.ts';
import { type Rig, recoverable, rig } from './support.ts';

interface Prepared {
  directory: string;
  swtpm: Swtpm | undefined;
  tool(line: string): Promise<string>;
  command(...argv: string[]): Promise<void>;
  prepareTpm(swtpm: Swtpm): Promise<void>;
}

/** A TPM whose endorsement and owner hierarchies have authorization values, in two files; then `further` is done with it. */
async function withValues(
  test: TestContext,
  further: (prepared: Prepared) => Promise<unknown> = async () => {},
): Promise<Prepared> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-values-'));
  test.after(() => rm(directory, { recursive: true }));
  const prepared: Prepared = {
    directory,
    swtpm: undefined,
    tool: (line) => {
      const [name = '', ...args] = line.split(' ');
      const env = { ...process.env, TPM2TOOLS_TCTI: prepared.swtpm?.tcti };
      return runProgram(name, args, { cwd: directory, env });
    },
    command: async (...argv) => {
      const device = ['--device', `unix:${prepared.swtpm?.socket}`];
      const { status, error } = await domb([...argv, ...device], { cwd: directory });
      assert.deepEqual([status, error], [0, '']);
    },
    prepareTpm: async (swtpm) => {
      prepared.swtpm = swtpm;
      await writeFile(join(directory, 'e'), 'of the endorsement hierarchy');
      await writeFile(join(directory, 'o'), 'of the owner');
      await prepared.tool('tpm2_changeauth -c e file:e');
      await prepared.tool('tpm2_changeauth -c o file:o');
      await further(prepared);
    },
  };
  return prepared;
}

const keyEvents = ({ early }: Rig) =>
  early.bootMeasurements?.events.flatMap(({ item }) =>
    item !== 'cap' && item.event === 'attestation-key' ? [item] : [],
  );

/** The names of the files that domain 0 got. */
const handedOver = ({ hypervisor }: Rig) =>
  [
    ...Buffer.from(hypervisor.handedOver.get(0) ?? [])
      .toString('latin1')
      .matchAll(/domb-handover\/([\w.-]+)\0/g),
  ].map(([, name]) => name);

test('with a value and a key that the TPM keeps, the boot is quoted', async (t) => {
  const prepared = await withValues(t, ({ command }) =>
    command('enroll', 'persist', '--endorsement-auth', 'e', '--owner-auth', 'o'),
  );
  const boot = await rig(t, prepared);
  await boot.run();
  assert.deepEqual(boot.machine.deeds.slice(-2), ['release TPM', 'halt']);
  assert.match(boot.console(), /make key: Name 000b[0-9a-f]+\.\.\., kept by the TPM/);
  const { evidence, manifest: parsed, sources } = boot.state;
  const items = await expectedItems(parsed, sources);
  const verdict = verifyEvidence(evidence, { nonce: 'boot', pcr: 13, bootPcr: 12, items });
  assert.deepEqual(wrongIn(verdict), []);
  assert.ok(evidence.bootQuote, 'the key of before the caps is certified by it');
  assert.ok(handedOver(boot).includes('boot-quote.attest'));
});

test('with a value and no key, the boot goes on, and everything says that nobody quoted it', async (t) => {
  const prepared = await withValues(t);
  const boot = await rig(t, prepared);
  await boot.run();
  assert.deepEqual(boot.machine.deeds.slice(-2), ['release TPM', 'halt']);
  const unpaused = boot.hypervisor.calls.filter(({ method }) => method === 'unpause');
  assert.deepEqual(
    unpaused.map(({ domid }) => domid),
    [0x7fe0, 0],
  );
  assert.deepEqual(keyEvents(boot), [
    { event: 'attestation-key', missing: 'authorization', sequence: 3 },
  ]);
  assert.match(
    boot.console(),
    /there is no boot quote: the endorsement hierarchy has an authorization value.*\n.*what to do: .*domb enroll persist/,
  );
  const names = handedOver(boot);
  for (const name of ['measurement.log', 'boot.log', 'record.json', 'daemon.log']) {
    assert.ok(names.includes(name), name);
  }
  assert.deepEqual(
    names.filter((name) => /quote|ak\.pub|boot-key/.test(name ?? '')),
    [],
  );
  const archive = Buffer.from(boot.hypervisor.handedOver.get(0) ?? []).toString('latin1');
  assert.match(archive, /"noQuote": \{\n +"what": "the endorsement hierarchy has/);
  assert.ok(!boot.tpm.received.includes('CreatePrimary'), 'nothing was tried');

  // dom0 has the value, and its evidence is fresh: the log says that the boot itself was quoted by nobody.
  const { directory } = prepared;
  const { measurements, bootMeasurements } = boot.state;
  await writeFile(join(directory, 'measurement.log'), measurements.bytes());
  await writeFile(join(directory, 'boot.log'), bootMeasurements.bytes());
  await boot.disconnect();
  const nonce = Buffer.alloc(32, 7);
  await prepared.command(
    ...['quote', '--nonce', nonce.toString('hex'), '--logs', '.', '-o', 'evidence'],
    ...['--endorsement-auth', 'e'],
  );
  const evidence = await readEvidence(join(directory, 'evidence'));
  const items = await expectedItems(boot.state.manifest, boot.state.sources);
  const verdict = verifyEvidence(evidence, { nonce, pcr: 13, bootPcr: 12, items });
  assert.deepEqual(wrongIn(verdict), []);
  assert.ok(!openIn(verdict).includes('boot-log'));
  assert.match(
    verdict.notes.join('\n'),
    /the boot was quoted by nobody: the endorsement hierarchy has/,
  );
});

test('what is kept under the handle and is another key is not used', async (t) => {
  const prepared = await withValues(t, async ({ tool }) => {
    await tool('tpm2_createprimary -C o -P file:o -c other.ctx');
    await tool('tpm2_evictcontrol -C o -P file:o -c other.ctx 0x8101d0b0');
    await tool('tpm2_flushcontext -t');
  });
  const boot = await rig(t, prepared);
  await boot.run();
  assert.equal(boot.machine.deeds.at(-1), 'halt');
  assert.deepEqual(keyEvents(boot)?.[0]?.missing, 'authorization');
});

test('where the hierarchy is disabled, the boot goes on without a quote', async (t) => {
  const prepared = await withValues(t, ({ tool }) =>
    tool('tpm2_hierarchycontrol -C p ehEnable clear'),
  );
  const boot = await rig(t, prepared);
  await boot.run();
  assert.deepEqual(keyEvents(boot)?.[0]?.missing, 'disabled');
  assert.match(boot.console(), /no boot quote: the endorsement hierarchy is disabled/);
});

test('a failed boot without a key ends in its recovery domain all the same', async (t) => {
  const prepared = await withValues(t);
  const boot = await rig(t, { ...prepared, manifest: recoverable });
  boot.hypervisor.failAt = { method: 'build', domid: 0x7fe0, errno: 'ENOMEM' };
  await boot.run();
  assert.ok(handedOver(boot).includes('failure.txt'));
  assert.ok(!handedOver(boot).includes('quote.attest'));
  assert.equal(keyEvents(boot)?.length, 1);
  const log = readMeasurementLog(boot.early.measurements?.bytes() ?? Buffer.alloc(0));
  assert.ok(log.capped);
});
