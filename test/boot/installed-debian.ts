import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { snakeoilKey } from '../../platform/firmware/snakeoil.ts';
import { guestRamdisk } from '../../platform/images/guest.ts';
import { cached } from '../../platform/lib/cache.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { builtDebs } from '../lib/built-debs.ts';
import { file } from '../lib/domb.ts';
import { debianRoot } from './debian-dom0.ts';

const fixtures = join(import.meta.dirname, 'debian-dom0');

export interface InstalledDebian {
  /** A disk with an EFI system partition and the host's file system; not to be written to. */
  disk: string;
  /** What the installation has said. */
  said: string;
}

/** A Debian 12 with GRUB, on which the packages and a manifest were installed; /root/db.key and db.pem are for Secure Boot. */
export async function installedDebian(): Promise<InstalledDebian> {
  const root = await debianRoot();
  const debs = await builtDebs();
  const units = ['domb-test-before.service', 'domb-test-answers.service'];
  const names = ['install', 'grub-probe', 'before', 'console.conf', ...units];
  const guest = await guestRamdisk();
  const answers = file('platform/images/dom0/answers');
  const texts = await Promise.all(
    [...names.map((name) => join(fixtures, name)), answers].map((path) => readFile(path, 'utf8')),
  );
  const directory = await cached(
    'installed-debian',
    [root, debs, texts, guest],
    async (work) => {
      await copyFile(join(root, 'root.tar'), join(work, 'root.tar'));
      await mkdir(join(work, 'debs'));
      for (const name of await readdir(debs)) {
        await copyFile(join(debs, name), join(work, 'debs', name));
      }
      const added = join(work, 'added');
      const place = join(added, 'etc/systemd/system');
      const console = join(place, 'domb-receive.service.d');
      for (const path of [console, join(added, 'usr/lib/domb-test'), join(added, 'root')]) {
        await mkdir(path, { recursive: true });
      }
      await copyFile(join(fixtures, 'console.conf'), join(console, 'console.conf'));
      for (const unit of units) await copyFile(join(fixtures, unit), join(place, unit));
      await copyFile(answers, join(added, 'usr/lib/domb-test/answers'));
      await copyFile(join(fixtures, 'before'), join(added, 'usr/lib/domb-test/before'));
      await copyFile(guest, join(added, 'root/guest.cpio.zst'));
      const { key, certificate } = await snakeoilKey(work);
      await copyFile(key, join(added, 'root/db.key'));
      await copyFile(certificate, join(added, 'root/db.pem'));
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
    disk: join(directory, 'disk'),
    said: await readFile(join(directory, 'said'), 'utf8'),
  };
}
