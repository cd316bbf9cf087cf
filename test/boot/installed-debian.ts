import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../../platform/lib/cache.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { builtDebs } from '../lib/built-debs.ts';
import { file } from '../lib/domb.ts';
import { debianRoot } from './debian-dom0.ts';

const fixtures = join(import.meta.dirname, 'debian-dom0');

export interface InstalledDebian {
  /** GRUB, for firmware. */
  efi: string;
  /** An ext4 file system, the host's; not to be written to. */
  disk: string;
  /** What the installation has said. */
  said: string;
}

/** A Debian 12 with GRUB, on which the packages and a manifest were installed; what GRUB is to try first is broken. */
export async function installedDebian(): Promise<InstalledDebian> {
  const root = await debianRoot();
  const debs = await builtDebs();
  const names = ['install', 'grub-probe', 'domb-test-answers.service'];
  const texts = await Promise.all(
    [...names.map((name) => join(fixtures, name)), file('platform/images/dom0/answers')].map(
      (path) => readFile(path, 'utf8'),
    ),
  );
  const directory = await cached(
    'installed-debian',
    [root, debs, texts],
    async (work) => {
      await copyFile(join(root, 'root.tar'), join(work, 'root.tar'));
      await mkdir(join(work, 'debs'));
      for (const name of await readdir(debs)) {
        await copyFile(join(debs, name), join(work, 'debs', name));
      }
      const units = join(work, 'added/etc/systemd/system');
      const console = join(units, 'domb-receive.service.d');
      await mkdir(console, { recursive: true });
      await mkdir(join(work, 'added/usr/lib/domb-test'), { recursive: true });
      await copyFile(join(fixtures, 'console.conf'), join(console, 'console.conf'));
      for (const name of ['domb-test-answers.service']) {
        await copyFile(join(fixtures, name), join(units, name));
      }
      await copyFile(
        file('platform/images/dom0/answers'),
        join(work, 'added/usr/lib/domb-test/answers'),
      );
      const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user', '--map-auto'];
      const said = await runProgram(
        'unshare',
        [...asRoot, '--mount', join(fixtures, 'install'), file('.')],
        { cwd: work },
      );
      await writeFile(join(work, 'said'), said);
    },
    'day',
  );
  return {
    efi: join(directory, 'boot.efi'),
    disk: join(directory, 'disk.ext4'),
    said: await readFile(join(directory, 'said'), 'utf8'),
  };
}
