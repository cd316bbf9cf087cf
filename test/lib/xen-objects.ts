import { appendFile, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { exists } from '../../platform/lib/cache.ts';
import { runProgram } from '../../platform/lib/run.ts';

/** A choice of what our series depends on: Xen's security modules (FLASK, SILO alone, or none), and Argo. */
export interface Choice {
  xsm: 'flask' | 'silo' | 'none';
  argo: boolean;
}

export const choices: readonly Choice[] = (['flask', 'silo', 'none'] as const).flatMap((xsm) => [
  { xsm, argo: true },
  { xsm, argo: false },
]);

export const nameOf = ({ xsm, argo }: Choice): string =>
  `${xsm === 'flask' ? 'with FLASK' : xsm === 'silo' ? 'without FLASK' : 'without XSM'}, ${argo ? 'with' : 'without'} Argo`;

const fragments = join(import.meta.dirname, '../../platform/hypervisor/config');

/** What a build of Xen does before it compiles the first file (xen/Makefile, $(TARGET)); no goal of its own does it. */
const headers =
  '.headers: ; $(Q)$(MAKE) $(build)=tools && $(MAKE) $(build)=. include/xen/compile.h && $(MAKE) $(build)=include all' +
  ' && $(MAKE) $(build)=arch/$(SRCARCH) include && $(MAKE) $(build)=. arch/$(SRCARCH)/include/asm/asm-offsets.h';

/** The C files of x86 that patches change. */
export function touchedFiles(patches: readonly string[]): string[] {
  const names = patches.flatMap((text) =>
    [...text.matchAll(/^diff --git a\/xen\/(\S+\.c) b/gm)].map(([, name = '']) => name),
  );
  // A whole build compiles what is common to all EFI through links that it makes.
  return [...new Set(names)].filter((name) => !/^(arch\/arm|common\/efi)\//.test(name)).sort();
}

/**
 * Compiles files of the Xen source in `tree`, which stays as it is, in the directory `output`: Debian's configuration and ours, but for
 * the choice. With the next patch, the same directory and the same choice, only what depends on what changed is compiled.
 * @returns how many were compiled or are up to date; files of what is not chosen are left out
 */
export async function compileObjects(
  tree: string,
  output: string,
  choice: Choice,
  files: readonly string[],
): Promise<number> {
  await mkdir(output, { recursive: true });
  const make = maker(tree, output);
  await configure(tree, output, choice, make);
  const objects = files
    .filter((name) => isChosen(name, choice))
    .map((name) => name.replace(/c$/, 'o'));
  await make([`--eval=${headers}`, '.headers']);
  // Each goal looks first whether asm-macros.h is up to date; two at once would both make it.
  for (const goals of [objects.slice(0, 1), objects.slice(1)]) {
    if (goals.length > 0) await make(goals);
  }
  return objects.length;
}

function isChosen(name: string, { xsm, argo }: Choice): boolean {
  if (name.startsWith('xsm/flask/')) return xsm === 'flask';
  if (name.startsWith('xsm/')) return xsm !== 'none';
  return name !== 'common/argo.c' || argo;
}

async function configure(
  tree: string,
  output: string,
  { xsm, argo }: Choice,
  make: Make,
): Promise<void> {
  const target = join(output, '.config');
  const debians = join(tree, 'debian/xen-kconfig');
  if (await exists(debians)) await copyFile(debians, target);
  else await make(['defconfig']);
  const ours = await Promise.all(
    ['xsm.config', 'boot-domain.config'].map((name) => readFile(join(fragments, name), 'utf8')),
  );
  await appendFile(target, ours.join(''));
  const off = [
    ...(xsm === 'flask' ? [] : xsm === 'silo' ? ['XSM_FLASK'] : ['XSM']),
    ...(argo ? [] : ['ARGO']),
  ];
  let text = await readFile(target, 'utf8');
  for (const name of off) {
    text = text.replaceAll(new RegExp(`^(# )?CONFIG_${name}(_\\w+)?[= ].*\\n`, 'gm'), '');
    text += `# CONFIG_${name} is not set\n`;
  }
  await writeFile(target, text);
  await make(['olddefconfig']);
  const made = await readFile(target, 'utf8');
  const has = (name: string) => new RegExp(`^CONFIG_${name}=y$`, 'm').test(made);
  const is = { xsm: has('XSM'), flask: has('XSM_FLASK'), argo: has('ARGO') };
  if (is.xsm !== (xsm !== 'none') || is.flask !== (xsm === 'flask') || is.argo !== argo) {
    throw new Error(
      `Xen's configuration did not take ${nameOf({ xsm, argo })}: ${JSON.stringify(is)}`,
    );
  }
}

type Make = (goals: readonly string[]) => Promise<void>;

/** Warnings are errors there. */
function maker(tree: string, output: string): Make {
  const fixed = ['-s', '-C', join(tree, 'xen'), `O=${output}`, `-j${availableParallelism()}`];
  const env = { PATH: process.env.PATH, LC_ALL: 'C' };
  return async (goals) => {
    await runProgram('make', [...fixed, ...goals], { env });
  };
}
