import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { cpio } from '../../initramfs/cpio.ts';
import { finder, type Parts } from '../../platform/demo/parts.ts';
import { bootDomainOptions, crashOptions, taskBytes } from '../../platform/images/command-lines.ts';
import { compress } from '../../platform/images/compress.ts';
import { composeBootImage, type ImageExtras } from '../../platform/images/domb.ts';
import { runtimePaths } from '../../platform/images/mounted-runtime.ts';
import { runProgram } from '../../platform/lib/run.ts';
import type { BootOptions } from '../../platform/machine/boot-manifest.ts';
import { ending, exampleManifest, parts, temporaryFile, withMachine } from './support.ts';

/**
 * Boots that must not succeed, on real Xen. Each ends with one clear message and with the whole machine: Xen itself
 * says that it halts or reboots, so nothing can be left running.
 */

let built: Parts;
let demo: string;
before(async () => {
  built = await parts();
  demo = await exampleManifest('demo');
});

interface Refusal {
  manifest: string;
  /** What the console must say, in this order. */
  says: RegExp[];
  /** Whether the boot gets so far that it reads images; else there are none, and it is sooner there. */
  images?: boolean;
  /** Images to replace, and scripts. */
  instead?: Map<string, Uint8Array>;
  /** An archive that stands in front of the boot image. */
  before?: Buffer;
  /** What it must not say. */
  never?: RegExp;
  machine?: Partial<BootOptions>;
  /** The key that the boot image demands a signature of, and a signature. */
  signature?: ImageExtras['signature'];
  /** Whether there is a TPM that works, so that the failure must be in the PCR. */
  capped?: boolean;
  onFailure?: 'halt' | 'reboot';
}

async function refused(name: string, refusal: Refusal): Promise<void> {
  const { manifest, onFailure = 'halt', capped = true } = refusal;
  const images = new Map<string, Uint8Array>();
  for (const image of refusal.images ? ['vmlinux', 'vtpm.cpio.zst', 'dom0.cpio.zst'] : []) {
    images.set(image, await readFile(await finder(built.images)(image)));
  }
  for (const [image, bytes] of refusal.instead ?? []) images.set(image, bytes);
  const image = await composeBootImage(
    Buffer.from(manifest),
    { pcr: 13, bootPcr: 12, onFailure },
    images,
    { signature: refusal.signature },
  );
  const initramfs = {
    ...image,
    pieces: [refusal.before ?? Buffer.alloc(0), ...image.pieces],
    // As an image gets it that is made of a manifest which can be read.
    later: image.later + taskBytes({ largestKiB: 2 ** 20, scripts: manifest.includes('scripts:') }),
  };
  const text = await withMachine(
    name,
    { parts: built, initramfs, ...refusal.machine },
    async (machine) => {
      const { console } = machine;
      // Xen's own words, from its shutdown of the machine.
      const end = onFailure === 'halt' ? /halting machine/ : /rebooting machine/;
      await console.waitFor(end, 600_000, /dom0: userspace is up/);
      if (onFailure === 'reboot') await ending(machine);
      return console.lines.map((line) => line.text).join('\n');
    },
  );
  let from = 0;
  for (const pattern of refusal.says) {
    const found = text.slice(from).search(pattern);
    assert.notEqual(found, -1, `the console does not say ${pattern}\n${text.slice(-3000)}`);
    from += found;
  }
  if (refusal.never) assert.doesNotMatch(text, refusal.never);
  assert.match(text, /domb: .*what to do: \S/);
  assert.equal(/PCR 13 is capped with an error event/.test(text), capped);
  assert.doesNotMatch(text, /dom0: userspace is up/);
  assert.doesNotMatch(text, /avc:\s+denied/);
}

test('a digest that the manifest pins and the image does not have, of a domain that says reboot', async () => {
  const pinned = `sha256:${'0'.repeat(64)}`;
  await refused('refuse-digest', {
    images: true,
    manifest: demo.replace(
      'name: vtpm\n',
      `name: vtpm\n    on_failure: reboot\n    digests: { ramdisk: "${pinned}" }\n`,
    ),
    onFailure: 'reboot',
    says: [/step "measure vtpm ramdisk" failed/, /digest mismatch/, new RegExp(pinned)],
  });
});

test('a manifest that was changed after it was signed', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  await refused('refuse-signature', {
    manifest: demo.replace('memory: 128MiB', 'memory: 129MiB'),
    signature: {
      key: Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })),
      bytes: sign(null, Buffer.from(demo), privateKey),
    },
    // What was refused is in the PCR: key and manifest are measured before they are looked at.
    says: [
      /measure signature key/,
      /measure manifest/,
      /step "verify signature" failed/,
      /signature is wrong/,
    ],
  });
});

/** Domains of which each wants something that this Xen cannot give. */
const impossible = `
  - name: stranger
    domid: 21
    type: pv
    memory: 96MiB
    kernel: vmlinux
    seclabel: system_u:system_r:vtpn_t
  - name: driver
    domid: 20
    type: pv
    memory: 96MiB
    kernel: vmlinux
    seclabel: system_u:system_r:driver_t
    ioports: ["300-307", "3f8-3ff"]
    iomem: ["fffff,1", "fff,2"]
`;

test('all that this Xen cannot give, of all domains, found before anything is created', async () => {
  const late = await exampleManifest('late-hwdom');
  const manifest = late
    .replace('on_failure: halt', 'on_failure: reboot')
    .replace('memory: 1GiB', 'memory: 8GiB')
    .replace('name: vtpm\n', 'name: vtpm\n    cpus: 0-2\n    cpuid: host,avx=1\n');
  await refused('refuse-check', {
    manifest: manifest + impossible,
    onFailure: 'reboot',
    says: [
      /FAILED: phase "check" failed with 7 problems/,
      /step "check memory" failed: .*dom0 8192MiB/,
      /step "check vtpm" failed: .*there is no CPU 2/,
      /what to do: .*on the CPUs 0-1;/,
      /step "check vtpm" failed: .*cannot have the CPU feature avx: the machine lacks it/,
      /step "check dom0" failed: .*gives that role to domain 0/,
      /step "check stranger" failed: .*system_u:system_r:vtpn_t/,
      /step "check driver" failed: .*iomem fff-1000: these pages are RAM/,
      /step "check driver" failed: .*no right to the I\/O ports 3f8-3ff/,
      /what to do: .*Xen keeps it/,
    ],
    never: /phase "check" done|phase "create"/,
  });
});

test('a PCI device, without an IOMMU that could confine it', async () => {
  await refused('refuse-pci', {
    manifest: await exampleManifest('pci'),
    says: [
      /step "check hypervisor" failed: Xen uses no IOMMU, so devices can reach all memory/,
      /step "check net" failed: .*cannot create domain 32544 \("net"\): this Xen uses no IOMMU/,
    ],
    never: /phase "create"/,
  });
});

test('a machine without a TPM', async () => {
  await refused('refuse-no-tpm', {
    manifest: demo,
    machine: { tpm: 'none' },
    capped: false,
    says: [/step "open tpm" failed/, /no TPM 2\.0/],
  });
});

test('FLASK that is not enforcing', async () => {
  await refused('refuse-permissive', {
    manifest: demo,
    machine: { hypervisorOptions: [...bootDomainOptions, 'flask=permissive'] },
    says: [/step "require flask" failed/, /FLASK is permissive/],
  });
});

for (const option of ['hardware_dom=5', 'dom0=pvh']) {
  test(`a boot domain with ${option}, by Xen itself`, async () => {
    const pieces = [Buffer.from('never looked at')];
    const initramfs = { pieces, packed: 15, unpacked: 15, later: 0 };
    const hypervisorOptions = [...bootDomainOptions, option];
    await withMachine('refuse-option', { parts: built, initramfs, hypervisorOptions }, (machine) =>
      machine.console.waitFor(
        new RegExp(`boot-domain cannot be combined with ${option}`),
        60_000,
        /Linux version/,
      ),
    );
  });
}

test('a kernel that cannot be built from, after domain 0 exists', async () => {
  const kernel = Buffer.alloc(1 << 20, 'this is no kernel ');
  await refused('refuse-kernel', {
    images: true,
    manifest: demo,
    instead: new Map([['vmlinux', kernel]]),
    says: [/phase "create" done/, /step "build vtpm" failed/],
  });
});

test('a boot script that fails, when domains run already', async () => {
  const script = `export default async (boot: { refuse(reason: string, hint: string): never }) => {
    boot.refuse('this is the wrong machine', 'take the other one');
  };`;
  await refused('refuse-script', {
    images: true,
    manifest: `${demo}\nscripts: [{ name: last, run: last.ts, at: after_start }]\n`,
    instead: new Map([['last.ts', Buffer.from(script)]]),
    // Both registers were sealed before.
    capped: false,
    says: [
      /start dom0: domain 0 runs/,
      /step "run script last" failed/,
      /last\.ts:2:10: the script refuses the boot: this is the wrong machine/,
      /what to do: take the other one/,
      /Hardware Dom0 halted: halting machine/,
    ],
  });
});

/** It has devices, so that its label lets domB give it more of them. */
const favoured = `
  - name: driver
    domid: 20
    type: pv
    memory: 96MiB
    kernel: vmlinux
    seclabel: system_u:system_r:driver_t
    ioports: ["300-307"]
`;

test('domains that have more than the manifest says, and one that it does not name', async () => {
  await refused('refuse-surplus', {
    images: true,
    manifest: demo + favoured,
    before: await preloaded('surplus-xencall.c'),
    says: [
      /build driver: 96MiB/,
      /FAILED: phase "read back" failed with 4 problems/,
      /step "list domains" failed: there is a domain 77 \(system_u:\S+, \S+, 0 KiB\) that domB did not make/,
      /step "read back driver" failed: driver \(domain 20\) has 103424 KiB as the limit of its memory, not 99328/,
      /step "read back driver" failed: .* has the event channel 1, waiting for domain 0/,
      /step "read back driver" failed: .* has the I\/O ports 378-37f/,
      /what to do: the manifest does not give it that/,
    ],
    never: /read back (vtpm|dom0|own): failed/,
  });
});

test('a daemon that crashes halts the machine, where the manifest says so', async () => {
  const manifest = Buffer.from(demo);
  const settings = { pcr: 13, bootPcr: 12, onFailure: 'halt' } as const;
  const image = await composeBootImage(manifest, settings, new Map());
  const archive = await preloaded('crashing-xencall.c');
  const options = crashOptions(manifest);
  assert.deepEqual(options, ['noreboot']);
  await withMachine(
    'refuse-crash',
    {
      parts: built,
      initramfs: { ...image, pieces: [archive, ...image.pieces] },
      hypervisorOptions: [...bootDomainOptions, ...options],
    },
    async ({ console }) => {
      await console.waitFor(/Kernel panic - not syncing: Attempted to kill init/, 300_000);
      await console.waitFor(/'noreboot' set - not rebooting/, 60_000, /rebooting machine/);
    },
  );
});

test('a boot image whose runtime is damaged', async () => {
  const settings = { pcr: 13, bootPcr: 12, onFailure: 'reboot' } as const;
  const image = await composeBootImage(Buffer.from(demo), settings, new Map());
  // Of two files of one name the second stays.
  const path = runtimePaths.file.slice(1);
  const damaged = cpio([{ path, type: 'file', mode: 0o644, data: Buffer.alloc(65536, 'x') }]);
  await withMachine(
    'refuse-runtime',
    { parts: built, initramfs: { ...image, pieces: [...image.pieces, compress(damaged)] } },
    async (machine) => {
      const { console } = machine;
      await console.waitFor(/domb: init: mount \/runtime\.squashfs: errno 22/, 300_000);
      await console.waitFor(/domb: what to do: build the boot image again/, 60_000);
      await console.waitFor(/domb: the machine reboots/, 60_000);
      await console.waitFor(/rebooting machine/, 60_000, /dom0: userspace is up/);
      await ending(machine);
    },
  );
});

/** An archive that puts a library in front of all others that the boot domain's programs load. @param source in test/lib */
async function preloaded(source: string): Promise<Buffer> {
  const library = await temporaryFile('surplus.so', Buffer.alloc(0));
  const file = join(import.meta.dirname, '../lib', source);
  const flags = ['-D__XEN_TOOLS__', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC'];
  await runProgram('gcc', [...flags, '-o', library, file]);
  const data = await readFile(library);
  return cpio([
    { path: 'etc', type: 'directory' },
    { path: 'etc/ld.so.preload', type: 'file', mode: 0o644, data: Buffer.from('/surplus.so\n') },
    { path: 'surplus.so', type: 'file', mode: 0o755, data },
  ]);
}
