import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pcrExtend, Tpm } from 'node-tpm2-pts';
import { expectedItems } from '../../../daemon/plan/measured-items.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { predict } from '../../../measurement/predict.ts';
import { wrongIn } from '../../lib/verdict.ts';
import { manifest, recoverable, rig } from './support.ts';

/** The images of the vTPM domain go into PCR 14. */
const apart = (text: string) =>
  text.replace(
    'ramdisk: vtpm.cpio\n',
    'ramdisk: vtpm.cpio\n    measurement: { pcr: 14, components: [kernel, cmdline] }\n',
  );

test('a register of a domain is capped and quoted, has the predicted value, and the rest is said to be unmeasured', async (t) => {
  const { run, state, pcr } = await rig(t, { manifest: apart(manifest) });
  await run();
  const { evidence, measurements, sources } = state;
  const items = await expectedItems(state.manifest, sources);
  const { pcrs } = predict(items, measurements.target);
  for (const register of [13, 14]) {
    const values = new Map([...pcrs].map(([bank, byPcr]) => [bank, byPcr.get(register)]));
    assert.deepEqual(await pcr(register), values);
  }
  const expected = { nonce: 'boot', pcr: 13, bootPcr: 12, items } as const;
  const verdict = verifyEvidence(evidence, expected);
  assert.deepEqual(wrongIn(verdict), []);
  assert.ok(verdict.notes.includes('vtpm ramdisk: the manifest leaves it unmeasured'));
});

test('a register that somebody has used ends the boot before anything exists', async (t) => {
  const { run, tpm, hypervisor, console } = await rig(t, { manifest: apart(manifest) });
  await pcrExtend(new Tpm(tpm), 14, new Map([['sha256', Buffer.alloc(32, 1)]]));
  await run();
  assert.match(console(), /step "open register 14" failed: .*PCR 14 was extended before us/);
  assert.match(console(), /PCR 13 is capped with an error event/);
  assert.equal(hypervisor.domains().length, 1);
});

test('a failed boot spoils all its registers; its recovery domain may have one of its own', async (t) => {
  const text = apart(recoverable).replace(
    'ramdisk: rescue.cpio\n',
    'ramdisk: rescue.cpio\n    measurement: { pcr: 15 }\n',
  );
  const good = await rig(t, { manifest: text });
  await good.run();
  const failed = await rig(t, { manifest: text, files: { '/images/vmlinux': 'no kernel' } });
  await failed.run();
  assert.match(good.console(), /open register 15/);
  const zero = Buffer.alloc(32);
  for (const register of [13, 14, 15]) {
    const [value, spoilt] = [await good.pcr(register), await failed.pcr(register)];
    assert.notDeepEqual(value.get('sha256'), zero);
    assert.notDeepEqual(spoilt.get('sha256'), zero);
    assert.notDeepEqual(spoilt.get('sha256'), value.get('sha256'), `PCR ${register}`);
  }
});
