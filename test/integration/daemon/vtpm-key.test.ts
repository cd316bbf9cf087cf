/** The key of guests' TPMs that outlast the boot: who gets it from domB, over a real swtpm. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { Tpm } from 'node-tpm2-pts';
import { expectedItems } from '../../../daemon/plan/measured-items.ts';
import { parseVtpmStateKey, VTPM_STATE_KEY } from '../../../domains/vtpm-state-key.ts';
import { predict } from '../../../measurement/predict.ts';
import { approverOf } from '../../../measurement/sealing/approver-key.ts';
import { approveVtpmState, type VtpmApproval } from '../../../measurement/vtpm-state/approvals.ts';
import { openPlatformKey } from '../../../measurement/vtpm-state/platform-key.ts';
import { setUpVtpmState } from '../../../measurement/vtpm-state/set-up.ts';
import { approvalKey } from '../../lib/lasting-machine.ts';
import type { Swtpm } from '../../lib/swtpm.ts';
import { manifest, type Rig, rig } from './support.ts';

const pem = String(createPublicKey(approvalKey).export({ type: 'spki', format: 'pem' }));
const approver = { approver: approverOf(Buffer.from(pem), 'test'), label: '' };
const VTPM = 0x7fe0;

const lasting = `${manifest
  .replace('version: 2\n', `$&platform: { vtpm_state: { approver: ${JSON.stringify(pem)} } }\n`)
  .replace('name: vtpm\n', '$&    xenstore: true\n')}  - name: guest
    domid: 20
    type: pv
    memory: 64MiB
    kernel: vmlinux
    ramdisk: dom0.cpio
    seclabel: system_u:system_r:domU_t
    xenstore: true
    vtpm: vtpm
    vtpm_persistent: true
`;

/** What a boot will measure before its caps, approved. */
async function approvalOf({ state }: Rig): Promise<VtpmApproval> {
  const items = await expectedItems(state.manifest, state.sources);
  const { pcrs: values } = predict(items, { pcr: 13, banks: ['sha256'] }, { capped: false });
  return approveVtpmState(approvalKey, { source: 'test', values, label: '' });
}

/** What the ramdisk of the domain that serves the TPM has of a key. */
function givenKey({ hypervisor }: Rig) {
  const ramdisk = Buffer.concat(hypervisor.images.get(VTPM)?.ramdisk ?? []);
  const at = ramdisk.indexOf(VTPM_STATE_KEY);
  assert.ok(at > 0, 'nothing is given');
  const text = ramdisk.subarray(ramdisk.indexOf('{', at), ramdisk.indexOf('}', at) + 1);
  return parseVtpmStateKey(text.toString());
}

const after = async ({ disconnect }: Rig) => disconnect();

test('without an approval the boot goes on, and who serves the TPMs is told why it cannot', async (t) => {
  const made = await rig(t, { manifest: lasting });
  await made.run();
  assert.equal(made.machine.deeds.at(-1), 'halt');
  assert.doesNotMatch(made.console(), /FAILED/);
  const why = 'the TPM has no NV index 0x18d0b00';
  assert.match(made.console(), new RegExp(`TPMs that outlast the boot are not served: ${why}`));
  assert.match(made.console(), /what to do: run "domb vtpm-state setup" in dom0/);
  assert.deepEqual(givenKey(made), { missing: why });
});

test('in an approved boot it is given to who serves the TPMs, and to nobody else; then it is closed', async (t) => {
  const unapproved = await rig(t, { manifest: lasting });
  await unapproved.run();
  const approval = await approvalOf(unapproved);
  const prepareTpm = async (swtpm: Swtpm) => {
    const tpm = await swtpm.connect();
    await setUpVtpmState(tpm, { approvals: [approval], anew: false }, {});
    await tpm.close();
  };
  const made = await rig(t, { manifest: lasting, prepareTpm });
  await made.run();
  assert.equal(made.machine.deeds.at(-1), 'halt');
  assert.match(made.console(), /open vtpm key: made: TPMs that outlast the boot begin anew/);
  const given = givenKey(made);
  assert.ok('key' in given);
  const held = made.state.vtpmKey;
  assert.ok(held && 'key' in held && held.key.equals(Buffer.alloc(32)), 'domB keeps it');

  const others = [...made.hypervisor.images]
    .filter(([domid]) => domid !== VTPM)
    .flatMap(([, { ramdisk = [] }]) => ramdisk.map((each) => Buffer.from(each)));
  const handedOver = Buffer.from(made.hypervisor.handedOver.get(0) ?? []);
  for (const bytes of [handedOver, Buffer.from(made.console()), ...others]) {
    for (const form of [given.key, given.key.toString('hex'), given.key.toString('base64')]) {
      assert.equal(bytes.includes(form), false);
    }
  }
  assert.match(handedOver.toString('latin1'), /"vtpmPersistent": true/);

  // What dom0 finds.
  const closed = await openPlatformKey(new Tpm(made.tpm), approver);
  assert.ok('missing' in closed && /none of 1 approvals/.test(closed.missing));
  await after(made);
});

test('a manifest that somebody changed does not get it', async (t) => {
  const unapproved = await rig(t, { manifest: lasting });
  await unapproved.run();
  const approval = await approvalOf(unapproved);
  const prepareTpm = async (swtpm: Swtpm) => {
    const tpm = await swtpm.connect();
    await setUpVtpmState(tpm, { approvals: [approval], anew: false }, {});
    await tpm.close();
  };
  const changed = lasting.replace('64MiB', '65MiB');
  const made = await rig(t, { manifest: changed, prepareTpm });
  await made.run();
  assert.deepEqual(givenKey(made), {
    missing: 'none of 1 approvals in the TPM is for this boot',
  });
});
