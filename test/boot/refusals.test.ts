import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { finder, type Parts } from '../../platform/demo/parts.ts';
import { bootDomainOptions } from '../../platform/images/command-lines.ts';
import { composeBootImage, type ImageExtras } from '../../platform/images/domb.ts';
import { type BootOptions, bootManifest } from '../../platform/machine/boot-manifest.ts';
import { exampleManifest, outputDirectory, parts } from './support.ts';

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
  /** Image names to leave out of the boot image. */
  without?: string[];
  /** Images to replace, and scripts. */
  instead?: Map<string, Uint8Array>;
  machine?: Partial<BootOptions>;
  /** The key that the boot image demands a signature of, and a signature. */
  signature?: ImageExtras['signature'];
  /** Whether there is a TPM that works, so that the failure must be in the PCR. */
  capped?: boolean;
  onFailure?: 'halt' | 'reboot';
}

async function refused(name: string, refusal: Refusal): Promise<void> {
  const { manifest, onFailure = 'halt', capped = true } = refusal;
  const images = new Map(refusal.instead);
  for (const image of ['vmlinux', 'vtpm.cpio.zst', 'dom0.cpio.zst']) {
    if (refusal.without?.includes(image)) continue;
    images.set(
      image,
      refusal.instead?.get(image) ?? (await readFile(await finder(built.images)(image))),
    );
  }
  const initramfs = await composeBootImage(
    Buffer.from(manifest),
    { pcr: 13, bootPcr: 12, onFailure },
    images,
    { signature: refusal.signature },
  );
  const machine = await bootManifest({
    directory: outputDirectory(name),
    parts: built,
    initramfs,
    ...refusal.machine,
  });
  try {
    // Xen's own words, from its shutdown of the machine.
    const end = onFailure === 'halt' ? /halting machine/ : /rebooting machine/;
    await machine.console.waitFor(end, 600_000);
  } finally {
    await machine.stop();
  }
  const text = machine.console.lines.map((line) => line.text).join('\n');
  let from = 0;
  for (const pattern of refusal.says) {
    const found = text.slice(from).search(pattern);
    assert.notEqual(found, -1, `the console does not say ${pattern}\n${text.slice(-3000)}`);
    from += found;
  }
  assert.match(text, /domb: .*what to do: \S/);
  assert.equal(/PCR 13 is capped with an error event/.test(text), capped);
  assert.doesNotMatch(text, /dom0: userspace is up/);
  assert.doesNotMatch(text, /avc:\s+denied/);
}

test('a digest that the manifest pins and the image does not have, of a domain that says reboot', async () => {
  const pinned = `sha256:${'0'.repeat(64)}`;
  await refused('refuse-digest', {
    manifest: demo.replace(
      'name: vtpm\n',
      `name: vtpm\n    on_failure: reboot\n    digests: { ramdisk: "${pinned}" }\n`,
    ),
    onFailure: 'reboot',
    says: [/step "measure vtpm ramdisk" failed/, /digest mismatch/, new RegExp(pinned)],
  });
});

test('an image that is missing from the boot image', async () => {
  await refused('refuse-missing', {
    manifest: demo,
    without: ['dom0.cpio.zst'],
    says: [/step "measure dom0 ramdisk" failed/, /\/images\/dom0\.cpio\.zst: no such file/],
  });
});

test('a manifest with mistakes', async () => {
  await refused('refuse-manifest', {
    manifest: demo.replace('memory: 128MiB', 'memmory: 128MiB'),
    says: [/step "read manifest" failed/, /manifest\.yaml:\d+:\d+: .*memmory/],
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

test('a PCR bank that the TPM does not have', async () => {
  await refused('refuse-bank', {
    manifest: demo.replace('pcr: 13', 'pcr: 13\n    banks: [sha256, sm3_256]'),
    says: [/step "read manifest" failed/, /sm3_256 is not active/],
  });
});

test('a label that the policy does not have', async () => {
  await refused('refuse-label', {
    manifest: demo.replace('system_r:vtpm_t', 'system_r:vtpn_t'),
    says: [/step "check vtpm" failed/, /system_u:system_r:vtpn_t/],
  });
});

test('I/O ports that Xen keeps for its own console, found before anything is created', async () => {
  await refused('refuse-ports', {
    manifest: `${demo}  - name: driver
    domid: 20
    type: pv
    memory: 96MiB
    cpus: 0-1
    kernel: vmlinux
    seclabel: system_u:system_r:driver_t
    ioports: ["300-307", "3f8-3ff"]
`,
    says: [/step "check driver" failed/, /no right to the I\/O ports 3f8-3ff/, /Xen keeps it/],
  });
});

test('a physical CPU that the machine does not have', async () => {
  await refused('refuse-cpu', {
    manifest: demo.replace('name: vtpm\n', 'name: vtpm\n    cpus: 0-2\n'),
    says: [/step "check vtpm" failed/, /there is no CPU 2/, /on the CPUs 0-1;/],
  });
});

test('a CPU feature that the machine does not have', async () => {
  await refused('refuse-feature', {
    manifest: demo.replace('name: vtpm\n', 'name: vtpm\n    cpuid: host,avx=1\n'),
    says: [/step "check vtpm" failed/, /cannot have the CPU feature avx: the machine lacks it/],
  });
});

test('more memory than the machine has', async () => {
  await refused('refuse-memory', {
    manifest: demo.replace('memory: 1GiB', 'memory: 8GiB'),
    says: [/step "check memory" failed/, /dom0 8192MiB/],
  });
});

test('a hardware domain that this Xen cannot make', async () => {
  await refused('refuse-domid', {
    manifest: (await exampleManifest('late-hwdom')).replace(
      'on_failure: halt',
      'on_failure: reboot',
    ),
    onFailure: 'reboot',
    says: [/step "check dom0" failed/, /gives that role to domain 0/],
  });
});

test('a machine without a TPM', async () => {
  await refused('refuse-no-tpm', {
    manifest: demo,
    machine: { tpm: false },
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

test('a kernel that cannot be built from, after domain 0 exists', async () => {
  const kernel = Buffer.alloc(1 << 20, 'this is no kernel ');
  await refused('refuse-kernel', {
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
