import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compress } from '../../../platform/images/compress.ts';
import { RootTree } from '../../../platform/images/root-tree.ts';
import { guestWithProber, PROBER, proberProgram } from '../prober-guest.ts';
import { temporaryFile } from '../support.ts';
import { attemptsOf } from './attempts.ts';
import type { Hostile } from './cast.ts';

const vtpmInit = join(import.meta.dirname, '../../../platform/images/vtpm-backend/init');
const attempts = '/usr/lib/domb/attempts';

/** Waits for a word on the console, then tries everything, and says on the console when it is done. */
const whenTold = (who: Hostile) => `read -r word
${PROBER} ${who} <${attempts}
`;

async function segment(who: Hostile, program: string): Promise<string> {
  const lines = attemptsOf(who).map(({ line }) => `${line}\n`);
  const root = new RootTree().file(attempts, Buffer.from(lines.join('')));
  await root.copy(PROBER, program, 0o755);
  if (who === 'vtpm') {
    const init = await readFile(vtpmInit, 'utf8');
    const backend = '/usr/lib/domb/backend.cjs\n';
    if (!init.includes(backend)) throw new Error(`${vtpmInit} does not start ${backend}`);
    const hostile = `{ ${whenTold(who).trim().replace('\n', '; ')}; } </dev/console >/dev/console 2>&1 &\n`;
    root.file('/init', init.replace(backend, hostile + backend), 0o755);
  } else if (who !== 'dom0') {
    await guestWithProber(root, `insmod /msr.ko\n${whenTold(who)}`);
  }
  return temporaryFile(`hostile-${who}.cpio.zst`, compress(root.archive()));
}

/** A ramdisk segment for each hostile domain, by its name in a manifest; it goes behind the domain's own. */
export async function hostileSegments(who: readonly Hostile[]): Promise<[string, string][]> {
  const program = await proberProgram();
  return Promise.all(
    who.map(
      async (name): Promise<[string, string]> => [
        `hostile-${name}.cpio.zst`,
        await segment(name, program),
      ],
    ),
  );
}

/** Has dom0 try everything. */
export const dom0Attempts = `${PROBER} dom0 <${attempts}`;
