/** What a manifest's labels may be, by the rules of a policy that the real compiler made. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildPolicy } from '../../../platform/policy/build.ts';
import { domb, file } from '../../lib/domb.ts';
import { foreignPolicy } from '../../lib/flask-policy.ts';
import { ramdiskWith } from '../../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../../unit/boot-configs/elf-builder.ts';

const directory = mkdtempSync(join(tmpdir(), 'domb-labels-'));
after(() => rmSync(directory, { recursive: true }));

const example = (name: string) => readFileSync(file(`boot-configs/${name}.yaml`), 'utf8');

interface Found {
  rule: string;
  path: string;
  message: string;
  hint: string;
  line: number;
  col: number;
}

/** What "domb validate --policy" finds wrong with a manifest. */
async function found(manifest: string, policy: string): Promise<Found[]> {
  const name = join(directory, 'manifest.yaml');
  writeFileSync(name, manifest);
  const { status, out } = await domb(['validate', '--policy', policy, '--json', name]);
  const [result] = JSON.parse(out).files;
  assert.equal(status, result.problems.length === 0 ? 0 : 1);
  return result.problems;
}

/** A change of an example, and what is then wrong: in which lines and columns, by which rule, in which words. */
interface Case {
  says: string;
  /** Rules besides ours, or instead of our assertions. */
  rules?: string;
  of: string;
  change: (manifest: string) => string;
  finds: { rule: string; path: string; message: RegExp; hint: RegExp }[];
}

const vtpmAs = (type: string) => (manifest: string) => manifest.replace(':vtpm_t', `:${type}`);

/** The example's manifest with a TPM that outlasts the boot. */
const lasting = (manifest: string) =>
  manifest
    .replace(
      'defaults:',
      `platform: { vtpm_state: { approver: ${JSON.stringify(approver)} } }\n\ndefaults:`,
    )
    .replace('vtpm: vtpm\n', 'vtpm: vtpm\n    vtpm_persistent: true\n');
const approver = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
  ...{ type: 'spki', format: 'pem' },
});

/** The demo's manifest with two more domains that have this type. */
const withTwo = (type: string) => (manifest: string) =>
  [1, 2].reduce(
    (text, domid) => `${text}
  - name: more${domid}
    domid: ${domid}
    type: pv
    memory: 96MiB
    kernel: vmlinux
    seclabel: system_u:system_r:${type}
`,
    manifest,
  );

/** A type whose domains are to themselves what others of it are, as declare_singleton_domain makes it. */
const single = `
type single_t, domain_type;
allow domB_t single_t:domain { create max_vcpus setdomainmaxmem setaddrsize hypercall setvcpucontext unpause };
allow domB_t single_t:domain { getdomaininfo getaffinity };
allow domB_t single_t:domain2 { resource_map set_cpu_policy get_permissions get_creation get_evtchns };
allow domB_t single_t:grant query;
allow domB_t single_t:mmu { map_read map_write adjust mmuext_op memorymap pinpage };
allow single_t single_t:mmu { map_read map_write };`;

const cases: Case[] = [
  {
    says: "a guest with domain 0's label",
    of: 'demo',
    change: vtpmAs('dom0_t'),
    finds: [
      {
        rule: 'seclabel-hardware',
        path: 'domains[0].seclabel',
        message: /^dom0_t is a label for the hardware domain, which this domain is not$/,
        hint: /system_u:system_r:domU_t/,
      },
    ],
  },
  {
    says: "a guest with the boot domain's label",
    of: 'demo',
    change: vtpmAs('domB_t'),
    finds: [
      {
        rule: 'seclabel-boot-domain',
        path: 'domains[0].seclabel',
        message: /^domB_t is the label of the boot domain/,
        hint: /system_u:system_r:domU_t/,
      },
    ],
  },
  {
    says: 'a hardware domain with the label of a vTPM domain',
    of: 'demo',
    change: (manifest) => manifest.replace(':dom0_t', ':vtpm_t'),
    finds: [
      {
        rule: 'seclabel-hardware',
        path: 'domains[1].seclabel',
        message:
          /^vtpm_t is no label for the hardware domain: .* domB_t vtpm_t\w*:domain2 create_hardware_domain$/,
        hint: /: system_u:system_r:dom0_t$/,
      },
    ],
  },
  {
    says: 'a label of the hypervisor itself',
    of: 'demo',
    change: vtpmAs('xen_t'),
    finds: [
      {
        rule: 'seclabel-creation',
        path: 'domains[0].seclabel',
        message:
          /^the boot domain can't make a domain labelled xen_t: .* domB_t xen_t:domain create$/,
        hint: /system_u:system_r:domU_t/,
      },
    ],
  },
  {
    says: 'what a domain is to itself, as a label',
    of: 'demo',
    change: vtpmAs('domU_t_self'),
    finds: [
      {
        rule: 'seclabel-creation',
        path: 'domains[0].seclabel',
        message: /domB_t domU_t_self:domain create$/,
        hint: /system_u:system_r:domU_t/,
      },
    ],
  },
  {
    says: 'what domB labels a domain while it builds it',
    rules:
      'type more_t; type more_t_building, domain_type; allow domB_t more_t_building:domain create;',
    of: 'demo',
    change: vtpmAs('more_t_building'),
    finds: [
      {
        rule: 'seclabel-building',
        path: 'domains[0].seclabel',
        message: /^more_t_building is what domB labels a domain while it builds it, /,
        hint: /^give it the one that it is to have then: system_u:system_r:domU_t/,
      },
    ],
  },
  {
    says: 'a label for devices, without devices',
    of: 'demo',
    change: vtpmAs('driver_t'),
    finds: [
      {
        rule: 'seclabel-powers',
        path: 'domains[0].seclabel',
        message: /^driver_t gives power over devices, which the domain does not declare: /,
        hint: /^name its devices in the manifest, or .*: system_u:system_r:domU_t/,
      },
    ],
  },
  {
    says: 'devices for a guest',
    of: 'driver-domain',
    change: (manifest) => manifest.replace(':driver_t', ':domU_t'),
    finds: [
      ['ioports', 'I/O ports'],
      ['iomem', 'device memory'],
      ['irqs', 'interrupts'],
    ].map(([property, says]) => ({
      rule: 'seclabel-devices',
      path: `domains[0].${property}`,
      message: new RegExp(
        `^a domain labelled domU_t can have no ${says}: .* domB_t domU_t\\w*:resource add$`,
      ),
      hint: /^remove them, or use the label system_u:system_r:driver_t$/,
    })),
  },
  {
    says: 'a PCI device for a guest',
    of: 'pci',
    change: (manifest) => manifest.replace(':driver_t', ':domU_t'),
    finds: [
      {
        rule: 'seclabel-devices',
        path: 'domains[1].pci[0]',
        message: /^domU_t may not have this device, .* domU_t device_t:resource use_iommu or /,
        hint: /give the domain a label that may have it/,
      },
    ],
  },
  {
    says: 'TPMs of a domain that may not serve them',
    of: 'vtpm',
    change: vtpmAs('domU_t'),
    finds: [2, 3].map((index) => ({
      rule: 'seclabel-services',
      path: `domains[${index}].vtpm`,
      message: /^vtpm \(domU_t\) can't serve a TPM to a domain labelled guarded_t: .* domU_t/,
      hint: /give one of the two another label/,
    })),
  },
  {
    says: 'a TPM for domain 0, whom the vTPM domain need not see',
    of: 'vtpm',
    change: (manifest) => manifest.replace('  - name: dom0\n', '  - name: dom0\n    vtpm: vtpm\n'),
    finds: [],
  },
  {
    says: 'TPMs that last of a domain that domain 0 may look into',
    rules: 'allow dom0_t vtpm_t:mmu map_read;',
    of: 'vtpm',
    change: lasting,
    finds: [
      {
        rule: 'seclabel-services',
        path: 'domains[2].vtpm_persistent',
        message:
          /^dom0 \(dom0_t\) may read the memory of vtpm \(vtpm_t\), and with it the key of states$/,
        hint: /^give vtpm a label that nobody may look into, such as system_u:system_r:vtpm_t$/,
      },
    ],
  },
  {
    says: 'TPMs that last of a domain that nobody looks into',
    of: 'vtpm',
    change: lasting,
    finds: [],
  },
  {
    says: 'a label twice, whose domains may look into each other',
    rules: single,
    of: 'demo',
    change: withTwo('single_t'),
    finds: [
      {
        rule: 'seclabel-once',
        path: 'domains[3].seclabel',
        message:
          /^more1 is labelled single_t, too, and two domains with this label have power over each other: single_t:mmu map_read map_write$/,
        hint: /^give one of the two a label of its own, or declare the type with declare_domain/,
      },
    ],
  },
  {
    says: 'a label once, whose domains could look into each other',
    rules: single,
    of: 'demo',
    change: vtpmAs('single_t'),
    finds: [],
  },
  {
    says: 'a label that only domain 0 can give',
    rules: 'type later_t, domain_type; allow dom0_t later_t:domain create;',
    of: 'demo',
    change: vtpmAs('later_t'),
    finds: [
      {
        rule: 'seclabel-creation',
        path: 'domains[0].seclabel',
        message: /does not allow domB_t later_t:domain create$/,
        hint: /^give it one with which it can: system_u:system_r:domU_t/,
      },
    ],
  },
  {
    says: 'a label with which domB can do nearly all that it takes',
    rules: single.replace(' hypercall', ''),
    of: 'demo',
    change: vtpmAs('single_t'),
    finds: [
      {
        rule: 'seclabel-creation',
        path: 'domains[0].seclabel',
        message: /does not allow domB_t single_t:domain hypercall$/,
        hint: /^give it one with which it can: /,
      },
    ],
  },
  {
    says: 'a label with powers over Xen and over others',
    rules: 'allow domU_t xen_t:xen { settime sleep }; allow domU_t vtpm_t:domain pause;',
    of: 'demo',
    change: vtpmAs('domU_t'),
    finds: [
      {
        rule: 'seclabel-powers',
        path: 'domains[0].seclabel',
        message:
          /^domU_t gives power over the hypervisor and other domains, which the domain does not declare: xen_t:xen settime sleep, vtpm_t:domain pause$/,
        hint: /^give it one for guests: system_u:system_r:guarded_t/,
      },
    ],
  },
  {
    says: 'a permissive label',
    rules: 'permissive domU_t;',
    of: 'demo',
    change: vtpmAs('domU_t'),
    finds: [
      {
        rule: 'seclabel-powers',
        path: 'domains[0].seclabel',
        message: /^domU_t is permissive: /,
        hint: /^give it one that is not: /,
      },
    ],
  },
  {
    says: 'ports with a label of their own',
    rules: 'type clock_port_t, resource_type;\nioportcon 0x6e-0x6f system_u:object_r:clock_port_t',
    of: 'driver-domain',
    change: (manifest) => manifest.replace('"31f"', '"6e-6f"'),
    finds: [
      {
        rule: 'seclabel-devices',
        path: 'domains[0].ioports[1]',
        message:
          /^driver_t may not have 6e-6f, which has the label system_u:object_r:clock_port_t: the policy does not allow domB_t clock_port_t:resource add_ioport$/,
        hint: /^give the domain a label that may have it, or allow it in the policy$/,
      },
    ],
  },
];

describe('labels that a policy does not allow', () => {
  let policy: string;
  before(async () => {
    policy = await buildPolicy();
  });

  for (const { says, rules, of, change, finds } of cases) {
    test(says, async () => {
      const manifest = change(example(of));
      const used = rules === undefined ? policy : await foreignPolicy(rules);
      const problems = await found(manifest, used);
      const brief = problems.map(({ rule, path }) => ({ rule, path }));
      assert.deepEqual(
        brief,
        finds.map(({ rule, path }) => ({ rule, path })),
      );
      for (const [index, { message, hint }] of finds.entries()) {
        const problem = problems[index];
        assert.match(problem?.message ?? '', message);
        assert.match(problem?.hint ?? '', hint);
        // Where the value stands.
        const line = manifest.split('\n')[(problem?.line ?? 0) - 1] ?? '';
        const property = /(\w+)(\[\d+\])?$/.exec(problem?.path ?? '')?.[1];
        assert.match(
          line.slice(0, (problem?.col ?? 0) - 1),
          new RegExp(`^[ -]*${property}: \\[?("[^"]*", )*$`),
        );
      }
    });
  }
});

test('no image is made of a manifest whose labels our policy does not allow', async () => {
  writeFileSync(join(directory, 'vmlinux'), elf({ notes: pvNotes }));
  for (const name of ['vtpm', 'dom0']) {
    writeFileSync(join(directory, `${name}.cpio.zst`), ramdiskWith(name));
  }
  const manifest = join(directory, 'demo.yaml');
  writeFileSync(manifest, vtpmAs('dom0_t')(example('demo')));
  const image = join(directory, 'domb.initramfs');
  const { status, error } = await domb(['image', manifest, '--images', directory, '-o', image]);
  assert.equal(status, 1);
  assert.match(
    error,
    /demo\.yaml:19:15: domains\[0\]\.seclabel: dom0_t is a label for the hardware/,
  );
  assert.ok(!existsSync(image));
});
