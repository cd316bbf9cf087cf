import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpio } from '../../initramfs/cpio.ts';

/** Updates for this host's processors, which Xen loads before anything else runs on them. */
export interface Microcode {
  /** The files that they come from. */
  files: readonly string[];
  /**
   * An archive that stands in front of domB's initramfs, as Linux has it (Documentation/x86/microcode.rst, "Early load microcode"), and where Xen looks
   * with the option `ucode=scan` (docs/misc/xen-command-line.pandoc).
   */
  archive: Buffer;
}

/** Has Xen look for {@link Microcode} in its modules. */
export const microcodeOptions: readonly string[] = ['ucode=scan'];

interface Maker {
  /** Debian's package of its microcode, in non-free-firmware. */
  package: string;
  /** Its name in the archive. */
  file: string;
  directory: string;
  /** Whether a file is for one of these processors. */
  isFor: (file: string, signatures: ReadonlySet<string>) => boolean;
}

/** By `vendor_id` of /proc/cpuinfo. */
const makers: ReadonlyMap<string, Maker> = new Map([
  [
    'GenuineIntel',
    {
      package: 'intel-microcode',
      file: 'GenuineIntel.bin',
      directory: 'lib/firmware/intel-ucode',
      // Family, model and stepping; Debian holds some back from kernels that could take them late, with a name of their own.
      isFor: (file, signatures) => signatures.has(file.replace(/\.initramfs$/, '')),
    },
  ],
  [
    'AuthenticAMD',
    {
      package: 'amd64-microcode',
      file: 'AuthenticAMD.bin',
      directory: 'lib/firmware/amd-ucode',
      // Each file is for many processors, and says which in a table of its own.
      isFor: (file) => /^microcode_amd.*\.bin$/.test(file),
    },
  ],
]);

/**
 * What the host below `root` has for its processors.
 * @param cpuinfo contents of its /proc/cpuinfo
 */
export function hostMicrocode(root: string, cpuinfo: string): Microcode | undefined {
  const maker = makers.get(field(cpuinfo, 'vendor_id')[0] ?? '');
  const directory = join(root, maker?.directory ?? '');
  if (maker === undefined || !existsSync(directory)) return undefined;
  const signatures = signaturesIn(cpuinfo);
  const files = readdirSync(directory)
    .filter((file) => maker.isFor(file, signatures))
    .sort()
    .map((file) => join(directory, file));
  if (files.length === 0) return undefined;
  const data = Buffer.concat(files.map((file) => readFileSync(file)));
  const parents = ['kernel', 'kernel/x86', 'kernel/x86/microcode'];
  return {
    files,
    archive: cpio([
      ...parents.map((path) => ({ path, type: 'directory' as const })),
      { path: `kernel/x86/microcode/${maker.file}`, type: 'file', mode: 0o644, data },
    ]),
  };
}

/** The package that would bring it; undefined where no processor of that maker takes any. */
export function microcodePackage(cpuinfo: string): string | undefined {
  // A virtual machine's processors take none, whoever is said to have made them.
  if (field(cpuinfo, 'flags').some((flags) => flags.split(' ').includes('hypervisor'))) return;
  return makers.get(field(cpuinfo, 'vendor_id')[0] ?? '')?.package;
}

/** Of all processors, as Intel's files are named: `06-8e-0a`. */
function signaturesIn(cpuinfo: string): ReadonlySet<string> {
  const [families, models, steppings] = ['cpu family', 'model', 'stepping'].map((name) =>
    field(cpuinfo, name).map((value) => Number(value).toString(16).padStart(2, '0')),
  );
  return new Set(
    families?.map((family, cpu) => [family, models?.[cpu], steppings?.[cpu]].join('-')),
  );
}

function field(cpuinfo: string, name: string): string[] {
  return [...cpuinfo.matchAll(new RegExp(`^${name}\\s*: (.*)$`, 'gm'))].map(([, value = '']) =>
    value.trim(),
  );
}
