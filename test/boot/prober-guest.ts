import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { debianKernel, moduleClosure } from '../../platform/images/kernel.ts';
import type { RootTree } from '../../platform/images/root-tree.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { temporaryFile } from './support.ts';

const sources = join(import.meta.dirname, '../lib/prober');

/** Where a domain has the prober. */
export const PROBER = '/usr/lib/domb/prober';

/** The program, linked statically: the domains that run it have nothing in common. */
export async function proberProgram(): Promise<string> {
  const names = (await readdir(sources)).filter((name) => name.endsWith('.c')).sort();
  return staticProgram(
    'prober',
    names.map((name) => join(sources, name)),
  );
}

/** Compiles a program that runs in any domain. */
export async function staticProgram(name: string, files: readonly string[]): Promise<string> {
  const program = await temporaryFile(name, new Uint8Array());
  await runProgram('gcc', [
    ...['-static', '-O2', '-Wall', '-Wextra', '-Werror', '-s', '-o', program],
    ...files,
  ]);
  return program;
}

/**
 * What a guest runs in the place of using its TPM, with the kernel modules that hypercalls take. Programs of an ordinary domain make
 * them with `unrestricted=1` only.
 */
export async function guestWithProber(root: RootTree, script: string): Promise<void> {
  const kernel = await debianKernel();
  const order = await moduleClosure(kernel, ['xen-privcmd']);
  for (const path of order) await root.copy(`/lib/modules/${path}`, join(kernel.modules, path));
  const parameters = (path: string) => (path.includes('privcmd') ? ' unrestricted=1' : '');
  const list = order.map((path) => `/lib/modules/${path}${parameters(path)}\n`);
  root.file('/etc/prober-modules', list.join(''));
  const insert = 'while read -r module; do insmod $module; done </etc/prober-modules';
  const text = `#!/bin/sh\n${insert}\n${script}`;
  root.file('/usr/lib/domb/use-tpm', Buffer.from(text), 0o755);
}
