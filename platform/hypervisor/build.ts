import { appendFile, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cached, exists } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';
import { needPackages } from '../setup/packages.ts';
import { type XenSource, xenSource } from './source.ts';

export interface HypervisorBuild {
  /** Path of the uncompressed ELF file, for multiboot loaders such as QEMU's `-kernel`. */
  hypervisor: string;
  /** Path of the same hypervisor as an EFI application. */
  efi: string;
}

/**
 * Builds Xen with FLASK, late hardware domains, and the boot domain of our series.
 * @param source what to build it from; Debian's newest that can be had when left out
 */
export async function buildHypervisor(source?: XenSource): Promise<HypervisorBuild> {
  needPackages('hypervisor');
  const { version, tree, key } = source ?? (await xenSource('hypervisor'));
  const configuration = (
    await Promise.all(fragments.map((name) => readFile(configFile(name), 'utf8')))
  ).join('');
  const environment = await buildEnvironment(tree, version);
  const directory = await cached('hypervisor', [key, configuration, environment], async (work) => {
    // Xen names its source files in messages by their path relative to the tree only when built inside of it.
    const copy = join(work, 'source');
    await runProgram('cp', ['-a', tree, copy]);
    const make = (goal: string) => makeXen(copy, environment, goal);
    await nameDistribution(copy);
    // What Debian builds its hypervisor packages from, or Xen's own default; our fragments change nothing but what they name.
    const target = join(copy, 'xen/.config');
    const debians = join(copy, 'debian/xen-kconfig');
    if (await exists(debians)) await copyFile(debians, target);
    else await make('defconfig');
    await appendFile(target, configuration);
    await make('olddefconfig');
    await checkConfiguration(target, configuration);
    await make('build');
    for (const file of ['xen', 'xen.efi', 'xen-syms']) {
      await copyFile(join(copy, 'xen', file), join(work, file));
    }
    await copyFile(target, join(work, 'config'));
    await rm(copy, { recursive: true });
  });
  return {
    hypervisor: join(directory, 'xen'),
    efi: join(directory, 'xen.efi'),
  };
}

/** Of Xen's configuration. */
const fragments = ['xsm.config', 'boot-domain.config'];
const configFile = (name: string) => join(import.meta.dirname, 'config', name);

/**
 * Names and times end up in the binary. The same source, with the same compiler, is to give the same bytes
 * everywhere, so that a measurement of the hypervisor can be predicted: they are taken from Debian's changelog, or are those of
 * the beginning of Unix's time where a tree has none.
 */
async function buildEnvironment(tree: string, version: string): Promise<Record<string, string>> {
  const file = join(tree, 'debian/changelog');
  const debians = await exists(file);
  const changelog = async (field: string, otherwise: string) =>
    debians
      ? (await runProgram('dpkg-parsechangelog', ['-l', file, '-S', field])).trim()
      : otherwise;
  return {
    LC_ALL: 'C',
    SOURCE_DATE_EPOCH: await changelog('Timestamp', '0'),
    XEN_BUILD_DATE: await changelog('Date', 'Thu, 01 Jan 1970 00:00:00 +0000'),
    XEN_BUILD_TIME: '',
    XEN_BUILD_HOST: 'domb',
    XEN_DOMAIN: 'domb.example',
    XEN_WHOAMI: 'maintainers',
    DEB_MAINTAINER: 'domb maintainers <maintainers@domb.example>',
    DEB_VERSION: `${version}+domb`,
  };
}

/** Makes a goal of Xen's build in `tree`, with neither the path of `tree` nor the caller's environment in the result. */
async function makeXen(tree: string, environment: Record<string, string>, goal: string) {
  const fixed = ['-C', join(tree, 'xen'), `-j${availableParallelism()}`];
  const flags = `EXTRA_CFLAGS_XEN_CORE=-ffile-prefix-map=${tree}=. -fdebug-prefix-map=${tree}=.`;
  await runProgram('make', [...fixed, flags, goal], {
    env: { PATH: process.env.PATH, ...environment },
  });
}

/** Debian's patches put `lsb_release`'s answer into the binary, or nothing on a machine that lacks the program. */
async function nameDistribution(tree: string): Promise<void> {
  const header = join(tree, 'xen/include/xen/compile.h.in');
  const text = await readFile(header, 'utf8');
  await writeFile(header, text.replace('@@system_distribution@@', 'Debian'));
}

/** Kconfig drops settings that it does not know or whose dependencies are missing, and says nothing. */
async function checkConfiguration(path: string, wanted: string): Promise<void> {
  const actual = new Set((await readFile(path, 'utf8')).split('\n'));
  const settings = wanted
    .split('\n')
    .filter((line) => /^(CONFIG_\w+=|# CONFIG_\w+ is not set)/.test(line));
  const lost = settings.filter((line) => !actual.has(line));
  if (lost.length > 0) throw new Error(`Xen's configuration did not take ${lost.join(', ')}`);
}
