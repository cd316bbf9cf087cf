/** What "domb policy check" finds in policies that give more than ours, which our assertions would not let compile. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { forbidden } from '../../../boot-configs/policy/findings/forbidden.ts';
import { domb, file } from '../../lib/domb.ts';
import { foreignPolicy } from '../../lib/flask-policy.ts';
import { assertShape } from '../../lib/json-shape.ts';

interface Result {
  ok: boolean;
  problems: { rule: string; path: string }[];
  findings: {
    rule: string;
    source: string;
    target: string;
    class: string;
    permissions: string[];
  }[];
}

const manifest = file('boot-configs/vtpm.yaml');

const outputs: string[] = [];

/** Problems of the manifest and findings in the policy, in a line each. */
async function check(policy: string, of = manifest): Promise<string[]> {
  const { status, out } = await domb(['policy', 'check', of, '--policy', policy, '--json']);
  outputs.push(out);
  const { ok, problems, findings }: Result = JSON.parse(out);
  assert.equal(ok, problems.length + findings.length === 0);
  assert.equal(status, ok ? 0 : 1);
  return [
    ...problems.map(({ rule, path }) => `${rule} ${path}`),
    ...findings.map(
      ({ rule, source, target, class: name, permissions }) =>
        `${rule}: ${source} ${target}:${name} ${permissions.join(' ')}`,
    ),
  ];
}

/** More rules, and what is found of them. */
const cases: Record<string, string[]> = {
  'allow dom0_t security_t:security setenforce;': [
    'policy-changes: dom0_t security_t:security setenforce',
  ],
  'allow dom0_t security_t:security add_ocontext;': [
    'policy-changes: dom0_t security_t:security add_ocontext',
  ],
  'allow dom0_t security_t:security load_policy;': [
    'policy-loads: dom0_t security_t:security load_policy',
  ],
  'allow dom0_t xen_t:xen kexec;': ['hypervisor-replaced: dom0_t xen_t:xen kexec'],
  'allow dom0_t xen_t:xen2 livepatch_op;': ['hypervisor-replaced: dom0_t xen_t:xen2 livepatch_op'],
  'allow vtpm_t xen_t:xen sleep;': [
    'seclabel-powers domains[0].seclabel',
    'powers-down: vtpm_t xen_t:xen sleep',
    'guest-powers: vtpm_t xen_t:xen sleep',
  ],
  'allow dom0_t xen_t:xen2 coverage_op;': ['developer-rights: dom0_t xen_t:xen2 coverage_op'],
  'allow dom0_t domU_t:domain2 relabelfrom;': ['label-changes: dom0_t domU_t:domain2 relabelfrom'],
  'allow dom0_t domU_t:domain2 relabelto;': ['label-changes: dom0_t domU_t:domain2 relabelto'],
  'allow domU_t vtpm_t:domain transition;': ['label-changes: domU_t vtpm_t:domain transition'],
  'allow domU_t_building vtpm_t:domain transition;': [
    'label-changes: domU_t_building vtpm_t:domain transition',
  ],
  'allow domB_t domU_t:domain2 relabelfrom;': ['label-changes: domB_t domU_t:domain2 relabelfrom'],
  'allow driver_t domU_t_building:mmu map_read;': [
    'guest-powers: driver_t domU_t_building:mmu map_read',
  ],
  'allow dom0_t dom0_t:domain2 create_hardware_domain;': [
    'platform-domains-made: dom0_t dom0_t:domain2 create_hardware_domain',
  ],
  'allow dom0_t vtpm_t:domain create;': ['platform-domains-made: dom0_t vtpm_t:domain create'],
  'allow dom0_t vtpm_t:mmu map_read;': ['looks-inside: dom0_t vtpm_t:mmu map_read'],
  'allow dom0_t domB_t:mmu map_write;': ['looks-inside: dom0_t domB_t:mmu map_write'],
  'allow dom0_t vtpm_t:domain2 { vm_event mem_access };': [
    'looks-inside: dom0_t vtpm_t:domain2 mem_access vm_event',
  ],
  'allow dom0_t vtpm_t:shadow logdirty;': ['looks-inside: dom0_t vtpm_t:shadow logdirty'],
  'allow dom0_t vtpm_t:grant setup;': ['looks-inside: dom0_t vtpm_t:grant setup'],
  'allow dom0_t vtpm_t:domain destroy;': ['tpm-server-stopped: dom0_t vtpm_t:domain destroy'],
  'allow domU_t vtpm_t:grant map_read;': ['tpm-server-shares: domU_t vtpm_t:grant map_read'],
  'allow domU_t domU_t:grant map_read;': ['guests-share: domU_t domU_t:grant map_read'],
  'allow driver_t device_t:resource use_noiommu;': [
    'dma-unconfined: driver_t device_t:resource use_noiommu',
  ],
  'allow driver_t domU_t:domain pause;': ['guest-powers: driver_t domU_t:domain pause'],
  'allow domB_t domU_t:mmu map_read;': ['builder-keeps: domB_t domU_t:mmu map_read'],
  'permissive driver_t;': ['permissive: driver_t *:* *'],
};

let usual: string[];
before(async () => {
  usual = await check(await foreignPolicy(''));
});

for (const [rules, expected] of Object.entries(cases)) {
  test(`found: ${rules}`, async () => {
    const found = await check(await foreignPolicy(rules));
    const more = found.filter((each) => !usual.includes(each));
    if (rules.startsWith('permissive')) {
      // Everything else that it may then do is found, too.
      assert.ok(more.length > 10 && expected.every((each) => more.includes(each)), more.join('\n'));
    } else assert.deepEqual(more, expected);
  });
}

test('found: whoever may look into a protected guest, which only the boot domain makes', async () => {
  const protectedGuests = join(mkdtempSync(join(tmpdir(), 'domb-findings-')), 'guarded.yaml');
  after(() => rmSync(dirname(protectedGuests), { recursive: true }));
  writeFileSync(protectedGuests, readFileSync(manifest, 'utf8').replace(':domU_t', ':guarded_t'));
  assert.deepEqual(await check(await foreignPolicy(''), protectedGuests), []);
  const looks = 'allow dom0_t guarded_t:mmu map_read; allow driver_t guarded_t:hvm setparam;';
  assert.deepEqual(await check(await foreignPolicy(looks), protectedGuests), [
    'looks-inside: dom0_t guarded_t:mmu map_read',
    'looks-inside: driver_t guarded_t:hvm setparam',
    'guest-powers: driver_t guarded_t:hvm setparam',
  ]);
  const made = 'allow dom0_t guarded_t:domain create; allow dom0_t guarded_t:mmu map_read;';
  assert.deepEqual(await check(await foreignPolicy(made), protectedGuests), [
    'platform-domains-made: dom0_t guarded_t:domain create',
    'looks-inside: dom0_t guarded_t:mmu map_read',
  ]);
});

test('each rule about permissions has a case', () => {
  const told = Object.values(cases).flat().join('\n');
  const untold = [...new Set(forbidden.map(({ rule }) => rule))].filter(
    (rule) => !told.includes(`${rule}:`),
  );
  assert.deepEqual(untold, []);
});

test('a policy that lets pass what it does not know is found', async () => {
  const found = await check(await foreignPolicy('', '-U', 'allow'));
  assert.deepEqual(
    found.filter((each) => !usual.includes(each)),
    ['unknown-allowed: * *:* *'],
  );
});

test('for people: what is found once, with the rules that allow it, and a manifest with mistakes', async () => {
  const policy = await foreignPolicy(
    'allow dom0_t vtpm_t:mmu map_read; allow dom0_t vtpm_t:hvm getparam;',
  );
  const { status, out, error } = await domb(['policy', 'check', manifest, '--policy', policy]);
  assert.deepEqual([status, out], [1, '']);
  assert.match(
    error,
    /^policy: dom0_t can look into vtpm_t or change what is in it \(looks-inside\)\n {2}hint: take "dom0_t vtpm_t:mmu \{ map_read \}" out of the policy\n {2}hint: take "dom0_t vtpm_t:hvm \{ getparam \}" out of the policy\n/m,
  );
  const bad = await domb([
    'policy',
    'check',
    file('boot-configs/invalid/several.yaml'),
    '--policy',
    policy,
  ]);
  assert.equal(bad.status, 1);
  assert.match(bad.error, /several\.yaml:\d+:\d+: /);
  assert.doesNotMatch(bad.error, /^policy: /m);
  const none = await domb(['policy', 'check', manifest, '--policy', manifest]);
  assert.match(
    none.error,
    /vtpm\.yaml: this is not a compiled policy\n {2}hint: give the binary policy/,
  );
});

test('the JSON is as documented', () => {
  assertShape('policy check', outputs);
});

test('a policy that Xen would refuse is no policy', async () => {
  const policy = await foreignPolicy('');
  const bytes = readFileSync(policy);
  const at = bytes.indexOf('domain2');
  bytes.write('domain3', at);
  writeFileSync(policy, bytes);
  const { status, error } = await domb(['policy', 'check', manifest, '--policy', policy]);
  assert.equal(status, 1);
  assert.match(error, /the policy has no class "domain2", so Xen would refuse it\n/);
});
