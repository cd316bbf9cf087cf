import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, it } from 'node:test';
import { readFlaskPolicy } from '../../../boot-configs/policy/policy.ts';
import { buildPolicy } from '../../../platform/policy/build.ts';
import { ownRelease } from '../../../xen-releases/releases.ts';
import { file } from '../../lib/domb.ts';
import { type Compilation, classes, compiled, type Rights } from '../../lib/policy-rights.ts';

/** Rights that somebody might add in good faith. */
const forbidden: Record<string, `${string} ${string}:${string} ${string}`> = {
  'domain 0 turns enforcement off': 'dom0_t security_t:security setenforce',
  'domain 0 loads a policy': 'dom0_t security_t:security load_policy',
  'domB stops the enforcement': 'domB_t security_t:security setenforce',
  'domain 0 replaces the hypervisor by kexec': 'dom0_t xen_t:xen kexec',
  'domain 0 patches the hypervisor': 'dom0_t xen_t:xen2 livepatch_op',
  'domain 0 presses debug keys': 'dom0_t xen_t:xen debug',
  'domain 0 sets the keys that Xen presses when it crashes': 'dom0_t xen_t:xen hypfs_op',
  'domain 0 updates the microcode': 'dom0_t xen_t:xen microcode',
  'domain 0 samples what others do': 'dom0_t xen_t:xen2 pmu_ctrl',
  'domB powers the machine down': 'domB_t xen_t:xen sleep',
  'domain 0 makes a second domain 0': 'dom0_t dom0_t:domain create',
  'domain 0 makes a vTPM domain': 'dom0_t vtpm_t:domain create',
  'somebody makes a second domB': 'domB_t domB_t:domain create',
  'a guest makes a hardware domain': 'domU_t domU_t:domain2 create_hardware_domain',
  'domain 0 changes labels': 'dom0_t domU_t:domain2 relabelfrom',
  'domB takes a label away from a domain that runs': 'domB_t domU_t:domain2 relabelfrom',
  'domB makes a domain 0 of what it builds as a guest': 'domU_t_building dom0_t:domain transition',
  'domain 0 makes what only domB builds': 'dom0_t vtpm_t_building:domain create',
  'domB looks into a domain that runs': 'domB_t domU_t:mmu map_read',
  'domB stops a domain that runs': 'domB_t vtpm_t:domain pause',
  'domain 0 stops the vTPM domain': 'dom0_t vtpm_t:domain pause',
  'domain 0 ends the vTPM domain': 'dom0_t vtpm_t:domain destroy',
  'domain 0 reads the vTPM domain': 'dom0_t vtpm_t:mmu map_read',
  'domain 0 notes what the vTPM domain writes': 'dom0_t vtpm_t:shadow logdirty',
  'Xen reports on the vTPM domain to domain 0': 'dom0_t vtpm_t:domain2 vm_event',
  'domain 0 reads domB': 'dom0_t domB_t:mmu map_read',
  'domain 0 lets an ended domB run on': 'dom0_t domB_t:domain resume',
  'a guest maps memory of the vTPM domain': 'domU_t vtpm_t:grant map_read',
  'a driver domain copies from the vTPM domain': 'driver_t vtpm_t:grant copy',
  'a guest maps memory of a guest that granted it': 'domU_t domU_t:grant map_write',
  'a guest maps memory of a guest': 'domU_t domU_t:mmu map_read',
  'guests share an event channel': 'domU_t_channel domU_t:event bind',
  'a guest may have I/O ports': 'domU_t ioport_t:resource use_noiommu',
  'a guest may have PCI devices': 'domU_t device_t:resource use_iommu',
  'a device does DMA unconfined': 'driver_t device_t:resource use_noiommu',
  'a driver domain gives its ports away': 'driver_t ioport_t:resource add_ioport',
  'a driver domain ends a guest': 'driver_t domU_t:domain destroy',
  'domain 0 makes a protected guest': 'dom0_t guarded_t:domain create',
  'domain 0 maps a protected guest': 'dom0_t guarded_t:mmu map_read',
  'domain 0 edits the grant table of a protected guest': 'dom0_t guarded_t:domain2 resource_map',
  'domain 0 sets up the grant table of a protected guest': 'dom0_t guarded_t:grant setup',
  'domain 0 reads the processors of a protected guest': 'dom0_t guarded_t:domain getvcpucontext',
  'domain 0 steers a protected guest': 'dom0_t guarded_t:domain setvcpucontext',
  'domain 0 sends a protected guest an NMI': 'dom0_t guarded_t:domain trigger',
  'domain 0 says where a protected guest finds its rings': 'dom0_t guarded_t:hvm setparam',
  'domain 0 saves a protected guest': 'dom0_t guarded_t:shadow logdirty',
  'domain 0 has Xen report on a protected guest': 'dom0_t guarded_t:domain2 vm_event',
  'domain 0 gives a protected guest another UUID': 'dom0_t guarded_t:domain setdomainhandle',
  'domain 0 gives a protected guest a device': 'dom0_t guarded_t:resource add',
  'the vTPM domain ends a protected guest': 'vtpm_t guarded_t:domain destroy',
  'a driver domain pauses a protected guest': 'driver_t guarded_t:domain pause',
  'a guest maps memory of a protected guest': 'domU_t guarded_t:grant map_read',
  'a guest has an event channel to a protected guest': 'domU_t_channel guarded_t:event bind',
  'protected guests share memory': 'guarded_t guarded_t:grant map_read',
  'domain 0 reads what the vTPM domain was given': 'dom0_t vtpm_t:domain2 get_permissions',
  'domain 0 lists the event channels of a guest': 'dom0_t domU_t:domain2 get_evtchns',
  'a guest reads with which limits it was created': 'domU_t domU_t:domain2 get_creation',
  'a guest pauses a guest': 'domU_t domU_t:domain pause',
  'a driver domain has the registers of the TPM': 'driver_t tpm_iomem_t:resource use_iommu',
  'domain 0 gives the registers of the TPM away': 'dom0_t tpm_iomem_t:resource add_iomem',
  'a driver domain has RAM': 'driver_t low_memory_t:resource use_noiommu',
  'a driver domain resets the machine': 'driver_t platform_ioport_t:resource use_iommu',
  'domain 0 gives the host bridge away': 'dom0_t host_bridge_t:resource add_device',
  'domain 0 adds memory': 'dom0_t domxen_t:resource plug',
  'domB gives ports that it does not have': 'domB_t ioport_t:resource delegate',
  'domB takes ports from domain 0': 'domB_t dom0_t_building:resource remove',
  'domain 0 gives interrupts that it does not have': 'dom0_t irq_t:resource delegate',
  'a driver domain gives memory that it does not have': 'driver_t iomem_t:resource delegate',
};

const module = (name: string) =>
  readFile(file(`platform/policy/optional/${name}/${name}.te`), 'utf8');

/** Whether a right such as `dom0_t vtpm_t:domain destroy` is among them. */
function has(rights: Rights, right: string): boolean {
  const [source, target, permission = ''] = right.split(' ');
  return rights.get(`${source} ${target}`)?.has(permission) ?? false;
}

describe('the FLASK policy', () => {
  let kinds: ReadonlyMap<string, readonly string[]>;
  /** Every permission of every class for every pair of types, at once. */
  let everything: Compilation;
  /** Those that the policy gives: the compiler names all that violate "never anything". */
  let given: Rights;

  before(async () => {
    kinds = await classes();
    const names = [...kinds.keys()];
    const never = await compiled(names.map((name) => `neverallow * *:${name} *;`).join('\n'));
    given = never.violating;
    const pairs = never.types.flatMap((source) => never.types.map((target) => [source, target]));
    const all = pairs.flatMap(([source, target]) =>
      names.map((name) => `allow ${source} ${target}:${name} *;`),
    );
    everything = await compiled(all.join('\n'));
  });

  it('compiles to a policy that Xen recognizes', async () => {
    const policy = await readFile(await buildPolicy());
    // Magic number, length of the name and name: policydb_read() in xen/xsm/flask/ss/policydb.c.
    assert.equal(policy.readUInt32LE(0), 0xf97cff8c);
    assert.equal(policy.toString('latin1', 8, 8 + policy.readUInt32LE(4)), 'XenFlask');
  });

  it('has the numbers by which domB and dom0 ask it', async () => {
    const { classes } = readFlaskPolicy(await readFile(await buildPolicy()));
    for (const [name, { class: number, ...bits }] of Object.entries(ownRelease.flask)) {
      const { value, permissions } = classes.get(name) ?? assert.fail(`there is no class ${name}`);
      assert.equal(number, value, name);
      for (const [permission, bit] of Object.entries(bits)) {
        assert.equal(bit, 2 ** ((permissions.get(permission) ?? 0) - 1), permission);
      }
    }
  });

  it('gives what domains need', () => {
    for (const right of [
      'domB_t domU_t_building:domain create',
      'domB_t domU_t:domain2 relabelto',
      'domU_t_building domU_t:domain transition',
      'dom0_t domU_t:mmu map_read',
      'dom0_t xen_t:xen readconsole',
      'vtpm_t guarded_t:grant map_write',
    ]) {
      assert.ok(has(given, right), right);
    }
  });

  it('does not compile with any other permission of any class for any pair of types', () => {
    const { types, violating } = everything;
    const counts = { given: 0, refused: 0 };
    const open: string[] = [];
    for (const source of types) {
      for (const target of types) {
        for (const [name, permissions] of kinds) {
          const key = `${source} ${target}:${name}`;
          for (const permission of permissions) {
            const allowed = given.get(key)?.has(permission) ?? false;
            const refused = violating.get(key)?.has(permission) ?? false;
            if (allowed) counts.given++;
            if (refused) counts.refused++;
            if (allowed === refused) open.push(`allow ${key} ${permission};`);
          }
        }
      }
    }
    assert.deepEqual(open, []);
    // Types, classes and the compiler's messages were understood.
    assert.ok(types.length > 30 && kinds.size === 13, `${types.length} types`);
    assert.ok(counts.given > 500 && counts.refused > 100_000, JSON.stringify(counts));
  });

  for (const [what, right] of Object.entries(forbidden)) {
    it(`does not compile when ${what}`, () => {
      assert.ok(has(everything.violating, right), right);
    });
  }

  it('refuses one such right alone, and says which', async () => {
    const { refusal = 'compiled' } = await compiled('allow dom0_t vtpm_t:domain destroy;');
    assert.match(refusal, /violated by allow dom0_t vtpm_t:domain \{ destroy \}/);
  });

  /** What the compiler refuses of further rights, beside a rule that it takes. */
  async function refusedBeside(rule: string, rights: readonly string[]): Promise<void> {
    assert.equal((await compiled(rule)).refusal, undefined);
    const rules = rights.map((right) => `allow ${right};`);
    const { violating } = await compiled([rule, ...rules].join('\n'));
    for (const right of rights) assert.ok(has(violating, right), right);
  }

  it("takes an operator's type of guests, which is one like the others", () =>
    refusedBeside('ordinary_guest(web_t)', [
      'web_t domU_t:grant map_read',
      'domU_t web_t:grant map_read',
      'web_t vtpm_t:domain pause',
      'dom0_t web_t:domain2 relabelfrom',
      'domB_t web_t:domain pause',
      'web_t_building dom0_t:domain transition',
      'web_t_building domU_t:domain transition',
    ]));

  it('takes a domain of a type that it knows nothing of, with nothing but what all may do', () =>
    refusedBeside('declare_domain(odd_t)', [
      'odd_t domU_t:mmu map_read',
      'odd_t guarded_t:grant map_read',
      'odd_t xen_t:xen sleep',
      'dom0_t odd_t:domain create',
    ]));

  it('compiles with the module developer, which gives no debugger for what domain 0 may not map', async () => {
    const protectedTypes = ['vtpm_t', 'guarded_t', 'domB_t', 'driver_t'];
    await refusedBeside(
      await module('developer'),
      protectedTypes.map((type) => `dom0_t ${type}:domain setdebugging`),
    );
  });

  it('compiles with the module microcode', async () => {
    await refusedBeside(await module('microcode'), ['dom0_t xen_t:xen debug']);
  });

  it('compiles with the module delegation, with which domB moves what a driver domain may have, and nothing else', async () => {
    await refusedBeside(await module('delegation'), [
      'domB_t tpm_iomem_t:resource delegate',
      'domB_t device_t:resource delegate',
      'domB_t dom0_t:resource remove',
      'domB_t dom0_t_building:resource add',
      'dom0_t ioport_t:resource delegate',
      'dom0_t_building ioport_t:resource delegate',
      'dom0_t_building low_memory_t:resource use_noiommu',
    ]);
  });

  it('compiles with the module channels, with which guests use links and nothing else of Argo', async () => {
    await refusedBeside(await module('channels'), [
      'domU_t domU_t:argo send',
      'domU_t domU_t:argo connect',
      'domU_t domU_t:argo register_single_source',
      'domU_t xen_t:argo register_any_source',
      'domU_t vtpm_t:argo send_implicit',
      'dom0_t guarded_t:argo connect',
      'dom0_t domU_t:argo send_implicit',
      'vtpm_t xen_t:argo enable',
      'vtpm_t guarded_t:argo send_implicit',
    ]);
  });

  it('gives the rights of these modules to domain 0 alone', async () => {
    const both = [await module('developer'), await module('microcode')].join('\n');
    const { violating } = await compiled(both.replaceAll('attribute dom0_t', 'attribute domU_t'));
    for (const right of ['debug', 'tbufcontrol', 'microcode']) {
      assert.ok(has(violating, `domU_t xen_t:xen ${right}`), right);
    }
  });
});
