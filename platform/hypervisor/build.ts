import { appendFile, copyFile, readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { run } from '../lib/run.ts';
import { xenSource } from './source.ts';

export interface HypervisorBuild {
  /** Path of the uncompressed ELF file, for multiboot loaders such as QEMU's `-kernel`. */
  hypervisor: string;
  /** Path of the same hypervisor as an EFI application. */
  efi: string;
  /** Debian's version of the source. */
  version: string;
  /** The source it was built from, with the policy tree, headers and documentation. Never write to it. */
  sourceTree: string;
}

/** Builds Xen with FLASK and late hardware domains, and with the boot domain of our series when asked to. */
export async function buildHypervisor(options: { bootDomain: boolean }): Promise<HypervisorBuild> {
  const { version, tree, key } = await xenSource();
  const names = ['xsm.config', ...(options.bootDomain ? ['boot-domain.config'] : [])];
  const configuration = (
    await Promise.all(names.map((name) => readFile(configFile(name), 'utf8')))
  ).join('');
  const directory = await cached('hypervisor', [key, configuration], async (work) => {
    // Xen names its source files in messages by their path relative to the tree only when built inside of it.
    const copy = join(work, 'source');
    await run('cp', ['-a', tree, copy]);
    const make = await makeCommand(copy, version);
    // What Debian builds its hypervisor packages from; our fragments change nothing but what they name.
    const target = join(copy, 'xen/.config');
    await copyFile(join(copy, 'debian/xen-kconfig'), target);
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
    version,
    sourceTree: tree,
  };
}

const configFile = (name: string) => join(import.meta.dirname, 'config', name);

/** Returns a function that makes targets of Xen's build in `tree`, with nothing of this machine in the result. */
async function makeCommand(tree: string, version: string) {
  const changelog = join(tree, 'debian/changelog');
  const date = await run('dpkg-parsechangelog', ['-l', changelog, '-S', 'Date']);
  const environment = {
    ...process.env,
    // Names and times end up in the binary: the same source is to give the same bytes everywhere, so that a
    // measurement of the hypervisor can be predicted.
    XEN_BUILD_DATE: date.trim(),
    XEN_BUILD_TIME: '',
    XEN_BUILD_HOST: 'domb',
    XEN_DOMAIN: 'domb.example',
    XEN_WHOAMI: 'maintainers',
    DEB_MAINTAINER: 'domb maintainers <maintainers@domb.example>',
    DEB_VERSION: `${version}+domb`,
  };
  const fixed = ['-C', join(tree, 'xen'), `-j${availableParallelism()}`];
  const flags = `EXTRA_CFLAGS_XEN_CORE=-ffile-prefix-map=${tree}=. -fdebug-prefix-map=${tree}=.`;
  return (target: string) => run('make', [...fixed, flags, target], { env: environment });
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
