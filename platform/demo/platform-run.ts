import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashAlgorithms } from 'node-tpm2-pts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { predictBoot } from '../../daemon/prediction.ts';
import type { HandoverRecord } from '../../daemon/record.ts';
import type { Verdict } from '../../measurement/evidence/verify.ts';
import { LOG_FILE_NAME } from '../../measurement/measurement-log.ts';
import { bootDomainMiB } from '../images/command-lines.ts';
import { buildBootImage, type ImageExtras } from '../images/domb.ts';
import { type Answers, type Ask, asker, collectAnswers } from '../machine/answers.ts';
import { bootManifest, type FirmwareOptions } from '../machine/boot-manifest.ts';
import { bootVerdict } from './boot-evidence.ts';
import { followBoot } from './boot-stages.ts';
import { type Check, handedOverRecord, judge } from './judge.ts';
import { finder, type Parts, type Report } from './parts.ts';
import { type BootDomainTimes, bootDomainTimes } from './timeline.ts';

/** The domid that Xen's boot-domain series reserves (platform/hypervisor). */
export const reservedBootDomid = 0x7fef;

/** Milliseconds that a line may take that is no stage of the boot. */
const awaitedTimeout = 600_000;

export interface PlatformRunOptions {
  manifestBytes: Buffer;
  /** The manifest's name in messages. */
  source: string;
  parts: Parts;
  /** Where console, logs and results go; emptied first. */
  directory: string;
  report: Report;
  /** Xen's options; the default starts domB with its reserved domid. */
  hypervisorOptions?: readonly string[];
  /** The domid that domB must have. */
  bootDomid?: number;
  memoryMiB?: number;
  /** The key that the boot image demands a signature of, and the signature. */
  signature?: ImageExtras['signature'];
  /** Lines that the boot has to come to on the console, beside its stages. */
  awaited?: readonly RegExp[];
  /** Further devices of the machine, as QEMU's option -device takes them. */
  devices?: readonly string[];
  /** File with the contents of an NVMe disk, which is dom0's. */
  disk?: string;
  /** Start through UEFI firmware. */
  firmware?: FirmwareOptions;
  /** Asks dom0 for more, when it has answered its own questions and the boot was judged. */
  converse?: (ask: Ask, run: PlatformRun) => Promise<void>;
}

export interface PlatformRun {
  manifest: Manifest;
  checks: Check[];
  /** What a verifier says of the boot quote. */
  verdict: Verdict;
  answers: Answers;
  record: HandoverRecord;
  times: BootDomainTimes;
  consoleText: string;
}

/**
 * Boots a manifest on the virtual platform, follows the boot, collects the evidence, judges it and writes it below
 * `directory`. The machine is stopped in any case. Fails when the boot does not get to its end.
 */
export async function runPlatform(options: PlatformRunOptions): Promise<PlatformRun> {
  const { manifestBytes, source, parts, directory, report, signature } = options;
  const findImage = finder(parts.images);
  const { manifest, initramfs } = await report("domB's boot image", () =>
    readFile(parts.policy).then((policy) =>
      buildBootImage(manifestBytes, source, findImage, { policy, signature }),
    ),
  );
  const { pcrs: predicted, items } = await report('the PCR values to expect', () =>
    predictBoot({
      ...{ manifest, manifestBytes, findImage, policy: parts.policy },
      ...{ signatureKey: signature && Buffer.from(signature.key), banks: hashAlgorithms },
    }),
  );
  const { hypervisorOptions, memoryMiB, firmware, devices, disk } = options;
  const machine = await bootManifest({
    ...{ directory, parts, initramfs },
    ...{ hypervisorOptions, memoryMiB, firmware, devices, disk },
  });
  try {
    await followBoot(machine.console, report);
    const answers = await collectAnswers(machine.serial, 30_000);
    for (const sign of options.awaited ?? []) await machine.console.waitFor(sign, awaitedTimeout);
    const { lines } = machine.console;
    const printed = () => lines.map((line) => line.text).join('\n');
    const consoleText = printed();
    const bootDomid = options.bootDomid ?? reservedBootDomid;
    const verdict = await bootVerdict(join(directory, 'evidence'), answers, manifest, items);
    const evidence = { manifest, bootDomid, bootDomainMiB, predicted, consoleText, answers };
    const checks = judge({ ...evidence, verdict });
    const record = handedOverRecord(answers);
    const times = bootDomainTimes(lines, record);
    await copyFile(join(directory, 'evidence', LOG_FILE_NAME), join(directory, LOG_FILE_NAME));
    const run = { manifest, checks, verdict, answers, record, times, consoleText };
    await options.converse?.(asker(machine), run);
    return { ...run, consoleText: printed() };
  } finally {
    await machine.stop();
  }
}
