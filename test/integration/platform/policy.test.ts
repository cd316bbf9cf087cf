import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { xenSource } from '../../../platform/hypervisor/source.ts';
import { buildPolicy, compilePolicy } from '../../../platform/policy/build.ts';

/** Rules that somebody might add in good faith, each of which our assertions must refuse. */
const forbidden: Record<string, string> = {
  'domain 0 turns enforcement off': 'allow dom0_t security_t:security setenforce;',
  'domain 0 loads a policy': 'allow dom0_t security_t:security load_policy;',
  'domB stops the enforcement': 'allow domB_t security_t:security setenforce;',
  'domain 0 replaces the hypervisor by kexec': 'allow dom0_t xen_t:xen kexec;',
  'domain 0 patches the hypervisor': 'allow dom0_t xen_t:xen2 livepatch_op;',
  'domB powers the machine down': 'allow domB_t xen_t:xen sleep;',
  'domain 0 makes a second domain 0': 'allow dom0_t dom0_t:domain create;',
  'domain 0 makes a vTPM domain': 'create_domain(dom0_t, vtpm_t)',
  'somebody makes a second domB': 'allow domB_t domB_t:domain create;',
  'a guest makes a hardware domain': 'allow domU_t domU_t:domain2 create_hardware_domain;',
  'domain 0 changes labels': 'allow dom0_t domU_t:domain2 relabelfrom;',
  'domain 0 reads the vTPM domain': 'allow dom0_t vtpm_t:mmu map_read;',
  'domain 0 saves the vTPM domain': 'migrate_domain_out(dom0_t, vtpm_t)',
  'domain 0 reads domB': 'allow dom0_t domB_t:mmu map_read;',
  'a guest maps memory of the vTPM domain': 'allow domU_t vtpm_t:grant map_read;',
  'a driver domain copies from the vTPM domain': 'allow driver_t vtpm_t:grant copy;',
  'a guest maps memory of a guest': 'allow domU_t domU_t:grant map_write;',
  'guests share an event channel': 'create_channel(domU_t, domU_t, domU_t_channel)',
  'a guest may have I/O ports': 'allow domU_t ioport_t:resource use_noiommu;',
  'a guest may have PCI devices': 'allow domU_t device_t:resource use_iommu;',
  'a device does DMA unconfined': 'allow driver_t device_t:resource use_noiommu;',
  'a driver domain gives its ports away': 'allow driver_t ioport_t:resource add_ioport;',
  'a driver domain ends a guest': 'allow driver_t domU_t:domain destroy;',
  'a guest pauses a guest': 'allow domU_t domU_t:domain pause;',
};

async function compiles(rules: string): Promise<string | undefined> {
  const scratch = await mkdtemp(join(tmpdir(), 'domb-policy-'));
  const { tree } = await xenSource();
  return compilePolicy(tree, scratch, join(scratch, 'out'), rules)
    .then(
      () => undefined,
      (error) => String(error),
    )
    .finally(() => rm(scratch, { recursive: true }));
}

describe('the FLASK policy', () => {
  it('compiles to a policy that Xen recognizes', async () => {
    const policy = await readFile(await buildPolicy());
    // Magic number, length of the name and name: policydb_read() in xen/xsm/flask/ss/policydb.c.
    assert.equal(policy.readUInt32LE(0), 0xf97cff8c);
    assert.equal(policy.toString('latin1', 8, 8 + policy.readUInt32LE(4)), 'XenFlask');
  });

  it('takes a further rule that violates nothing', async () => {
    assert.equal(await compiles('allow dom0_t domU_t:domain setdebugging;'), undefined);
  });

  for (const [what, rules] of Object.entries(forbidden)) {
    it(`does not compile when ${what}`, async () => {
      assert.match((await compiles(rules)) ?? 'compiled', /neverallow/);
    });
  }
});
