import { appendFile, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { exists } from '../../platform/lib/cache.ts';
import { runProgram } from '../../platform/lib/run.ts';

/** A choice of what our series depends on: Xen's security modules (FLASK, SILO alone, or none), Argo, and the switch of the series itself. */
export interface Choice {
  xsm: 'flask' | 'silo' | 'none';
  argo: boolean;
  bootDomain: boolean;
}

/** What `platform/hypervisor` builds. */
export const shipped: Choice = { xsm: 'flask', argo: true, bootDomain: true };

const others: readonly Choice[] = [
  { ...shipped, argo: false },
  { ...shipped, xsm: 'silo' },
  { ...shipped, xsm: 'silo', argo: false },
  { ...shipped, xsm: 'none' },
  { ...shipped, xsm: 'none', argo: false },
  { ...shipped, bootDomain: false },
];

const withOrNot = (has: boolean, what: string) => `${has ? 'with' : 'without'} ${what}`;

export const nameOf = ({ xsm, argo, bootDomain }: Choice): string =>
  [
    xsm === 'none' ? 'without XSM' : withOrNot(xsm === 'flask', 'FLASK'),
    withOrNot(argo, 'Argo'),
    withOrNot(bootDomain, 'the boot domain'),
  ].join(', ');

const fragments = join(import.meta.dirname, '../../platform/hypervisor/config');

/** What a build of Xen does before it compiles the first file (xen/Makefile, $(TARGET)); no goal of its own does it. */
const headers =
  '.headers: ; $(Q)$(MAKE) $(build)=tools && $(MAKE) $(build)=. include/xen/compile.h && $(MAKE) $(build)=include all' +
  ' && $(MAKE) $(build)=arch/$(SRCARCH) include && $(MAKE) $(build)=. arch/$(SRCARCH)/include/asm/asm-offsets.h';

/** The files below `folder` that a patch changes. */
function changed(patch: string, folder: string): string[] {
  const all = [...patch.matchAll(/^diff --git a\/(\S+) b\//gm)].map(([, name = '']) => name);
  return all.filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length));
}

/** The C files of x86's hypervisor that a patch changes. */
export function hypervisorFiles(patch: string): string[] {
  return changed(patch, 'xen/').filter((name) => /(?<!^arch\/arm\b.*)\.c$/.test(name));
}

/** The C files of libxenctrl that a patch changes. */
export function libraryFiles(patch: string): string[] {
  return changed(patch, 'tools/libs/ctrl/').filter((name) => name.endsWith('.c'));
}

/** What a patch can be compiled differently in than shipped: it has code of security modules, Argo's, or asks for the switch. */
export function otherChoices(patch: string): Choice[] {
  const names = changed(patch, 'xen/');
  const xsm = names.some((name) => /\bxsm\//.test(name));
  const argo = names.some((name) => /\bargo\b/.test(name));
  const asksForSwitch = /^\+#if.*CONFIG_BOOT_DOMAIN\b/m.test(patch);
  return others.filter(
    (choice) =>
      (xsm || choice.xsm === shipped.xsm) &&
      (argo || choice.argo === shipped.argo) &&
      (asksForSwitch || choice.bootDomain === shipped.bootDomain),
  );
}

/**
 * Compiles what a patch, which was applied, changes of the hypervisor, in the directory `output`: Debian's configuration and ours, but for the
 * choice. `tree`, the Xen source, stays as it is. With the next patch, the same directory and the same choice, only what depends on
 * what changed is compiled. Warnings are errors.
 * @param like such a directory of another choice, from which a new one gets what does not depend on it
 * @returns the objects; not those of files that are not chosen
 */
export async function compileHypervisor(
  tree: string,
  output: string,
  choice: Choice,
  patch: string,
  like?: string,
): Promise<string[]> {
  const files = hypervisorFiles(patch).filter((name) => isChosen(name, choice));
  const objects = files.map(objectOf);
  if (objects.length === 0) return [];
  const make = maker(tree, output);
  const isNew = !(await exists(output));
  if (isNew && like !== undefined) await runProgram('cp', ['-a', like, output]);
  await mkdir(output, { recursive: true });
  if (isNew || changed(patch, 'xen/').some((name) => name.endsWith('/Kconfig'))) {
    await configure(tree, output, choice, make);
  }
  await make([`--eval=${headers}`, '.headers']);
  await linkEfi(tree, output, files);
  // Each goal looks first whether asm-macros.h is up to date; two at once would both make it.
  for (const goals of isNew ? [objects.slice(0, 1), objects.slice(1)] : [objects]) {
    if (goals.length > 0) await make(goals);
  }
  return objects;
}

/** Compiles what a patch changes of libxenctrl, with the tree's public headers. Warnings are errors. */
export async function compileLibrary(
  tree: string,
  scratch: string,
  patch: string,
): Promise<string[]> {
  const files = libraryFiles(patch);
  const headers = join(scratch, 'headers');
  if (!(await exists(headers))) {
    await mkdir(headers);
    await symlink(join(tree, 'xen/include/public'), join(headers, 'xen'));
  }
  const libraries = ['toolcore', 'toollog', 'evtchn', 'gnttab', 'call', 'foreignmemory'];
  const paths = [
    ...['include', 'libs/ctrl', ...libraries.map((name) => `libs/${name}/include`)].map((name) =>
      join(tree, 'tools', name),
    ),
    headers,
  ];
  for (const file of files) {
    await runProgram('gcc', [
      ...['-std=gnu99', '-Wall', '-Werror', '-Wmissing-prototypes', '-fsyntax-only'],
      '-D__XEN_TOOLS__',
      ...paths.map((path) => `-I${path}`),
      join(tree, 'tools/libs/ctrl', file),
    ]);
  }
  return files;
}

function isChosen(name: string, { xsm, argo }: Choice): boolean {
  if (name.startsWith('xsm/flask/')) return xsm === 'flask';
  if (name.startsWith('xsm/')) return xsm !== 'none';
  return name !== 'common/argo.c' || argo;
}

const objectOf = (name: string) => placeOf(name).replace(/c$/, 'o');

/** x86 compiles what is common to all EFI through links, in a folder of its own. */
const placeOf = (name: string) => name.replace(/^common\/efi\//, 'arch/x86/efi/');

/** A whole build makes those links on its way, the build of one object does not. */
async function linkEfi(tree: string, output: string, files: readonly string[]): Promise<void> {
  for (const name of files.filter((each) => placeOf(each) !== each)) {
    const link = join(output, placeOf(name));
    await mkdir(dirname(link), { recursive: true });
    if (!(await exists(link))) await symlink(join(tree, 'xen', name), link);
  }
}

async function configure(
  tree: string,
  output: string,
  { xsm, argo, bootDomain }: Choice,
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
    ...(bootDomain ? [] : ['BOOT_DOMAIN']),
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
  const taken = { XSM: xsm !== 'none', XSM_FLASK: xsm === 'flask', ARGO: argo };
  // Before the patch that adds it there is none.
  const wanted = Object.entries(bootDomain ? taken : { ...taken, BOOT_DOMAIN: false });
  const lost = wanted.filter(([name, value]) => has(name) !== value).map(([name]) => name);
  if (lost.length > 0) throw new Error(`Xen's configuration did not take ${lost.join(', ')}`);
}

type Make = (goals: readonly string[]) => Promise<void>;

function maker(tree: string, output: string): Make {
  const fixed = ['-s', '-C', join(tree, 'xen'), `O=${output}`, `-j${availableParallelism()}`];
  const env = { PATH: process.env.PATH, LC_ALL: 'C' };
  return async (goals) => {
    await runProgram('make', [...fixed, ...goals], { env });
  };
}
