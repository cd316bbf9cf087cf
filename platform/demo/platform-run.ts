import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashAlgorithms, type PcrValues } from 'node-tpm2-pts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import { predictBoot } from '../../daemon/plan/prediction.ts';
import type { HandoverRecord } from '../../daemon/plan/record.ts';
import type { MeasuredItem } from '../../measurement/events.ts';
import type { Verdict } from '../../measurement/evidence/verdict.ts';
import { LOG_FILE_NAME } from '../../measurement/measurement-log.ts';
import { bootDomainMiB } from '../images/command-lines.ts';
import { buildBootImage, type ImageExtras, type Initramfs } from '../images/domb.ts';
import type { Judgement } from '../judge/judgement.ts';
import { type Answers, type Ask, QuestionLine } from '../machine/answers.ts';
import { type BootOptions, bootManifest, type FirmwareOptions } from '../machine/boot-manifest.ts';
import type { VirtualMachine } from '../machine/machine.ts';
import { sentFiles } from '../machine/sent-files.ts';
import { pressXenKey } from '../machine/xen-keys.ts';
import { bootVerdict, handedOverRecord } from './boot-evidence.ts';
import { bootStages, followBoot } from './boot-stages.ts';
import { allSubjects, judge, questionsFor, type SubjectName } from './judge.ts';
import { services } from './own-images.ts';
import { finder, type Parts, type ReportWork } from './parts.ts';
import { consoleQuestion, type QuestionName, questions } from './questions.ts';
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
  /** Where console, logs and results go; emptied first, but for `kept`. */
  directory: string;
  report: ReportWork;
  /** Xen's options; the default starts domB with its reserved domid. */
  hypervisorOptions?: readonly string[];
  /** The domid that domB must have. */
  bootDomid?: number;
  memoryMiB?: number;
  cpus?: number;
  /** The key that the boot image demands a signature of, and the signature. */
  signature?: ImageExtras['signature'];
  /** What is judged, and dom0 asked for; everything by default. */
  judged?: readonly SubjectName[];
  /** What dom0 is asked beside that. */
  also?: readonly QuestionName[];
  /** Keys of Xen's console that are pressed when dom0 has answered: q describes all domains, g their grant tables. */
  xenKeys?: readonly string[];
  /** The same, when all that {@link converse} asks was answered. */
  xenKeysAtEnd?: readonly string[];
  /** Lines that the boot has to come to on the console, beside its stages. */
  awaited?: readonly RegExp[];
  /** Further devices of the machine, as QEMU's option -device takes them. */
  devices?: readonly string[];
  /** File with the contents of an NVMe disk, which is dom0's. */
  disk?: string;
  /** Whether the machine's hardware can be reached from outside. */
  exposed?: boolean;
  /** The machine's TPM. */
  tpm?: BootOptions['tpm'];
  /** Start through UEFI firmware. */
  firmware?: FirmwareOptions;
  /** Asks dom0 for more, when the boot was judged. */
  converse?: (ask: Ask, run: PlatformRun) => Promise<void>;
  /** What is done with the machine after that. */
  afterwards?: (run: PlatformRun, machine: VirtualMachine) => Promise<void>;
  /** Names of what stays in `directory`. */
  kept?: readonly string[];
  /** Told of the machine as soon as it runs. */
  started?: (machine: VirtualMachine) => void;
  /** Told why the boot failed, before the machine is stopped. */
  failed?: (error: unknown, machine: VirtualMachine) => Promise<void>;
  /** Makes another boot domain of what domB's initramfs has in it. */
  bootDomain?: (own: Initramfs) => Promise<Initramfs>;
  /** Whether an image, by its name in the manifest, is the demo's own; the default: all are. */
  isOwnImage?: (name: string) => boolean;
}

export interface PlatformRun {
  manifest: Manifest;
  checks: Judgement[];
  /** What a verifier says of the boot quote. */
  verdict: Verdict;
  answers: Answers;
  record: HandoverRecord;
  times: BootDomainTimes;
  consoleText: string;
}

/** A platform that boots, and what is known of it beforehand. */
export interface BootingPlatform {
  machine: VirtualMachine;
  manifest: Manifest;
  bootDomainMiB: number;
  /** The measured PCRs, computed from the manifest and the images, by bank. */
  predicted: PcrValues;
  items: readonly MeasuredItem[];
}

/** Makes the boot image, predicts what it will measure, and starts the machine with it. */
export async function bootPlatform(options: PlatformRunOptions): Promise<BootingPlatform> {
  const { manifestBytes, source, parts, directory, report, signature } = options;
  const findImage = finder(parts.images);
  const { manifest, initramfs: own } = await report("domB's boot image", () =>
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
  const { hypervisorOptions, memoryMiB, cpus, tpm, firmware, devices, disk, exposed, kept } =
    options;
  const initramfs = (await options.bootDomain?.(own)) ?? own;
  const machine = await bootManifest({
    ...{ directory, kept, parts, initramfs },
    ...{ hypervisorOptions, memoryMiB, cpus, tpm, firmware, devices, disk, exposed },
  });
  options.started?.(machine);
  return { machine, manifest, predicted, items, bootDomainMiB: bootDomainMiB(initramfs) };
}

/**
 * Boots a manifest on the virtual platform, follows the boot, collects the evidence, judges it and writes it below
 * `directory`. The machine is stopped in any case. Fails when the boot does not get to its end.
 */
export async function runPlatform(options: PlatformRunOptions): Promise<PlatformRun> {
  const { directory, report, isOwnImage = () => true } = options;
  const { machine, manifest, predicted, items, bootDomainMiB } = await bootPlatform(options);
  try {
    await followBoot(machine.console, bootStages, report);
    const line = await QuestionLine.open(machine);
    const { answers, ask, times: answerTimes } = line;
    const judged = options.judged ?? allSubjects;
    await report('dom0 answers', async () => {
      const names = questionsFor(judged, ['handover', ...(options.also ?? [])]);
      for (const name of names) await ask(name, questions[name]);
    });
    for (const key of options.xenKeys ?? []) await pressXenKey(machine, key);
    const files = sentFiles(answers.get('handover'));
    const record = handedOverRecord(files);
    if (judged.includes('services')) {
      await awaitServices(machine, ask, { manifest, record, isOwnImage });
    }
    for (const sign of options.awaited ?? []) await machine.console.waitFor(sign, awaitedTimeout);
    const { lines } = machine.console;
    const printed = () => lines.map((line) => line.text).join('\n');
    const consoleText = printed();
    const bootDomid = options.bootDomid ?? reservedBootDomid;
    const verdict = await bootVerdict(join(directory, 'evidence'), files, manifest, items);
    const evidence = { manifest, bootDomid, bootDomainMiB, predicted, consoleText, answers };
    const checks = judge({ ...evidence, record, verdict, isOwnImage }, judged);
    const times = bootDomainTimes(lines, record);
    await copyFile(join(directory, 'evidence', LOG_FILE_NAME), join(directory, LOG_FILE_NAME));
    const run = { manifest, checks, verdict, answers, record, times, consoleText };
    await options.converse?.(ask, run);
    for (const key of options.xenKeysAtEnd ?? []) await pressXenKey(machine, key);
    await writeFile(join(directory, 'answer-times.json'), JSON.stringify(answerTimes, null, 2));
    line.close();
    await options.afterwards?.(run, machine);
    return { ...run, consoleText: printed() };
  } catch (error) {
    await options.failed?.(error, machine);
    throw error;
  } finally {
    await machine.stop();
  }
}

/** Waits until all domains that are to say that they work have said so. */
async function awaitServices(
  { console }: VirtualMachine,
  ask: Ask,
  observed: Parameters<typeof services>[0],
): Promise<void> {
  for (const service of services(observed)) {
    if (service.console) await ask(...consoleQuestion(service.name));
    else await console.waitFor(new RegExp(service.sign), awaitedTimeout);
  }
}
