import assert from 'node:assert/strict';
import { createHash, createPrivateKey, hash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { expectedItems } from '../../../daemon/plan/measured-items.ts';
import { paths } from '../../../daemon/plan/settings.ts';
import { AUTHORITY_FILES } from '../../../domains/vtpm-authority-files.ts';
import { parseRecordedGuests } from '../../../domains/vtpm-guests.ts';
import { parseBootRecord } from '../../../introduction/record.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { openIn, wrongIn } from '../../lib/verdict.ts';
import { manifest, rig } from './support.ts';

/** The manifest of the rig with a further domain at its end. */
const withGuest = (...lines: string[]) =>
  `${manifest}  - name: guest
    domid: 20
    type: pv
    memory: 64MiB
    kernel: vmlinux
    seclabel: system_u:system_r:domU_t
${lines.map((line) => `    ${line}\n`).join('')}`;

/** The record that dom0 finds, as `domb introduce` reads it. */
function recordFor({ handedOver }: { handedOver: ReadonlyMap<number, Uint8Array> }) {
  const archive = Buffer.from(handedOver.get(0) ?? []).toString('latin1');
  const [text = ''] = /\{\n {2}"version": 1,\n {2}"bootDomid"[\s\S]*?\n\}\n/.exec(archive) ?? [];
  return parseBootRecord(text, 'record.json');
}

test('what the manifest says of a domain is what the hypervisor is asked for', async (t) => {
  const { run, hypervisor, machine } = await rig(t, {
    manifest: withGuest(
      'maxmem: 128MiB',
      'cpus: 1',
      'max_grant_frames: 8',
      'max_event_channels: 63',
      'ioports: ["300-307"]',
      'iomem: ["febd0,5"]',
      'irqs: [5]',
    ),
  });
  await run();
  assert.equal(machine.deeds.at(-1), 'halt');
  const created = hypervisor.creations.get(20);
  assert.deepEqual(
    {
      maxMemoryKiB: created?.maxMemoryKiB,
      cpus: created?.cpus,
      limits: created?.limits,
      devices: created?.devices,
    },
    {
      maxMemoryKiB: 128 * 1024,
      cpus: [1],
      limits: { grantFrames: 8, maptrackFrames: 'default', eventChannels: 63 },
      devices: {
        ioports: [{ first: 0x300, count: 8 }],
        iomem: [{ first: 0xfebd0, count: 5 }],
        irqs: [5],
      },
    },
  );
});

test('what the manifest says of the processor is what the hypervisor is asked for', async (t) => {
  const { run, hypervisor } = await rig(t, {
    manifest: withGuest(
      'vcpus: 2',
      'maxvcpus: 4',
      'cpuid: host,SSE4_1=0,cx16=1,clfsh=k',
      'nestedhvm: true',
      'msr_relaxed: true',
    ).replace('type: pv\n    memory: 64MiB', 'type: hvm\n    memory: 64MiB'),
  });
  await run();
  const created = hypervisor.creations.get(20);
  const { type, vcpus, maxVcpus, cpuid, nestedHvm, msrRelaxed } = created ?? {};
  assert.deepEqual(
    { type, vcpus, maxVcpus, cpuid, nestedHvm, msrRelaxed },
    {
      ...{ type: 'hvm', vcpus: 2, maxVcpus: 4, nestedHvm: true, msrRelaxed: true },
      cpuid: [
        { name: 'clflush', value: 'host' },
        { name: 'cx16', value: true },
        { name: 'sse4-1', value: false },
      ],
    },
  );
  const handedOver = Buffer.from(hypervisor.handedOver.get(0) ?? []).toString('latin1');
  assert.match(handedOver, /"vcpus": 2,\s*"maxVcpus": 4/);
});

test('a CPU feature that the machine lacks ends the boot', async (t) => {
  const { run, hypervisor, console } = await rig(t, { manifest: withGuest('cpuid: host,avx=1') });
  await run();
  assert.equal(hypervisor.creations.get(20), undefined);
  assert.match(
    console(),
    /cannot create domain 20 \("guest"\): it cannot have the CPU feature avx/,
  );
});

test('a domain with xenstore and console gets rings, and dom0 the record of them', async (t) => {
  const { run, hypervisor, machine } = await rig(t, {
    manifest: withGuest('xenstore: true', 'console: true'),
  });
  await run();
  assert.equal(machine.deeds.at(-1), 'halt');
  const { xenstore, console } = hypervisor.creations.get(20) ?? {};
  assert.deepEqual({ xenstore, console }, { xenstore: true, console: true });
  const { domains } = recordFor(hypervisor);
  assert.deepEqual(
    domains.map(({ name, xenstore, console }) => [name, xenstore?.port, console?.port]),
    [
      ['vtpm', undefined, undefined],
      ['guest', 1, 2],
      ['dom0', undefined, undefined],
    ],
  );
});

test('the record tells dom0 which domain serves the TPM of another', async (t) => {
  const guest = withGuest('xenstore: true', 'vtpm: vtpm');
  const { run, hypervisor, machine } = await rig(t, {
    manifest: guest.replace('name: vtpm\n', '$&    xenstore: true\n'),
  });
  await run();
  assert.equal(machine.deeds.at(-1), 'halt');
  const { domains } = recordFor(hypervisor);
  assert.deepEqual(
    domains.map(({ name, vtpm }) => [name, vtpm]),
    [
      ['vtpm', undefined],
      ['guest', { domid: 0x7fe0, uuid: domains.find(({ name }) => name === 'vtpm')?.uuid }],
      ['dom0', undefined],
    ],
  );
});

test('both ends of a TPM learn of each other by what they are built from', async (t) => {
  const guest = withGuest('xenstore: true', 'vtpm: vtpm', 'cmdline: quiet');
  const { run, hypervisor } = await rig(t, {
    manifest: guest.replace('name: vtpm\n', '$&    xenstore: true\n'),
  });
  await run();
  assert.equal(hypervisor.images.get(20)?.cmdline, 'domb.vtpm=32736 quiet');
  assert.equal(hypervisor.images.get(0x7fe0)?.cmdline, '');
  const ramdisk = Buffer.concat(hypervisor.images.get(0x7fe0)?.ramdisk ?? []).toString('latin1');
  const [, list = ''] = /^070701[^{]*domb-vtpm-guests\.json\0+(\{.*?\n\})\n/s.exec(ramdisk) ?? [];
  const [recorded, ...others] = parseRecordedGuests(list);
  const { launch, ...itself } = recorded ?? assert.fail('nobody is recorded');
  assert.deepEqual(itself, {
    ...{ name: 'guest', domid: 20, uuid: hypervisor.creations.get(20)?.uuid },
    sid: hypervisor.securityId('system_u:system_r:domU_t'),
    persistent: false,
  });
  assert.deepEqual(others, []);
  const measured = launch.map((item) =>
    item.event === 'image' ? [item.component, item.digests.sha256] : [item.event],
  );
  assert.deepEqual(measured, [
    ['configuration'],
    ['domain'],
    ...[
      ['kernel', hypervisor.images.get(20)?.kernel],
      ['cmdline', Buffer.from('domb.vtpm=32736 quiet')],
    ].map(([what, bytes]) => [what, hash('sha256', bytes as Buffer)]),
  ]);
  // What is measured of the ramdisk is behind it.
  assert.match(ramdisk, /\0vtpm ramdisk\0*$/);
  assert.doesNotMatch(
    Buffer.concat(hypervisor.images.get(20)?.ramdisk ?? []).toString('latin1'),
    /domb-vtpm-guests/,
  );
});

test('who serves TPMs, and nobody else, gets the key of the authority that the boot log names', async (t) => {
  const guest = withGuest('xenstore: true', 'vtpm: vtpm', 'cmdline: quiet');
  const { run, hypervisor, console } = await rig(t, {
    manifest: guest.replace('name: vtpm\n', '$&    xenstore: true\n'),
  });
  await run();
  const ramdisk = Buffer.concat(hypervisor.images.get(0x7fe0)?.ramdisk ?? []);
  const fileIn = (archive: Buffer, name: string, from: number): Buffer => {
    const at = archive.indexOf(`${name}\0`, from);
    assert.ok(at > 0, name);
    const start = archive.indexOf('\x30', at + name.length);
    return archive.subarray(start, start + 4 + archive.readUInt16BE(start + 2));
  };
  const certificate = new X509Certificate(fileIn(ramdisk, AUTHORITY_FILES.certificate, 0));
  // PKCS #8 of P-256 is shorter than 256 bytes: one byte of length.
  const at = ramdisk.indexOf(`${AUTHORITY_FILES.privateKey}\0`);
  const start = ramdisk.indexOf(Buffer.from('308187020100', 'hex'), at);
  const der = Buffer.from(ramdisk.subarray(start, start + 3 + 0x87));
  const key = createPrivateKey({ key: der, type: 'pkcs8', format: 'der' });
  assert.ok(certificate.checkPrivateKey(key));
  assert.ok(certificate.verify(certificate.publicKey));

  const handedOver = Buffer.from(hypervisor.handedOver.get(0) ?? []);
  const measured = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
  assert.ok(
    handedOver.includes(`"domain":"vtpm","event":"vtpm-authority","publicKey":"${measured}"`),
  );
  assert.ok(handedOver.includes(certificate.toString()));
  const { d = '' } = key.export({ format: 'jwk' });
  const secret = Buffer.from(d, 'base64url');
  const others = [...hypervisor.images]
    .filter(([domid]) => domid !== 0x7fe0)
    .flatMap(([, { ramdisk: segments = [] }]) => segments.map((each) => Buffer.from(each)));
  assert.equal(others.length > 0, true);
  for (const bytes of [handedOver, ...others, Buffer.from(console())]) {
    for (const form of [secret, secret.toString('hex'), secret.toString('base64').slice(0, 40)]) {
      assert.equal(bytes.includes(form), false);
    }
  }
  assert.ok(ramdisk.includes(secret), 'it can be found where it is');
});

test('dom0 can have a TPM of its own, where the manifest says so', async (t) => {
  const text = manifest
    .replace('name: vtpm\n', '$&    xenstore: true\n')
    .replace(/name: dom0\n/, '$&    vtpm: vtpm\n');
  const { run, hypervisor, machine } = await rig(t, { manifest: text });
  await run();
  assert.equal(machine.deeds.at(-1), 'halt');
  assert.match(hypervisor.images.get(0)?.cmdline ?? '', /^domb\.vtpm=32736\b/);
  const ramdisk = Buffer.concat(hypervisor.images.get(0x7fe0)?.ramdisk ?? []).toString('latin1');
  const [, list = ''] = /domb-vtpm-guests\.json\0+(\{.*?\n\})\n/s.exec(ramdisk) ?? [];
  assert.deepEqual(
    parseRecordedGuests(list).map(({ name, domid }) => [name, domid]),
    [['dom0', 0]],
  );
  const { domains } = recordFor(hypervisor);
  assert.equal(domains.find(({ name }) => name === 'dom0')?.vtpm?.domid, 0x7fe0);
});

test('nobody has an authority where nobody has a vTPM', async (t) => {
  const { run, hypervisor } = await rig(t, { manifest });
  await run();
  const handedOver = Buffer.from(hypervisor.handedOver.get(0) ?? []).toString('latin1');
  assert.doesNotMatch(handedOver, /vtpm-authority/);
});

test('the hardware domain is created last, so that it does not take what others are given', async (t) => {
  const { run, hypervisor } = await rig(t, { manifest: withGuest('irqs: [5]') });
  await run();
  const order = (method: string) =>
    hypervisor.calls.filter((call) => call.method === method).map(({ domid }) => domid);
  assert.deepEqual(order('create'), [0x7fe0, 20, 0]);
  assert.deepEqual(order('unpause'), [0x7fe0, 0, 20]);
});

test('a domain with autostart: false is built and stays paused', async (t) => {
  const { run, hypervisor, machine } = await rig(t, { manifest: withGuest('autostart: false') });
  await run();
  assert.equal(machine.deeds.at(-1), 'halt');
  assert.ok(hypervisor.images.has(20));
  assert.equal(hypervisor.domains().find(({ domid }) => domid === 20)?.paused, true);
  const handedOver = Buffer.from(hypervisor.handedOver.get(0) ?? []).toString('latin1');
  assert.match(handedOver, /"domid": 20,[^}]*"autostart": false/);
});

test('what this Xen cannot give ends the boot before anything is created', async (t) => {
  const xen = {
    cpus: [0, 2],
    commandLine: 'boot-domain gnttab_max_maptrack_frames=16',
    hvm: false,
  };
  const wishes: [string[], RegExp, RegExp][] = [
    [['cpus: 0-2'], /there is no CPU 1/, /on the CPUs 0,2;/],
    [
      ['max_grant_frames: 65'],
      /at most 64 grant frames, and it wants 65/,
      /ask for less, or raise gnttab_max_frames=/,
    ],
    [
      ['max_maptrack_frames: 17'],
      /at most 16 maptrack frames, and it wants 17/,
      /gnttab_max_maptrack_frames=/,
    ],
    [['ioports: ["300", "3f8-3ff"]'], /no right to the I\/O ports 3f8-3ff/, /Xen keeps it/],
    [['critical: false', 'cpus: 9'], /there is no CPU 9/, /CPUs 0,2/],
  ];
  for (const [lines, what, hint] of wishes) {
    const { run, machine, hypervisor, console } = await rig(t, {
      manifest: withGuest(...lines),
      xen,
    });
    await run();
    assert.match(console(), /phase "check", step "check guest" failed/);
    assert.match(console(), what);
    assert.match(console(), hint);
    assert.deepEqual([...hypervisor.creations.keys()], []);
    assert.equal(machine.deeds.at(-1), 'halt');
  }
  const pvh = withGuest().replace(/type: pv(?=\n.*64MiB)/, 'type: pvh');
  const { run, hypervisor, console } = await rig(t, { manifest: pvh, xen });
  await run();
  assert.match(console(), /step "check guest" failed/);
  assert.match(console(), /no hardware virtualization for a domain of type pvh/);
  assert.deepEqual([...hypervisor.creations.keys()], []);
});

test('the boot goes on without a domain that is not critical', async (t) => {
  for (const [method, destroyed] of [
    ['create', []],
    ['build', [20]],
  ] as const) {
    const { run, machine, hypervisor, state, console } = await rig(t, {
      manifest: withGuest('critical: false'),
    });
    hypervisor.failAt = { method, domid: 20, errno: 'EIO' };
    await run();
    assert.equal(machine.deeds.at(-1), 'halt', console());
    const calls = (name: string) => hypervisor.calls.filter((call) => call.method === name);
    assert.deepEqual(
      calls('destroy').map(({ domid }) => domid),
      destroyed,
    );
    assert.deepEqual(
      calls('unpause').map(({ domid }) => domid),
      [0x7fe0, 0],
    );
    assert.match(console(), new RegExp(`step "${method} guest": cannot ${method} domain 20`));
    assert.match(console(), /guest is not critical: the boot goes on without it/);
    assert.doesNotMatch(console(), /FAILED/);

    const { evidence, manifest: parsed, sources } = state;
    const items = await expectedItems(parsed, sources);
    const verdict = verifyEvidence(evidence, { nonce: 'boot', pcr: 13, bootPcr: 12, items });
    assert.deepEqual(wrongIn(verdict), [], 'what was predicted is what was measured');
    assert.deepEqual(verdict.boot?.built, ['vtpm', 'dom0']);
    assert.deepEqual(
      verdict.boot?.missing.map(({ domain }) => domain),
      ['guest'],
    );
    assert.match(verdict.boot?.missing[0]?.why ?? '', new RegExp(`^${method} guest: `));
    assert.ok(openIn(verdict).includes('domains'));
    const handedOver = Buffer.from(hypervisor.handedOver.get(0) ?? []).toString('latin1');
    assert.match(handedOver, /"abandoned": \[\s*\{\s*"name": "guest"/);
  }
});

test('a critical domain that fails ends the boot', async (t) => {
  const { run, hypervisor, console } = await rig(t, { manifest: withGuest('critical: true') });
  hypervisor.failAt = { method: 'build', domid: 20, errno: 'EIO' };
  await run();
  assert.match(console(), /FAILED: phase "build", step "build guest" failed/);
  assert.equal(hypervisor.ended, 'halt');
});

test('a domain that is not critical and cannot even be destroyed ends the boot', async (t) => {
  const { run, hypervisor, console } = await rig(t, { manifest: withGuest('critical: false') });
  hypervisor.failAt = { method: 'build', domid: 20, errno: 'EIO' };
  hypervisor.destroy = () => {
    throw new Error('it is half dead');
  };
  await run();
  assert.match(console(), /step "build guest" failed: it is half dead/);
  assert.equal(hypervisor.ended, 'halt');
});

test('the segments of a ramdisk are measured one by one and built as one', async (t) => {
  const options = {
    manifest: withGuest('ramdisk: [first.cpio, second.cpio]'),
    files: { [`${paths.images}/first.cpio`]: 'first', [`${paths.images}/second.cpio`]: 'second' },
  };
  const { run, hypervisor, state } = await rig(t, options);
  await run();
  const built = hypervisor.images.get(20)?.ramdisk ?? [];
  assert.deepEqual(built.map(String), ['first', 'second']);

  const { evidence, manifest: parsed, sources } = state;
  const items = await expectedItems(parsed, sources);
  const verdict = verifyEvidence(evidence, { nonce: 'boot', pcr: 13, bootPcr: 12, items });
  assert.deepEqual(wrongIn(verdict), []);
  const images = items.flatMap((item) =>
    item.event === 'image' && item.domain === 'guest' && item.component === 'ramdisk' ? [item] : [],
  );
  assert.deepEqual(
    images.map(({ segment, size }) => [segment, size]),
    [
      [0, 5],
      [1, 6],
    ],
  );
});

test('a segment with another digest than the pinned one ends the boot', async (t) => {
  const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const { run, machine, console } = await rig(t, {
    manifest: withGuest(
      'ramdisk: [first.cpio, second.cpio]',
      `digests: { ramdisk: ["${digest('first')}", "${digest('first')}"] }`,
    ),
    files: { [`${paths.images}/first.cpio`]: 'first', [`${paths.images}/second.cpio`]: 'second' },
  });
  await run();
  assert.match(console(), /step "measure guest ramdisk\[1\]" failed/);
  assert.match(console(), /image second\.cpio\): digest mismatch/);
  assert.equal(machine.deeds.at(-1), 'halt');
});

test('a timeout is set before anything is made, and stopped at the end', async (t) => {
  const { run, hypervisor, machine } = await rig(t, {
    manifest: `platform: { timeout: 90s }\n${manifest}`,
  });
  const set: number[] = [];
  const setWatchdog = hypervisor.setWatchdog.bind(hypervisor);
  hypervisor.setWatchdog = (seconds) => {
    set.push(seconds);
    setWatchdog(seconds);
  };
  await run();
  assert.equal(machine.deeds.at(-1), 'halt');
  assert.deepEqual(set, [90, 0]);
  const methods = hypervisor.calls.map(({ method }) => method);
  assert.ok(methods.indexOf('setWatchdog') < methods.indexOf('create'));
  assert.ok(methods.lastIndexOf('setWatchdog') > methods.lastIndexOf('unpause'));
});

test('the watchdog of a boot that fails stays set', async (t) => {
  const { run, hypervisor } = await rig(t, { manifest: `platform: { timeout: 90s }\n${manifest}` });
  hypervisor.failAt = { method: 'build', errno: 'EIO' };
  await run();
  assert.equal(hypervisor.ended, 'halt');
  assert.equal(hypervisor.watchdogSeconds, 90);
});

test('PCR banks that the TPM lacks end the boot', async (t) => {
  const wanting = (banks: string) => `platform: { measurement: { banks: ${banks} } }\n${manifest}`;
  const good = await rig(t, { manifest: wanting('[sha256, sha384]') });
  await good.run();
  assert.doesNotMatch(good.console(), /FAILED/);
  const bad = await rig(t, { manifest: wanting('[sha256, sm3_256]') });
  await bad.run();
  assert.match(bad.console(), /step "read manifest" failed/);
  assert.match(bad.console(), /of these sm3_256 is not active; the TPM has sha1, sha256/);
  assert.equal(
    bad.hypervisor.calls.some(({ method }) => method === 'create'),
    false,
  );
});
