import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import { pcrValues } from '../../../measurement/predict.ts';
import { kernel, manifest, type Rig, type RigOptions, rig } from './support.ts';

const pair = generateKeyPairSync('ed25519');
const key = {
  private: pair.privateKey,
  public: pair.publicKey.export({ type: 'spki', format: 'pem' }) as string,
};

/** Boots that must fail, each with what the console has to say. */
const refusals: { name: string; options: RigOptions; says: RegExp[]; capped?: boolean }[] = [
  {
    name: 'wrong manifest',
    options: { manifest: manifest.replace('memory: 128MiB', 'memory: lots') },
    says: [/step "read manifest" failed/, /manifest\.yaml:6:\d+/],
  },
  {
    name: 'manifest with a name that is none',
    options: { manifest: manifest.replace('memory: 128MiB', 'memmory: 128MiB') },
    says: [/step "read manifest" failed/, /manifest\.yaml:\d+:\d+: .*memmory/],
  },
  {
    name: 'missing manifest',
    options: { files: { '/etc/domb/manifest.yaml': undefined } },
    says: [/step "measure manifest" failed/, /manifest\.yaml: no such file/],
  },
  {
    name: 'missing image',
    options: { files: { '/images/dom0.cpio': undefined } },
    says: [/step "measure dom0 ramdisk" failed/, /\/images\/dom0\.cpio: no such file/],
  },
  {
    name: 'digest mismatch',
    options: {
      manifest: manifest.replace(
        'ramdisk: dom0.cpio',
        `ramdisk: dom0.cpio\n    digests: { ramdisk: "sha384:${'ab'.repeat(48)}" }`,
      ),
    },
    says: [/dom0 ramdisk \(image dom0\.cpio\): digest mismatch/, /sha384:abab/],
  },
  {
    name: 'no TPM',
    options: { noTpm: true },
    says: [/no TPM 2\.0/, /PCR 13 and 12 are NOT capped/],
    capped: false,
  },
  {
    name: 'no XSM',
    options: { xen: { flask: 'absent' } },
    says: [/step "require flask" failed/, /no XSM\/FLASK/],
  },
  {
    name: 'an IOMMU that does not cover all devices, where one is required',
    options: {
      manifest: `platform: { iommu: required }\n${manifest}`,
      xen: { dmaConfined: false },
    },
    says: [/Xen has an IOMMU, but does not confine all devices/, /its console says which/],
  },
  {
    name: 'FLASK permissive',
    options: { xen: { flask: 'permissive' } },
    says: [/FLASK is permissive/],
  },
  {
    name: 'unknown label',
    options: { manifest: manifest.replace('system_r:vtpm_t', 'system_r:nobody_t') },
    says: [/step "check vtpm" failed/, /system_r:nobody_t/],
  },
  {
    name: 'hardware domain that is not the one Xen would take',
    options: { xen: { commandLine: 'hardware_dom=7' } },
    says: [/\("dom0"\): the hardware domain has domid 0/, /names domain 7/, /boot-domain/],
  },
  {
    name: 'no hardware domain on the command line at all',
    options: {
      xen: { commandLine: 'loglvl=all' },
      manifest: manifest.replace('domid: 0\n', 'domid: 5\n'),
    },
    says: [/names none/, /hardware_dom=5/],
  },
  {
    name: 'not enough memory',
    options: { xen: { totalMemoryKiB: 1024 * 1024 } },
    says: [/step "check memory" failed/, /vtpm 128MiB, dom0 512MiB/],
  },
  {
    name: 'policy that is none',
    options: { files: { '/etc/domb/xenpolicy': 'text' } },
    says: [/step "load policy" failed/, /xc_flask_load: EINVAL/],
  },
  {
    name: 'manifest without the signature that the key in the boot image demands',
    options: { signed: true, files: { '/etc/domb/manifest.pem': key.public } },
    says: [/step "verify signature" failed/, /manifest\.yaml\.sig: no such file/],
  },
  {
    name: 'manifest changed after it was signed',
    options: {
      signed: true,
      manifest: `${manifest}# changed\n`,
      files: {
        '/etc/domb/manifest.pem': key.public,
        '/etc/domb/manifest.yaml.sig': sign(null, Buffer.from(manifest), key.private),
      },
    },
    says: [/step "verify signature" failed/, /signature is wrong/],
  },
  {
    name: 'kernel that is none',
    options: { files: { '/images/vmlinux': 'text' } },
    says: [/step "build vtpm" failed/, /not an ELF file/],
  },
];

describe('a boot that cannot succeed', () => {
  for (const { name, options, says, capped = true } of refusals) {
    test(name, async (t) => {
      const boot = await rig(t, options);
      await boot.run();
      const text = boot.console();
      for (const pattern of says) assert.match(text, pattern);
      assert.equal(text.match(/what to do: \S/g)?.length, 1, text);
      assert.equal(boot.hypervisor.handedOver.size, 0);
      assertNothingRuns(boot);
      assert.equal(boot.machine.deeds.at(-1), 'halt');
      if (capped) await assertCappedWithError(boot);
    });
  }
});

describe('a hypervisor call that fails', () => {
  const faults = [
    { method: 'create', domid: 0x7fe0, errno: 'EEXIST', step: 'create vtpm' },
    { method: 'create', domid: 0, errno: 'ENOMEM', step: 'create dom0' },
    { method: 'build', domid: 0x7fe0, errno: 'ENOMEM', step: 'build vtpm' },
    { method: 'build', domid: 0, errno: 'EFAULT', step: 'build dom0' },
    { method: 'handOver', domid: 0, errno: 'EFAULT', step: 'hand over to dom0' },
    { method: 'unpause', domid: 0x7fe0, errno: 'EPERM', step: 'start vtpm' },
    { method: 'unpause', domid: 0, errno: 'EPERM', step: 'start dom0' },
  ] as const;
  for (const { method, domid, errno, step } of faults) {
    test(`${step}: ${errno}`, async (t) => {
      const boot = await rig(t);
      boot.hypervisor.failAt = { method, domid, errno };
      await boot.run();
      assert.match(boot.console(), new RegExp(`step "${step}" failed`));
      assert.match(boot.console(), new RegExp(errno));
      assertNothingRuns(boot);
      // Once there is another hardware domain, halting domB alone would leave the platform up.
      const ended = boot.state.created.some((domain) => domain.hardware) ? 'halt' : undefined;
      assert.equal(boot.hypervisor.ended, ended);
    });
  }
});

test('a TPM that stops answering ends the boot before anything is built', async (t) => {
  const boot = await rig(t);
  let extended = 0;
  boot.tpm.loses = (command) => command === 'PCR_Extend' && ++extended === 5;
  await boot.run();
  assert.match(boot.console(), /phase "measure", step "measure \S+.*" failed/);
  assert.equal(boot.state.created.length, 0);
  assert.equal(boot.machine.deeds.at(-1), 'halt');
});

test('a TPM that is gone for good: nobody can read that its PCRs are capped', async (t) => {
  const boot = await rig(t);
  let extended = 0;
  boot.tpm.loses = (command) => command === 'PCR_Extend' && ++extended >= 5;
  await boot.run();
  const text = boot.console();
  for (const pcr of [13, 12]) {
    assert.match(text, new RegExp(`FAILED: PCR ${pcr} is NOT capped: .*PCR_Extend was lost`));
  }
  assert.match(text, /NOT capped: .* \(reset the machine: the PCR may still hold/);
  assert.doesNotMatch(text, /is capped/);
  assert.equal(boot.machine.deeds.at(-1), 'halt');
});

test('the manifest says what happens after a failure', async (t) => {
  const text = manifest.replace('version: 2\n', 'version: 2\nplatform: { on_failure: reboot }\n');
  const boot = await rig(t, {
    manifest: text,
    files: { '/images/vmlinux': kernel, '/images/dom0.cpio': undefined },
  });
  await boot.run();
  assert.equal(boot.machine.deeds.at(-1), 'reboot');
});

test('domains that exist already are somebody else at work', async (t) => {
  const boot = await rig(t);
  const [self] = boot.hypervisor.domains();
  assert.ok(self);
  boot.hypervisor.domains = () => [self, { ...self, domid: 3 }];
  await boot.run();
  assert.match(boot.console(), /Xen runs domains 32751, 3/);
});

function assertNothingRuns({ bootDomid, hypervisor }: Rig): void {
  const left = hypervisor.domains().filter((domain) => domain.domid !== bootDomid);
  const running = left.filter((domain) => !domain.paused && hypervisor.ended === undefined);
  assert.deepEqual(running, []);
  const others = left.filter((domain) => domain.domid !== hypervisor.hardwareDomid);
  assert.deepEqual(
    others,
    [],
    'no domain but the hardware domain is left for the platform to take down',
  );
}

async function assertCappedWithError({ state, console, pcr }: Rig): Promise<void> {
  const { events } = parseEventLog(state.measurements.bytes());
  assert.deepEqual(await pcr(13), pcrValues(events, state.measurements.target));
  const [error, cap] = events.slice(-2);
  assert.match(error?.data.toString('latin1') ?? '', /"event":"error"/);
  assert.deepEqual(cap?.data, Buffer.alloc(4));
  assert.match(console(), /PCR 13 is capped with an error event/);
}
