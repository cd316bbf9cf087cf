import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageNames } from '../boot-configs/all-domains.ts';
import { policyChecks } from '../boot-configs/checks/labels/policy-checks.ts';
import { loadManifest } from '../boot-configs/load.ts';
import { firstDomainKiB } from '../domains/xen-options.ts';
import { predictPcr4 } from '../measurement/firmware/pcr4.ts';
import { hashFiles } from '../measurement/hash-files.ts';
import { efiBootImage } from '../platform/firmware/efi-boot-image.ts';
import type { SigningKey } from '../platform/firmware/sign.ts';
import { buildHypervisor } from '../platform/hypervisor/build.ts';
import type { XenSource } from '../platform/hypervisor/source.ts';
import { bootKernel } from '../platform/images/boot-parts.ts';
import {
  bootDomainMiB,
  crashOptions,
  hypervisorOptions,
  kernelOptions,
} from '../platform/images/command-lines.ts';
import { buildBootImage, type ImageExtras, type Initramfs } from '../platform/images/domb.ts';
import { refuseOwnPiece, writePieces } from '../platform/lib/pieces.ts';
import { replaceFile } from '../platform/lib/replace-file.ts';
import { buildPolicy } from '../platform/policy/build.ts';
import { requiredValue } from './arguments.ts';
import { chosenXen } from './chosen-xen.ts';
import { type ExitStatus, Failure, type Input, type Terminal, UsageError } from './command.ts';
import { failing } from './failing.ts';
import { policyIn } from './flask-policy.ts';
import { chosenLock, componentsOf, requireLocked, requireSame, writeBill } from './image-lock.ts';
import { manifestReader } from './manifest-input.ts';
import { OutputFailure, writing } from './output.ts';
import { checkSecureBootUsage, pcr7Of, secureBootKeys } from './secure-boot.ts';

/** `domb image FILE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = ''] = input.arguments;
  const [images, output] = [requiredValue(input, 'images'), requiredValue(input, 'output')];
  const key = signingKey(input);
  checkSecureBootUsage(input);
  if (file === '-') throw new UsageError('the manifest is read twice', 'name it as a file');
  return failing(async (): Promise<ExitStatus> => {
    const read = await manifestReader(input, terminal);
    await read(file);
    const keys = await secureBootKeys(input);
    const find = async (path: string) => join(images, path);
    const lock = await chosenLock(input);
    const xen = await chosenXen(input, terminal);
    const xenEfi = xen && (await builtXen(xen, terminal)).efi;
    const policy = input.values.get('policy') ?? (await buildPolicy(xen));
    const bytes = await readFile(file);
    // Ours, too, does not allow every label everything.
    const manifest = loadManifest(bytes, file, policyChecks(await policyIn(policy)));
    const names = [...imageNames(manifest)].map((name) => [name, join(images, name)] as const);
    const components = await componentsOf({
      files: new Map([['the manifest', file], ...names]),
      policy,
      xen:
        xen && xenEfi
          ? { version: xen.version, file: xenEfi, kernel: await bootKernel() }
          : undefined,
    });
    requireLocked(lock, components);
    const extras = { policy: await readFile(policy), signature: await signature(file, input) };
    const { initramfs } = await buildBootImage(bytes, file, find, extras);
    refuseTooLarge(initramfs);
    refuseOwnPiece(output, initramfs.pieces);
    const memoryMiB = bootDomainMiB(initramfs);
    const ours = [...hypervisorOptions(memoryMiB), ...crashOptions(bytes)];
    if (xenEfi) {
      const options = [...ours, ...moreOptions(input, memoryMiB)];
      await efiImage({ initramfs, policy, xenEfi, options, output }, key);
    }
    const digest = xen
      ? await sha256Of(output)
      : await writing(output, () => replaceFile(output, (to) => writePieces(to, initramfs.pieces)));
    requireSame(lock, digest, key !== undefined);
    const beside = await writeBill(output, digest, components, key !== undefined);
    terminal.write(`${output}: ${inMiB(statSync(output).size)} MiB, sha256:${digest}\n`);
    const { packed, unpacked } = initramfs;
    const given = firstDomainKiB(input.values.get('xen-options') ?? '');
    terminal.write(
      `domB's memory: ${given === undefined ? memoryMiB : given / 1024} MiB, of which its initramfs takes ${inMiB(packed + unpacked)} while Linux unpacks it\n`,
    );
    // An EFI file has them in it.
    if (!xen) {
      terminal.write(`Xen's options: ${ours.join(' ')}\n`);
      terminal.write(`Options of domB's kernel: ${kernelOptions.join(' ')}\n`);
    } else {
      const pcr4 = (await predictPcr4(output, ['sha256'])).values.get('sha256');
      terminal.write(`PCR 4 when firmware starts it first: sha256:${pcr4?.toString('hex')}\n`);
    }
    if (keys !== undefined) {
      const pcr7 = (await pcr7Of(keys, output, ['sha256'])).values.get('sha256');
      const state = keys.on ? 'on' : 'off';
      terminal.write(
        `PCR 7 with these keys, Secure Boot ${state}: sha256:${pcr7?.toString('hex')}\n`,
      );
    }
    if (beside.length > 0) terminal.write(`What is in it: ${beside.join(', ')}\n`);
    return 0;
  });
}

interface EfiParts {
  initramfs: Initramfs;
  policy: string;
  xenEfi: string;
  options: readonly string[];
  output: string;
}

async function efiImage(
  { initramfs, policy, xenEfi, options, output }: EfiParts,
  key: SigningKey | undefined,
): Promise<void> {
  const parts = { xenEfi, policy, bzImage: await bootKernel(), initramfs: initramfs.pieces };
  try {
    await writing(output, () => replaceFile(output, (to) => efiBootImage(parts, options, to, key)));
  } catch (error) {
    if (error instanceof OutputFailure) throw error;
    throw new Failure((error as Error).message, 'check the options, key and certificate');
  }
}

async function builtXen(xen: XenSource, terminal: Terminal) {
  terminal.writeError(
    'Building what is missing of Xen, policy and kernel; once, for some minutes\n',
  );
  return buildHypervisor(xen);
}

/** What Xen's own module list can hold: a start and an end of 32 bits. */
const MOST_INITRAMFS = 2 ** 32;

function refuseTooLarge({ packed }: Initramfs): void {
  if (packed < MOST_INITRAMFS) return;
  throw new Failure(
    `the initramfs would have ${inMiB(packed)} MiB, and Xen takes modules of less than 4096 MiB`,
    'leave images out, or make them smaller',
  );
}

/** The options that are asked for beside ours; memory that domB cannot do with is refused. */
function moreOptions({ values }: Input, neededMiB: number): string[] {
  const more = values.get('xen-options') ?? '';
  const given = firstDomainKiB(more);
  if (given !== undefined && given < neededMiB * 1024) {
    throw new Failure(
      `--xen-options gives domB ${given / 1024} MiB with dom0_mem=, and it needs ${neededMiB} MiB for these images`,
      'leave dom0_mem= out: the right value is put into the file',
    );
  }
  return more.split(' ').filter(Boolean);
}

async function sha256Of(file: string): Promise<string> {
  const { digests } = [...(await hashFiles([file])).values()][0] ?? {};
  return digests?.sha256 ?? '';
}

const inMiB = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

/** The key and the signature beside the manifest, when there is a key; {@link manifestReader} has checked them. */
async function signature(file: string, { values }: Input): Promise<ImageExtras['signature']> {
  const key = values.get('key');
  if (key === undefined) return undefined;
  return { key: await readFile(key), bytes: await readFile(`${file}.sig`) };
}

function signingKey({ values, flags }: Input): SigningKey | undefined {
  const [key, certificate] = [values.get('efi-key'), values.get('efi-cert')];
  const only = ['efi-key', 'efi-cert', 'xen-options', 'xen-version', 'xen-source'];
  const given = only.find((name) => values.has(name));
  if (given !== undefined && !flags.has('efi')) {
    throw new UsageError(`--${given} is for EFI files`, 'add --efi, or leave it out');
  }
  if ((key === undefined) !== (certificate === undefined)) {
    throw new UsageError('--efi-key and --efi-cert go together', 'give both, or none');
  }
  return key === undefined || certificate === undefined ? undefined : { key, certificate };
}
