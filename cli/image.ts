import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { policyChecks } from '../boot-configs/checks/labels/policy-checks.ts';
import { loadManifest } from '../boot-configs/load.ts';
import { predictPcr4 } from '../measurement/firmware/pcr4.ts';
import { efiBootImage } from '../platform/firmware/efi-boot-image.ts';
import type { SigningKey } from '../platform/firmware/sign.ts';
import { buildHypervisor } from '../platform/hypervisor/build.ts';
import type { XenSource } from '../platform/hypervisor/source.ts';
import { bootDomainMiB, hypervisorOptions } from '../platform/images/command-lines.ts';
import { buildBootImage, type ImageExtras } from '../platform/images/domb.ts';
import { debianKernel } from '../platform/images/kernel.ts';
import { buildPolicy } from '../platform/policy/build.ts';
import { requiredValue } from './arguments.ts';
import { chosenXen } from './chosen-xen.ts';
import { type ExitStatus, Failure, type Input, type Terminal, UsageError } from './command.ts';
import { failing } from './failing.ts';
import { policyIn } from './flask-policy.ts';
import { manifestReader } from './manifest-input.ts';
import { writing } from './output.ts';
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
    const xen = await chosenXen(input, terminal);
    const policy = input.values.get('policy') ?? (await buildPolicy(xen));
    const bytes = await readFile(file);
    // Ours, too, does not allow every label everything.
    loadManifest(bytes, file, policyChecks(await policyIn(policy)));
    const extras = { policy: await readFile(policy), signature: await signature(file, input) };
    const { initramfs } = await buildBootImage(bytes, file, find, extras);
    const image = xen
      ? await efiImage({ initramfs, policy, xen }, input, terminal, key)
      : initramfs;
    await writing(output, () => writeFile(output, image));
    const digest = createHash('sha256').update(image).digest('hex');
    terminal.write(`${output}: ${(image.length / 2 ** 20).toFixed(1)} MiB, sha256:${digest}\n`);
    // An EFI file has them in it.
    if (!xen) terminal.write(`Xen's options: ${xenOptions(initramfs).join(' ')}\n`);
    else {
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
    return 0;
  });
}

async function efiImage(
  { initramfs, policy, xen }: { initramfs: Buffer; policy: string; xen: XenSource },
  { values }: Input,
  terminal: Terminal,
  key: SigningKey | undefined,
): Promise<Buffer> {
  terminal.writeError(
    'Building what is missing of Xen, policy and kernel; once, for some minutes\n',
  );
  const { efi } = await buildHypervisor({ bootDomain: true }, xen);
  const { bzImage } = await debianKernel();
  const more = values.get('xen-options')?.split(' ').filter(Boolean) ?? [];
  const options = [...xenOptions(initramfs), ...more];
  return efiBootImage({ xenEfi: efi, policy, bzImage, initramfs }, options, key).catch((error) => {
    throw new Failure((error as Error).message, 'check the options, key and certificate');
  });
}

/** What of Xen's command line the platform takes, whoever starts Xen. */
const xenOptions = (initramfs: Buffer) => hypervisorOptions(bootDomainMiB(initramfs.length));

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
