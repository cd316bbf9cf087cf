import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatProblems, ManifestError } from '../boot-configs/problems.ts';
import { predictPcr4 } from '../measurement/firmware/pcr4.ts';
import { efiBootImage } from '../platform/firmware/efi-boot-image.ts';
import type { SigningKey } from '../platform/firmware/sign.ts';
import { buildHypervisor } from '../platform/hypervisor/build.ts';
import { bootDomainMiB, hypervisorOptions } from '../platform/images/command-lines.ts';
import { buildBootImage, type ImageExtras } from '../platform/images/domb.ts';
import { debianKernel } from '../platform/images/kernel.ts';
import { buildPolicy } from '../platform/policy/build.ts';
import { paintFor } from './colour.ts';
import { type ExitStatus, Failure, type Input, type Terminal, UsageError } from './command.ts';
import { manifestReader } from './manifest-input.ts';

/** `domb image FILE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const [file = ''] = input.arguments;
  const [images, output] = [required(input, 'images'), required(input, 'output')];
  const key = signingKey(input);
  if (file === '-') throw new UsageError('the manifest is read twice', 'name it as a file');
  try {
    const read = await manifestReader(input, terminal);
    await read(file);
    const find = async (path: string) => join(images, path);
    const policy = input.values.get('policy') ?? (await buildPolicy());
    const extras = { policy: await readFile(policy), signature: await signature(file, input) };
    const { initramfs } = await buildBootImage(await readFile(file), file, find, extras);
    const efi = input.flags.has('efi');
    const image = efi ? await efiImage(initramfs, policy, input, terminal, key) : initramfs;
    await writeFile(output, image);
    const digest = createHash('sha256').update(image).digest('hex');
    terminal.write(`${output}: ${(image.length / 2 ** 20).toFixed(1)} MiB, sha256:${digest}\n`);
    if (efi) {
      const pcr4 = (await predictPcr4(output, ['sha256'])).values.get('sha256');
      terminal.write(`PCR 4 when firmware starts it first: sha256:${pcr4?.toString('hex')}\n`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const paint = paintFor(terminal.colour);
    terminal.writeError(`${formatProblems(error.problems, error.more, paint)}\n`);
    return 1;
  }
}

async function efiImage(
  initramfs: Buffer,
  policy: string,
  { values }: Input,
  terminal: Terminal,
  key: SigningKey | undefined,
): Promise<Buffer> {
  terminal.writeError(
    'Building what is missing of Xen, policy and kernel; once, for some minutes\n',
  );
  const { efi } = await buildHypervisor({ bootDomain: true });
  const { bzImage } = await debianKernel();
  const more = values.get('xen-options')?.split(' ').filter(Boolean) ?? [];
  const options = [...hypervisorOptions(bootDomainMiB), ...more];
  return efiBootImage({ xenEfi: efi, policy, bzImage, initramfs }, options, key).catch((error) => {
    throw new Failure((error as Error).message, 'check the options, key and certificate');
  });
}

/** The key and the signature beside the manifest, when there is a key; {@link manifestReader} has checked them. */
async function signature(file: string, { values }: Input): Promise<ImageExtras['signature']> {
  const key = values.get('key');
  if (key === undefined) return undefined;
  return { key: await readFile(key), bytes: await readFile(`${file}.sig`) };
}

function required({ values }: Input, name: string): string {
  const value = values.get(name);
  if (value === undefined) {
    throw new UsageError(`image needs --${name}`, '"domb help image" shows how it is used');
  }
  return value;
}

function signingKey({ values, flags }: Input): SigningKey | undefined {
  const [key, certificate] = [values.get('efi-key'), values.get('efi-cert')];
  const given = ['efi-key', 'efi-cert', 'xen-options'].find((name) => values.has(name));
  if (given !== undefined && !flags.has('efi')) {
    throw new UsageError(`--${given} is for EFI files`, 'add --efi, or leave it out');
  }
  if ((key === undefined) !== (certificate === undefined)) {
    throw new UsageError('--efi-key and --efi-cert go together', 'give both, or none');
  }
  return key === undefined || certificate === undefined ? undefined : { key, certificate };
}
