import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hostPlaces } from '../platform/host/places.ts';
import { releasesIn } from '../platform/host/release.ts';
import type { ExitStatus, Input, Terminal } from './command.ts';
import { failing } from './failing.ts';
import { agreed } from './host/ask.ts';
import { knownChoices } from './host/choices.ts';
import { chosenLoader } from './host/chosen-loader.ts';
import { withoutRoot } from './host/without-root.ts';

/** `domb uninstall` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  if (!input.flags.has('dry-run')) withoutRoot('uninstall');
  return failing(async (): Promise<ExitStatus> => {
    const places = hostPlaces();
    const own = [places.releases, places.configuration, places.variable, places.grubDefault].filter(
      (path) => existsSync(path),
    );
    if (own.length === 0) {
      terminal.write('no manifest is installed on this host\n');
      return 0;
    }
    terminal.write(
      [
        'What is done:',
        ...own.map((path) => `  remove ${path}`),
        `  have GRUB, or firmware, boot as before domb; ${releasesIn(places.releases).length} entries go`,
        'Packages stay; "apt purge domb-boot domb-dom0 domb-xen domb domb-node" removes them.',
        '',
      ].join('\n'),
    );
    if (!(await agreed(input, terminal))) return 0;
    const loader = await chosenLoader(places, knownChoices(places) ?? {});
    await rm(places.releases, { recursive: true, force: true });
    await loader.leave();
    for (const path of own) await rm(path, { recursive: true, force: true });
    terminal.write('Removed. From the next boot on this host boots as before domb\n');
    return 0;
  });
}
