import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { expectedItems } from '../../../daemon/plan/measured-items.ts';
import { parseEventLog } from '../../../measurement/event-log/parse.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { pcrValues } from '../../../measurement/predict.ts';
import { wrongIn } from '../../lib/verdict.ts';
import { assertOneEnd, assertRecovered } from './ends.ts';
import { recoverable, rig } from './support.ts';

const pinned = `sha256:${'0'.repeat(64)}`;
const wrongDigest = recoverable.replace(
  'ramdisk: vtpm.cpio\n',
  `ramdisk: vtpm.cpio\n    digests: { ramdisk: "${pinned}" }\n`,
);
const withGuest = (lines: string, text = recoverable) =>
  text.replace(
    '  - name: rescue',
    `  - name: guest
    domid: 20
    type: pv
    memory: 64MiB
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
${lines}  - name: rescue`,
  );

test('a boot that succeeds has measured its recovery domain, first, and does not start it', async (t) => {
  const boot = await rig(t, { manifest: recoverable });
  await boot.run();
  assert.deepEqual(
    boot.hypervisor.domains().map(({ domid, memoryKiB }) => [domid, memoryKiB / 1024]),
    [
      [0, 512],
      [0x7fe0, 128],
      [0x7fef, 512],
    ],
  );
  const { evidence, manifest, sources } = boot.state;
  const items = await expectedItems(manifest, sources);
  const verdict = verifyEvidence(evidence, { nonce: 'boot', pcr: 13, bootPcr: 12, items });
  assert.deepEqual(wrongIn(verdict), []);
  const domains = items.flatMap((item) =>
    item.event === 'domain' ? [[item.domain, item.role]] : [],
  );
  assert.deepEqual(domains, [
    ['rescue', 'recovery'],
    ['vtpm', undefined],
    ['dom0', undefined],
  ]);
});

/** Failures that end in recovery: whether domain 0 was there, and what the hand-over has to say. */
const failures: {
  name: string;
  options: Parameters<typeof rig>[1];
  reused: boolean;
  says: RegExp;
}[] = [
  {
    name: 'a check, before anything is measured but recovery',
    options: { manifest: withGuest('    cpus: 9\n') },
    reused: false,
    says: /phase \\?"check\\?", step \\?"check guest\\?" failed: .*there is no CPU 9/,
  },
  {
    name: 'a wrong digest',
    options: { manifest: wrongDigest },
    reused: false,
    says: /step \\?"measure vtpm ramdisk\\?" failed: .*digest mismatch/,
  },
  {
    name: 'an image that is missing',
    options: { manifest: recoverable, files: { '/images/dom0.cpio': undefined } },
    reused: false,
    says: /step \\?"measure dom0 ramdisk\\?" failed: .*no such file/,
  },
  {
    name: 'a domain that cannot be built, with domain 0 there and empty',
    options: {
      manifest: withGuest('    ramdisk: bad\n').replace(
        'kernel: vmlinux\n    ramdisk: vtpm',
        'kernel: none\n    ramdisk: vtpm',
      ),
      files: { '/images/none': 'no kernel', '/images/bad': '' },
    },
    reused: true,
    says: /step \\?"build vtpm\\?" failed: .*not an ELF file/,
  },
  {
    name: 'a hardware domain that cannot be built and has no memory yet',
    options: {
      manifest: recoverable.replace(
        'kernel: vmlinux\n    ramdisk: dom0',
        'kernel: none\n    ramdisk: dom0',
      ),
      files: { '/images/none': 'no kernel' },
    },
    reused: true,
    says: /step \\?"build dom0\\?" failed: .*not an ELF file/,
  },
  ...(['before_planning', 'after_create'] as const).map((at) => ({
    name: `a boot script ${at}`,
    options: {
      manifest: `${recoverable}scripts: [{ name: a, run: a.js, at: ${at} }]\n`,
      files: { '/images/a.js': `export default (boot) => boot.refuse('wrong machine');` },
    },
    reused: at === 'after_create',
    says: /step \\?"run script a\\?" failed: a\.js:1:31: .*wrong machine/,
  })),
];

for (const { name, options, reused, says } of failures) {
  test(`a failed boot ends in its recovery domain: ${name}`, async (t) => {
    const boot = await rig(t, options);
    await boot.run();
    await assertRecovered(boot);
    const { hypervisor, state } = boot;
    const calls = hypervisor.calls.map(({ method, domid }) => `${method} ${domid}`);
    assert.equal(calls.includes('reuse 0'), reused, calls.join('\n'));
    assert.equal(hypervisor.creations.get(0)?.name, 'rescue');
    assert.equal(hypervisor.creations.get(0)?.memoryKiB, 256 * 1024);
    assert.equal(
      Buffer.concat(hypervisor.images.get(0)?.ramdisk ?? []).toString(),
      'rescue ramdisk',
    );

    const archive = Buffer.from(hypervisor.handedOver.get(0) ?? []).toString('latin1');
    assert.match(archive, says);
    assert.match(archive, /domb-handover\/failure\.txt\0/);
    assert.match(archive, /"failure": \{\s*"phase": "[\w ]+",\s*"step": /);
    assert.match(archive, /"hardwareDomid": 0/);

    // The evidence is true, and it says that the boot failed.
    const { evidence } = state;
    const expected = { nonce: 'boot', pcr: 13, bootPcr: 12 } as const;
    const items = await expectedItems(state.manifest, {
      ...state.sources,
      image: async () => ({ description: () => ({ size: 0, digests: {} }) }),
    });
    for (const verdict of [
      verifyEvidence(evidence, expected),
      verifyEvidence(evidence, { ...expected, items }),
    ]) {
      assert.equal(verdict.outcome, 'refused');
      assert.match(wrongIn(verdict).join('\n'), /the boot failed: phase "/);
      assert.ok(verdict.events, 'quote and log are true');
      assert.ok(wrongIn(verdict).includes('the boot ended in its recovery domain rescue'));
      assert.deepEqual(verdict.boot, { end: 'recovery', built: ['rescue'], missing: [] });
    }
    const ids = verifyEvidence(evidence, expected).bootEvents ?? [];
    const uuid = hypervisor.domains().find(({ domid }) => domid === 0)?.uuid;
    assert.ok(ids.some((event) => event.event === 'identity' && event.uuid === uuid));
  });
}

/** Failures that cannot end in recovery although the manifest wants it. */
const hopeless: {
  name: string;
  options?: Parameters<typeof rig>[1];
  breaks?: (boot: Awaited<ReturnType<typeof rig>>) => void;
  says: RegExp;
}[] = [
  {
    name: 'the recovery domain has another image than the pinned one',
    options: {
      manifest: recoverable.replace(
        'ramdisk: rescue.cpio\n',
        `ramdisk: rescue.cpio\n    digests: { ramdisk: "${pinned}" }\n`,
      ),
    },
    says: /no recovery: rescue was not measured by then/,
  },
  {
    name: 'the recovery domain wants more memory than there is',
    options: { manifest: recoverable.replace('256MiB', '8GiB') },
    says: /step "check rescue" failed[\s\S]*no recovery: rescue was not measured by then/,
  },
  {
    name: 'the TPM does not take a measurement',
    breaks({ tpm }) {
      let extended = 0;
      tpm.loses = (command) => command === 'PCR_Extend' && ++extended === 12;
    },
    says: /no recovery: measuring is what failed/,
  },
  {
    name: 'the hardware domain is half built',
    breaks({ hypervisor }) {
      const build = hypervisor.build.bind(hypervisor);
      hypervisor.build = async (domain, image) => {
        const rings = await build(domain, image);
        if (domain.name === 'dom0') throw new Error('half built');
        return rings;
      };
    },
    says: /no recovery: domain 0 has memory already/,
  },
  {
    name: 'domains run already',
    breaks: ({ hypervisor }) => {
      hypervisor.failAt = { method: 'unpause', domid: 0, errno: 'EPERM' };
    },
    says: /no recovery: domain 0 has memory already/,
  },
  {
    name: 'something is left of a domain',
    breaks({ hypervisor }) {
      const { create, domains } = hypervisor;
      let half: ReturnType<typeof domains> = [];
      hypervisor.create = (domain) => {
        const [self] = domains.call(hypervisor);
        if (domain.name === 'dom0' && self) {
          half = [{ ...self, domid: 0, dying: true }];
          throw new Error('half made');
        }
        create.call(hypervisor, domain);
      };
      hypervisor.domains = () => [...half, ...domains.call(hypervisor)];
    },
    says: /no recovery: of domain 0 something is left/,
  },
];

for (const { name, options, breaks, says } of hopeless) {
  test(`where recovery is impossible the machine halts: ${name}`, async (t) => {
    const boot = await rig(t, { manifest: recoverable, ...options });
    breaks?.(boot);
    await boot.run();
    assert.match(boot.console(), says);
    assert.equal(boot.hypervisor.handedOver.size, boot.console().includes('start dom0') ? 1 : 0);
    assert.equal(boot.machine.deeds.at(-1), 'halt');
    if (name !== 'something is left of a domain') await assertOneEnd(boot);
  });
}

test('what a domain says for itself counts more than what the platform says', async (t) => {
  const cases = [
    ['halt', 'recovery', 'recovered'],
    ['recovery', 'reboot', 'reboot'],
    ['recovery', 'halt', 'halt'],
    ['reboot', 'recovery', 'recovered'],
  ] as const;
  for (const [platform, own, end] of cases) {
    const base = recoverable.replace('on_failure: recovery', `on_failure: ${platform}`);
    // Somebody must want recovery, or the recovery domain is a mistake.
    const text = withGuest(`    on_failure: ${own}\n`, base).replace(
      'ramdisk: vtpm.cpio\n',
      'ramdisk: vtpm.cpio\n    on_failure: recovery\n',
    );
    const boot = await rig(t, { manifest: text });
    boot.hypervisor.failAt = { method: 'build', domid: 20, errno: 'EIO' };
    await boot.run();
    if (end === 'recovered') await assertRecovered(boot);
    else assert.equal(boot.hypervisor.ended, end, boot.console());
  }
});

test('a failure before the manifest is read knows no recovery', async (t) => {
  const boot = await rig(t, { manifest: recoverable.replace('256MiB', 'lots') });
  await boot.run();
  assert.equal(boot.machine.deeds.at(-1), 'halt');
  assert.doesNotMatch(boot.console(), /recovery/);
  await assertOneEnd(boot);
});

test('the timeout starts anew for the recovery, and ends with it', async (t) => {
  const boot = await rig(t, {
    manifest: wrongDigest.replace('on_failure: recovery', 'on_failure: recovery, timeout: 60s'),
  });
  await boot.run();
  await assertRecovered(boot);
  const calls = boot.hypervisor.calls.filter(({ method }) => method === 'setWatchdog');
  assert.equal(calls.length, 3);
  assert.equal(boot.hypervisor.watchdogSeconds, 0);
});

test('the value that anything good is sealed to is never there while recovery runs', async (t: TestContext) => {
  const good = await rig(t, { manifest: recoverable });
  await good.run();
  const boot = await rig(t, { manifest: recoverable });
  boot.hypervisor.failAt = { method: 'build', domid: 0x7fe0, errno: 'EIO' };
  const create = boot.hypervisor.reuse.bind(boot.hypervisor);
  let before: Map<string, Buffer> | undefined;
  const pcr = boot.pcr(13);
  await pcr;
  boot.hypervisor.reuse = (domain) => {
    const { events } = parseEventLog(boot.state.measurements.bytes());
    before = pcrValues(events, boot.state.measurements.target);
    create(domain);
  };
  await boot.run();
  assert.deepEqual(before, await boot.pcr(13), 'error and cap were there first');
  assert.notDeepEqual(await boot.pcr(13), await good.pcr(13));
});
