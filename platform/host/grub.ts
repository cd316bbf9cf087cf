import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runProgram } from '../lib/run.ts';
import type { BootLoader, SeenByLoader } from './boot-loader.ts';
import { HostError } from './host-error.ts';
import type { HostPlaces } from './places.ts';

/** Makes a release's entry of GRUB's menu: /etc/grub.d/42_domb, of the package domb-boot, which names it `domb-RELEASE`. */
const entryOf = (release: string) => `domb-${release}`;

/**
 * GRUB's part: which entry is the default, and which is tried once. GRUB keeps both in its environment block, and clears the second
 * before it starts it, so that whatever becomes of that boot, the next is the default.
 */
export class Grub implements BootLoader {
  readonly changes: readonly string[];
  readonly #places: HostPlaces;

  constructor(places: HostPlaces) {
    this.#places = places;
    this.changes = [
      `write ${places.grubDefault}: GRUB keeps its default in its environment block, where it stays as it is`,
      'run update-grub, which makes an entry for each release with /etc/grub.d/42_domb, and has GRUB try the new one once',
    ];
  }

  get #environmentFile(): string {
    return join(this.#places.root, 'boot/grub/grubenv');
  }

  /** @throws HostError where GRUB can't be used for trying a release once */
  async check(): Promise<void> {
    for (const program of ['update-grub', 'grub-editenv', 'grub-reboot', 'grub-set-default']) {
      if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) {
        throw new HostError(
          `${program} is missing: GRUB is not what boots this host`,
          'install grub2-common, or boot through firmware: domb install --efi',
        );
      }
    }
    if (!existsSync(join(this.#places.root, 'etc/grub.d/42_domb'))) {
      throw new HostError('/etc/grub.d/42_domb is missing', 'install the package domb-boot');
    }
    if (!existsSync(this.#environmentFile)) {
      throw new HostError(
        '/boot/grub/grubenv is missing, in which GRUB keeps what to try once',
        'run "grub-editenv /boot/grub/grubenv create"; GRUB can write to it on ext2, ext3, ext4, XFS and FAT, not on LVM, RAID or btrfs',
      );
    }
  }

  /** Makes the saved entry the default, which is what was the default until now. */
  async begin(): Promise<void> {
    if (existsSync(this.#places.grubDefault)) return;
    const former = await this.#default();
    await mkdir(dirname(this.#places.grubDefault), { recursive: true });
    await writeFile(
      this.#places.grubDefault,
      [
        '# Of "domb install", and removed by "domb uninstall": a new release of the boot domain is tried once, and becomes the default when',
        '# dom0 has received its hand-over. Until then the default is what it was:',
        `# DOMB_FORMER_DEFAULT=${former}`,
        'GRUB_DEFAULT=saved',
        'GRUB_SAVEDEFAULT=false',
        '',
      ].join('\n'),
    );
    if (former !== 'saved') await runProgram('grub-set-default', [former]);
  }

  /** What /etc/default/grub and its directory say, read as GRUB's own scripts read it. */
  async #default(): Promise<string> {
    const script = `set -e
for file in "$0/etc/default/grub" "$0"/etc/default/grub.d/*.cfg; do
  [ ! -e "$file" ] || . "$file"
done
printf %s "\${GRUB_DEFAULT:-0}"`;
    return runProgram('sh', ['-c', script, this.#places.root.replace(/\/$/, '')]);
  }

  /** Has GRUB's menu show the releases that there are. */
  async refresh(): Promise<void> {
    await runProgram('update-grub', []);
  }

  async tryOnce(release: string): Promise<void> {
    await runProgram('grub-editenv', ['-', 'unset', 'domb_tried']);
    await runProgram('grub-reboot', [entryOf(release)]);
  }

  /** Takes back {@link tryOnce}, where the boot was not tried. */
  async forget(): Promise<void> {
    await runProgram('grub-editenv', ['-', 'unset', 'next_entry']);
  }

  async promote(release: string): Promise<void> {
    await runProgram('grub-set-default', [entryOf(release)]);
  }

  /** What GRUB has started last, and whether it has still to try a release. */
  async seen(): Promise<SeenByLoader> {
    const environment = await this.#environment();
    const [booted, tried] = [environment.get('domb_booted'), environment.get('domb_tried')];
    const standard = /^domb-(.*)$/.exec(environment.get('saved_entry') ?? '')?.[1];
    return {
      ...(booted === undefined ? {} : { booted }),
      ...(standard === undefined ? {} : { default: standard }),
      ...(tried === undefined ? {} : { tried }),
      pending: environment.get('next_entry')?.startsWith('domb-') ?? false,
    };
  }

  /** Has GRUB boot as before domb. */
  async leave(): Promise<void> {
    const text = await readFile(this.#places.grubDefault, 'utf8').catch(() => '');
    const former = /^# DOMB_FORMER_DEFAULT=(.*)$/m.exec(text)?.[1];
    await rm(this.#places.grubDefault, { force: true });
    // Nothing was ever begun.
    if (!existsSync(this.#environmentFile)) return;
    const environment = await this.#environment();
    const ours = (name: string) => environment.get(name)?.startsWith('domb-') === true;
    const unset = ['domb_booted', 'domb_tried'].filter((name) => environment.has(name));
    // GRUB empties it when it has tried what stood there.
    if (ours('next_entry') || environment.get('next_entry') === '') unset.push('next_entry');
    if (ours('saved_entry') || (former !== undefined && former !== 'saved'))
      unset.push('saved_entry');
    for (const name of unset) await runProgram('grub-editenv', ['-', 'unset', name]);
    await this.refresh();
  }

  async #environment(): Promise<Map<string, string>> {
    const text = await runProgram('grub-editenv', ['-', 'list']);
    return new Map(
      text.split('\n').flatMap((line) => {
        const at = line.indexOf('=');
        return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
      }),
    );
  }
}
