import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownRelease } from '../../../xen-releases/releases.ts';
import { assertOneEnd } from './ends.ts';
import { manifest, type Rig, rig } from './support.ts';

const commandLine = 'boot-domain dom0-iommu=strict,no-map-reserved console=com1';
const required = `platform: { iommu: required }\n${manifest}`;

const measuredFirst = ({ state }: Rig) => state.bootMeasurements.events[0]?.item;
const item = (dma: 'confined' | 'open') => ({
  ...{ event: 'hypervisor', sequence: 0 },
  ...{ version: `${ownRelease.version}.0-simulated`, commandLine, dma },
});

test('what Xen lets devices do is measured, and where it keeps them from memory nothing more is said', async (t) => {
  const boot = await rig(t, { manifest: required, xen: { commandLine } });
  await boot.run();
  assert.deepEqual(measuredFirst(boot), item('confined'));
  assert.match(boot.console(), /check hypervisor: .*devices reach the memory of their domain only/);
  assert.match(boot.console(), /identify hypervisor: Xen \S+-simulated, DMA confined, boot-/);
  assert.doesNotMatch(boot.console(), /devices can reach|NOTHING KEEPS/);
});

test('without an IOMMU that keeps devices from memory, a boot that does not require one goes on, and says what is lost', async (t) => {
  const boot = await rig(t, { xen: { commandLine, iommu: false, dmaConfined: false } });
  await boot.run();
  assert.deepEqual(measuredFirst(boot), item('open'));
  const said = boot.console();
  assert.match(
    said,
    /Xen uses no IOMMU, so devices can reach all memory: a device can change what/,
  );
  assert.match(said, /what to do: enable the IOMMU/);
  assert.match(said, /NOTHING KEEPS DEVICES FROM MEMORY/);
  assert.equal(boot.hypervisor.ended, undefined);
});

test('a Xen whose options contradict the manifest is refused, with all that is wrong, before anything is measured of domains', async (t) => {
  const boot = await rig(t, {
    manifest: required,
    xen: {
      commandLine: 'boot-domain pv-l1tf=off dom0-iommu=passthrough',
      ...{ iommu: false, dmaConfined: false },
    },
  });
  await boot.run();
  const said = boot.console();
  for (const pattern of [
    /phase "check" failed with 4 problems/,
    /step "check hypervisor" failed: Xen's option pv-l1tf lets pv domains read others' memory/,
    /what to do: take pv-l1tf off Xen's command line/,
    /dom0's devices reach all memory without dom0-iommu=strict/,
    /dom0's devices reach reserved memory/,
    /Xen uses no IOMMU, so devices can reach all memory/,
  ]) {
    assert.match(said, pattern);
  }
  assert.doesNotMatch(said, /phase "measure"/);
  assert.equal(await assertOneEnd(boot), 'ended');
});
