import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { efiBootImage } from '../firmware/efi-boot-image.ts';
import type { SigningKey } from '../firmware/sign.ts';
import { filePiece } from '../lib/pieces.ts';
import { replaceFile } from '../lib/replace-file.ts';
import { runProgram } from '../lib/run.ts';
import type { BootLoader, SeenByLoader } from './boot-loader.ts';
import { HostError } from './host-error.ts';
import type { HostPlaces } from './places.ts';
import { releaseFiles, releasesIn } from './release.ts';

export interface EfiChoice {
  /** Xen as an EFI application. */
  xenEfi: string;
  /** With which releases are signed, for Secure Boot. */
  key?: SigningKey | undefined;
}

/** Boot options as efibootmgr shows them. */
export interface FirmwareEntries {
  current: string | undefined;
  next: string | undefined;
  order: readonly string[];
  /** Labels by number, four hex digits. */
  labels: ReadonlyMap<string, string>;
}

/** What efibootmgr prints. */
export function parseBootOptions(text: string): FirmwareEntries {
  const value = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]?.trim();
  const labels = [...text.matchAll(/^Boot([0-9A-F]{4})[* ] ([^\t\n]*?)(?:\t.*)?$/gm)];
  return {
    current: value('BootCurrent'),
    next: value('BootNext'),
    order: (value('BootOrder') ?? '').split(',').filter(Boolean),
    labels: new Map(labels.map(([, number = '', label = '']) => [number, label.trim()])),
  };
}

/** Room for all of a release's file that is not its initramfs: Xen, domB's kernel, the policy; and for other files. */
const OTHER_BYTES = 32 * 2 ** 20;

const labelOf = (release: string) => `domB ${release}`;
const releaseOf = (label: string | undefined) => /^domB ([0-9a-f]{12})$/.exec(label ?? '')?.[1];

/**
 * Firmware starts releases, each from one EFI file on the EFI system partition, by a boot option of its own. BootNext is cleared by firmware
 * before it starts what stands there (UEFI 2.10, 3.1.2), so that whatever becomes of that boot, the next is the default.
 */
export class EfiEntries implements BootLoader {
  readonly #places: HostPlaces;
  readonly #choice: EfiChoice;

  constructor(places: HostPlaces, choice: EfiChoice) {
    this.#places = places;
    this.#choice = choice;
  }

  get changes(): readonly string[] {
    return [
      `write EFI/domb/RELEASE.efi on the EFI system partition${this.#choice.key ? ', signed' : ''}`,
      'make a boot option of firmware for it, behind the others, and have it tried once (BootNext)',
    ];
  }

  async check(): Promise<void> {
    if (spawnSync('sh', ['-c', 'command -v efibootmgr']).status !== 0) {
      throw new HostError('efibootmgr is missing', 'install efibootmgr');
    }
    if (!existsSync('/sys/firmware/efi/efivars')) {
      throw new HostError(
        'this system was not started by UEFI firmware (/sys/firmware/efi/efivars is missing)',
        'leave --efi out: GRUB boots this host',
      );
    }
    await this.#partition();
  }

  async begin(): Promise<void> {}

  async refresh(): Promise<void> {
    const { directory } = await this.#partition();
    const wanted = releasesIn(this.#places.releases);
    const files: string[] = await readdir(directory).catch(() => []);
    for (const file of files) {
      if (!wanted.includes(file.replace(/\.efi$/, ''))) await rm(join(directory, file));
    }
    for (const [number, label] of (await this.#options()).labels) {
      const release = releaseOf(label);
      if (release !== undefined && !wanted.includes(release)) await this.#remove(number);
    }
    for (const release of wanted) {
      if (!files.includes(`${release}.efi`)) await this.#write(release, directory);
    }
  }

  async #write(release: string, directory: string): Promise<void> {
    const at = (name: string) => join(this.#places.releases, release, name);
    await mkdir(directory, { recursive: true });
    const { size } = await stat(at(releaseFiles.initramfs));
    const { bavail, bsize } = await statfs(directory);
    const needed = size + OTHER_BYTES;
    if (bavail * bsize < needed) {
      const inMiB = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
      throw new HostError(
        `${directory} has ${inMiB(bavail * bsize)} free, and a release needs ${inMiB(needed)}`,
        'make room on the EFI system partition',
      );
    }
    const options = (await readFile(at(releaseFiles.xenOptions), 'utf8')).trim().split(' ');
    const parts = {
      xenEfi: this.#choice.xenEfi,
      policy: at(releaseFiles.policy),
      bzImage: at(releaseFiles.kernel),
      initramfs: [filePiece(at(releaseFiles.initramfs))],
    };
    // A file that is signed is there twice for a while, for which an EFI system partition is too small.
    const made = join(this.#places.variable, `${release}.efi`);
    await mkdir(this.#places.variable, { recursive: true });
    try {
      await efiBootImage(parts, options, made, this.#choice.key);
      await replaceFile(join(directory, `${release}.efi`), (to) => copyFile(made, to));
    } finally {
      await rm(made, { force: true });
    }
  }

  async tryOnce(release: string): Promise<void> {
    await runProgram('efibootmgr', ['--quiet', '--bootnext', await this.#numberOf(release)]);
  }

  async forget(): Promise<void> {
    const { next } = await this.#options();
    if (next !== undefined) await runProgram('efibootmgr', ['--quiet', '--delete-bootnext']);
  }

  async promote(release: string): Promise<void> {
    const number = await this.#numberOf(release);
    const { order } = await this.#options();
    const now = [number, ...order.filter((each) => each !== number)];
    await runProgram('efibootmgr', ['--quiet', '--bootorder', now.join(',')]);
  }

  async seen(trial?: string): Promise<SeenByLoader> {
    const { current, next, order, labels } = await this.#options();
    const standard = releaseOf(labels.get(order[0] ?? ''));
    const booted = releaseOf(labels.get(current ?? ''));
    const pending = releaseOf(labels.get(next ?? '')) !== undefined;
    return {
      ...(booted === undefined ? {} : { booted }),
      ...(standard === undefined ? {} : { default: standard }),
      // Firmware has started what is not there any more.
      ...(pending || trial === undefined ? {} : { tried: trial }),
      pending,
    };
  }

  async leave(): Promise<void> {
    const { directory } = await this.#partition();
    const { labels, next } = await this.#options();
    if (releaseOf(labels.get(next ?? '')) !== undefined) await this.forget();
    for (const [number, label] of labels) {
      if (releaseOf(label) !== undefined) await this.#remove(number);
    }
    await rm(directory, { recursive: true, force: true });
  }

  async #remove(number: string): Promise<void> {
    await runProgram('efibootmgr', ['--quiet', '--bootnum', number, '--delete-bootnum']);
  }

  /** The boot option of a release, made where there is none; it is in no order, so that nothing but BootNext starts it. */
  async #numberOf(release: string): Promise<string> {
    const find = async () =>
      [...(await this.#options()).labels].find(([, label]) => label === labelOf(release))?.[0];
    const present = await find();
    if (present !== undefined) return present;
    const { disk, part } = await this.#partition();
    await runProgram('efibootmgr', [
      ...['--quiet', '--create-only', '--disk', disk, '--part', part],
      ...['--label', labelOf(release), '--loader', `\\EFI\\domb\\${release}.efi`],
    ]);
    const made = await find();
    if (made !== undefined) return made;
    throw new HostError(
      `firmware has not kept the boot option "${labelOf(release)}"`,
      'see "efibootmgr -v"; firmware may have no room for more',
    );
  }

  async #options(): Promise<FirmwareEntries> {
    return parseBootOptions(await runProgram('efibootmgr', []));
  }

  /** The EFI system partition, where Debian mounts it, and our directory there. */
  async #partition(): Promise<{ disk: string; part: string; directory: string }> {
    for (const place of ['/boot/efi', '/efi', '/boot']) {
      const { stdout, status } = spawnSync('findmnt', ['-nro', 'SOURCE,FSTYPE', place], {
        encoding: 'utf8',
      });
      const [source = '', type] = stdout.trim().split(' ');
      if (status !== 0 || type !== 'vfat') continue;
      const partition = this.#blockDevice(source);
      if (partition === undefined) continue;
      return {
        disk: `/dev/${basename(dirname(partition))}`,
        part: (await readFile(join(partition, 'partition'), 'utf8')).trim(),
        directory: join(this.#places.root, place, 'EFI/domb'),
      };
    }
    throw new HostError(
      'no EFI system partition is mounted at /boot/efi, /efi or /boot',
      'mount it, as Debian does at /boot/efi',
    );
  }

  /** Where sysfs has a partition, below its disk; undefined for what is no partition. (Debian 12's lsblk does not tell numbers of partitions.) */
  #blockDevice(source: string): string | undefined {
    try {
      const path = realpathSync(join(this.#places.root, 'sys/class/block', basename(source)));
      return existsSync(join(path, 'partition')) ? path : undefined;
    } catch {
      return undefined;
    }
  }
}
