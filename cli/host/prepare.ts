import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { grantLimitsOf, hardwareDomidOf } from '../../bindings/xen-command-line.ts';
import { imageNames } from '../../boot-configs/all-domains.ts';
import { imageFiles } from '../../boot-configs/checks/image-files.ts';
import { policyChecks } from '../../boot-configs/checks/labels/policy-checks.ts';
import { platformMemory } from '../../boot-configs/checks/platform-memory.ts';
import { xenOptions } from '../../boot-configs/checks/xen-options.ts';
import { xenSerial } from '../../boot-configs/checks/xen-serial.ts';
import { loadManifest } from '../../boot-configs/load.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { verifyDetachedSignature } from '../../boot-configs/signature.ts';
import { predictBoot } from '../../daemon/plan/prediction.ts';
import { firstDomainKiB, xenSerialPorts } from '../../domains/xen-options.ts';
import { contentDigests } from '../../measurement/content.ts';
import { type Microcode, microcodeOptions } from '../../platform/host/microcode.ts';
import type { ReleasePrediction } from '../../platform/host/prediction.ts';
import type { ReleaseParts } from '../../platform/host/release.ts';
import { buildHypervisor } from '../../platform/hypervisor/build.ts';
import { bootKernel } from '../../platform/images/boot-parts.ts';
import {
  bootDomainMiB,
  bootDomainOptions,
  crashOptions,
  hypervisorOptions,
  initramfsSize,
  kernelOptions,
} from '../../platform/images/command-lines.ts';
import { buildBootImage, type Initramfs } from '../../platform/images/domb.ts';
import { buildPolicy } from '../../platform/policy/build.ts';
import { Failure } from '../command.ts';
import { policyIn } from '../flask-policy.ts';

/** What a release is made of. */
export interface Wanted {
  /** The manifest's file, and its bytes. */
  source: string;
  bytes: Uint8Array;
  /** With the public key, where it is signed. */
  signature?: { key: Uint8Array; bytes: Uint8Array } | undefined;
  /** Where all images are that it names, this host's among them. */
  images: string;
  /** A policy of the operator's own; ours when left out. */
  policy: string | undefined;
  /** More of Xen's command line. */
  xenOptions: readonly string[];
  /** What Xen loads into the processors. */
  microcode: Microcode | undefined;
  /** Memory of the machine, in KiB; not compared when left out. */
  platformKiB: number | undefined;
  title: string;
}

export interface Prepared {
  manifest: Manifest;
  parts: ReleaseParts;
  memoryMiB: number;
  prediction: ReleasePrediction;
}

/** Checks everything as a boot would, and says what the release will be made of; nothing is written. */
export async function prepareRelease(wanted: Wanted): Promise<Prepared> {
  const { source, bytes, images, signature } = wanted;
  const { hypervisor } = await buildHypervisor();
  const policy = wanted.policy ?? (await buildPolicy());
  const more = wanted.xenOptions.join(' ');
  if (firstDomainKiB(more) !== undefined) {
    throw new Failure(
      '--xen-options has dom0_mem=',
      'leave it out: the right value is computed from the images',
    );
  }
  if (signature) verifyDetachedSignature(bytes, signature.bytes, Buffer.from(signature.key));
  const { platformKiB } = wanted;
  const commandLine = [...bootDomainOptions, more].join(' ');
  const manifest = loadManifest(bytes, source, [
    imageFiles(images),
    ...policyChecks(await policyIn(policy)),
    xenOptions({
      ...grantLimitsOf(commandLine),
      hardwareDomid: hardwareDomidOf(commandLine),
      commandLine,
    }),
    xenSerial(xenSerialPorts(more)),
    ...(platformKiB === undefined
      ? []
      : [
          platformMemory({
            platformKiB,
            bootDomainKiB: (task) =>
              bootDomainMiB(initramfsSize(bytesOf(images, task.images), task)) * 1024,
          }),
        ]),
  ]);
  const policyBytes = await readFile(policy);
  const find = async (path: string) => join(images, path);
  const { initramfs: own } = await buildBootImage(bytes, source, find, {
    policy: policyBytes,
    signature,
  });
  const initramfs = wanted.microcode ? behind(wanted.microcode.archive, own) : own;
  const memoryMiB = bootDomainMiB(initramfs);
  const prediction = await predicted(wanted, manifest, policy);
  return {
    manifest,
    memoryMiB,
    prediction,
    parts: {
      xen: hypervisor,
      kernel: await bootKernel(),
      policy,
      initramfs,
      xenOptions: [
        ...hypervisorOptions(memoryMiB),
        ...crashOptions(bytes),
        ...(wanted.microcode ? microcodeOptions : []),
        ...wanted.xenOptions,
      ],
      kernelOptions,
      title: wanted.title,
      manifest: bytes,
      prediction,
    },
  };
}

/** Linux unpacks both. */
function behind(archive: Uint8Array, initramfs: Initramfs): Initramfs {
  const { pieces, packed, unpacked } = initramfs;
  return {
    ...initramfs,
    pieces: [archive, ...pieces],
    packed: packed + archive.length,
    unpacked: unpacked + archive.length,
  };
}

function bytesOf(directory: string, names: readonly string[]): number {
  const sizes = names.map(
    (name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size,
  );
  return sizes.reduce<number>((sum, size = 0) => sum + size, 0);
}

async function predicted(
  { bytes, images, signature }: Wanted,
  manifest: Manifest,
  policy: string,
): Promise<ReleasePrediction> {
  const boot = await predictBoot({
    manifest,
    manifestBytes: bytes,
    findImage: (path) => join(images, path),
    policy,
    signatureKey: signature && Buffer.from(signature.key),
    banks: ['sha256'],
  });
  const { pcr } = manifest.platform.measurement;
  return {
    pcr,
    sha256: boot.pcrs.get('sha256')?.get(pcr)?.toString('hex') ?? '',
    items: boot.items.map((item) => ({
      about: aboutOf(item),
      digest: contentDigests(Buffer.from(JSON.stringify(item))).sha256 ?? '',
    })),
  };
}

/** What an item is about, in words that are the same for another version of it. */
function aboutOf(item: { event: string }): string {
  const words = ['domain', 'component', 'segment', 'script'].flatMap((name) => {
    const value = (item as unknown as Record<string, unknown>)[name];
    return value === undefined ? [] : [String(value)];
  });
  return [item.event, ...words].join(' ');
}

/** Names of the images that a manifest has, before they are there to be looked into. */
export function namesIn(bytes: Uint8Array, source: string): string[] {
  return [...imageNames(loadManifest(bytes, source))];
}
