import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compress } from '../../../platform/images/compress.ts';
import { debianKernel, moduleClosure } from '../../../platform/images/kernel.ts';
import { RootTree } from '../../../platform/images/root-tree.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { temporaryFile } from '../support.ts';
import { attemptsOf } from './attempts.ts';
import type { Hostile } from './cast.ts';

const sources = join(import.meta.dirname, '../../lib/prober');
const vtpmInit = join(import.meta.dirname, '../../../platform/images/vtpm-backend/init');
const prober = '/usr/lib/domb/prober';
const attempts = '/usr/lib/domb/attempts';

/** Waits for a word on the console, then tries everything, and says on the console when it is done. */
const whenTold = (who: Hostile) => `read -r word
${prober} ${who} <${attempts}
`;

/** What a guest runs in the place of using its TPM. Programs of an ordinary domain make hypercalls with `unrestricted=1` only. */
const guestScript = (who: Hostile) => `#!/bin/sh
while read -r module; do insmod $module; done </etc/prober-modules
insmod /msr.ko
${whenTold(who)}`;

/** The program, linked statically: the domains that run it have nothing in common. */
async function compiled(): Promise<string> {
  const program = await temporaryFile('prober', new Uint8Array());
  const names = (await readdir(sources)).filter((name) => name.endsWith('.c')).sort();
  await runProgram('gcc', [
    ...['-static', '-O2', '-Wall', '-Wextra', '-Werror', '-s', '-o', program],
    ...names.map((name) => join(sources, name)),
  ]);
  return program;
}

async function segment(who: Hostile, program: string): Promise<string> {
  const lines = attemptsOf(who).map(({ line }) => `${line}\n`);
  const root = new RootTree().file(attempts, Buffer.from(lines.join('')));
  await root.copy(prober, program, 0o755);
  if (who === 'vtpm') {
    const init = await readFile(vtpmInit, 'utf8');
    const backend = '/usr/lib/domb/backend.cjs\n';
    if (!init.includes(backend)) throw new Error(`${vtpmInit} does not start ${backend}`);
    const hostile = `{ ${whenTold(who).trim().replace('\n', '; ')}; } </dev/console >/dev/console 2>&1 &\n`;
    root.file('/init', init.replace(backend, hostile + backend), 0o755);
  } else if (who !== 'dom0') {
    const kernel = await debianKernel();
    const order = await moduleClosure(kernel, ['xen-privcmd']);
    for (const path of order) await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
    const parameters = (path: string) => (path.includes('privcmd') ? ' unrestricted=1' : '');
    const list = order.map((path) => `/lib/modules/${path}${parameters(path)}\n`);
    root.file('/etc/prober-modules', list.join(''));
    root.file('/usr/lib/domb/use-tpm', Buffer.from(guestScript(who)), 0o755);
  }
  return temporaryFile(`hostile-${who}.cpio.zst`, compress(root.archive()));
}

/** A ramdisk segment for each hostile domain, by its name in a manifest; it goes behind the domain's own. */
export async function hostileSegments(who: readonly Hostile[]): Promise<[string, string][]> {
  const program = await compiled();
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
export const dom0Attempts = `${prober} dom0 <${attempts}`;
