import assert from 'node:assert/strict';
import { expectedItems } from '../../../daemon/plan/measured-items.ts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import { pcrValues, predict } from '../../../measurement/predict.ts';
import type { Rig } from './support.ts';

export type End = 'good' | 'recovered' | 'ended';

/**
 * That a boot has ended in exactly one way, with nothing else left: good, with all domains; in the recovery domain; or with
 * the machine. And that after a failure no value of a good boot, nor one that leads there, is in the register.
 */
export async function assertOneEnd(boot: Rig): Promise<End> {
  const { machine, hypervisor, bootDomid, state } = boot;
  const said = boot.console();
  assert.equal(machine.deeds.filter((deed) => /^(halt|reboot)$/.test(deed)).length, 1, said);
  const left = hypervisor.domains().filter(({ domid }) => domid !== bootDomid);
  if (state.failure === undefined) {
    assert.equal(left.length, state.manifest.domains.length);
    return 'good';
  }
  const { recovery } = boot.early.manifest ?? {};
  const [only, ...others] = left;
  if (only && hypervisor.ended === undefined && !only.paused) {
    assert.deepEqual(others, [], said);
    assert.equal(only.domid, recovery?.domid, said);
    assert.equal(only.uuid, state.uuids.get(recovery?.name ?? ''), said);
    assert.equal(machine.deeds.at(-1), 'halt');
    await assertSpoiled(boot);
    return 'recovered';
  }
  // The hardware domain goes down with the platform, which its shutdown ends; without one, domB's own does.
  const hardware = left.filter(({ domid }) => domid === hypervisor.hardwareDomid);
  assert.deepEqual(left, hardware, said);
  if (hypervisor.ended === undefined)
    assert.ok(
      left.every(({ paused }) => paused),
      said,
    );
  // Once the TPM was released to start a good platform, there is nobody to spoil its register.
  if (!machine.deeds.includes('release TPM')) await assertSpoiled(boot);
  return 'ended';
}

/** That the recovery domain runs alone, under a register whose log ends in error and cap. */
export async function assertRecovered(boot: Rig): Promise<void> {
  assert.equal(await assertOneEnd(boot), 'recovered', boot.console());
  const { events } = parseEventLog(boot.state.measurements.bytes());
  assert.deepEqual(await boot.pcr(13), pcrValues(events, boot.state.measurements.target));
  const [error, cap] = events.slice(-2);
  assert.match(error?.data.toString('latin1') ?? '', /"event":"error"/);
  assert.deepEqual(cap?.data, Buffer.alloc(4));
  assert.equal(boot.machine.deeds.filter((deed) => deed === 'release TPM').length, 1);
}

async function assertSpoiled({ state, early, pcr, console }: Rig): Promise<void> {
  // Without a TPM there is nothing to spoil.
  if (!state.log.text().includes('"open tpm"')) return;
  const values = await pcr(13);
  const { manifest, measurements: log } = early;
  const banks = [...values.keys()] as ('sha1' | 'sha256')[];
  const items =
    manifest && log
      ? await expectedItems(manifest, {
          ...state.sources,
          image: async (path) => {
            const bytes = await state.image(path).catch(() => undefined);
            return bytes ?? { description: () => ({ size: 0, digests: { sha256: '' } }) };
          },
        })
      : [];
  const target = { pcr: 13, banks };
  for (let count = 0; count <= items.length; count++) {
    for (const capped of [false, true]) {
      for (const [bank, byPcr] of predict(items.slice(0, count), target, { capped }).pcrs) {
        assert.notDeepEqual(values.get(bank), byPcr.get(13), `${count} items good\n${console()}`);
      }
    }
  }
}
