import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type XenSource, xenSource } from '../hypervisor/source.ts';
import { cacheDirectory, cached } from '../lib/cache.ts';
import { runProgram } from '../lib/run.ts';
import { needPackages } from '../setup/packages.ts';

const modules = join(import.meta.dirname, 'modules');
/** What we have in the place of Xen's own, by name: labels of what exists before the policy is loaded, and of hardware. */
const contexts = ['initial_sids', 'device_contexts'];
const contextFile = (name: string) => join(import.meta.dirname, name);

/** Beside a compiled policy: what m4 made of its modules. */
const SOURCE = 'policy.conf';

/**
 * Compiles our FLASK policy and returns the path of the binary, which Xen takes as a multiboot module.
 * @param source of the hypervisor that is to enforce it; the one that ours is built from when left out
 */
export async function buildPolicy(source?: XenSource): Promise<string> {
  const { tree, key } = source ?? (await xenSource('policy'));
  const names = (await readdir(modules)).sort();
  const files = [...names.map((name) => join(modules, name)), ...contexts.map(contextFile)];
  const inputs = await Promise.all(files.map(async (file) => [basename(file), await digest(file)]));
  const directory = await cached('policy', [key, inputs, SOURCE], async (work) => {
    needPackages('policy');
    const scratch = join(work, 'source');
    await mkdir(scratch);
    await compilePolicy(tree, scratch, join(work, 'xenpolicy'));
    await writeFile(join(work, SOURCE), await sourceIn(scratch));
    await rm(scratch, { recursive: true });
  });
  return join(directory, 'xenpolicy');
}

/**
 * What m4 made of the modules that this policy was compiled from: rules with macros expanded, and where each stands, as
 * `#line NUMBER "FILE"` above it. Undefined for a policy that was not compiled here, by {@link buildPolicy} or with modules of
 * an operator's own.
 */
export async function policySource(policy: Uint8Array): Promise<string | undefined> {
  const directory = join(cacheDirectory, 'policy');
  for (const name of await readdir(directory).catch(() => [])) {
    const built = await readFile(join(directory, name, 'xenpolicy')).catch(() => undefined);
    if (built === undefined || Buffer.compare(built, policy) !== 0) continue;
    const source = await readFile(join(directory, name, SOURCE), 'utf8').catch(() => undefined);
    if (source !== undefined) return source;
  }
  return undefined;
}

/** Keeps what was compiled in `scratch` for {@link policySource}; `own` are modules that are not ours, which lie in `folder`. */
export async function keepSource(
  policy: Uint8Array,
  scratch: string,
  own: readonly string[],
  folder: string,
): Promise<void> {
  const source = await sourceIn(scratch, own, basename(folder));
  await cached('policy', [SOURCE, source], async (work) => {
    await writeFile(join(work, 'xenpolicy'), policy);
    await writeFile(join(work, SOURCE), source);
  });
}

/** m4 names files from where it was run; these names hold in our tree, in Xen's, or where own modules lie. */
async function sourceIn(
  scratch: string,
  own: readonly string[] = [],
  folder = '',
): Promise<string> {
  const source = await readFile(join(scratch, SOURCE), 'utf8');
  const ours = await readdir(modules);
  return source.replaceAll(
    /^(#line [0-9]+ )"(?:.*\/)?(\w+)\/([^"/]+)"$/gm,
    (_, line, place, name) => {
      if (place === 'modules' && own.includes(name)) return `${line}"${folder}/${name}"`;
      return place === 'modules' && ours.includes(name)
        ? `${line}"platform/policy/modules/${name}"`
        : `${line}"Xen's ${place}/${name}"`;
    },
  );
}

/**
 * Compiles our modules, and `extraRules` behind them, with the policy tree of the Xen source at `tree`, in the empty
 * directory `scratch`. Classes, permissions and macros are thus those of the very hypervisor that is to enforce the
 * policy. Fails when the rules violate one of our assertions.
 */
export async function compilePolicy(
  tree: string,
  scratch: string,
  output: string,
  extraRules = '',
): Promise<void> {
  const sources = await placeSources(tree, scratch);
  await writeFile(join(sources, 'modules/assertions.te'), `\n${extraRules}\n`, { flag: 'a' });
  await compileSources(tree, scratch, output);
}

/** Xen's policy tree with our modules, in the empty directory `scratch`; the directory that {@link compileSources} compiles. */
export async function placeSources(tree: string, scratch: string): Promise<string> {
  const sources = join(scratch, 'policy');
  await runProgram('cp', ['-a', join(tree, 'tools/flask/policy'), sources]);
  for (const name of await readdir(modules)) {
    await copyFile(join(modules, name), join(sources, 'modules', name));
  }
  for (const name of contexts) await copyFile(contextFile(name), join(sources, 'policy', name));
  return sources;
}

/** Compiles what {@link placeSources} has placed in `scratch`. */
export async function compileSources(tree: string, scratch: string, output: string): Promise<void> {
  await runProgram('make', [
    ...['-C', join(scratch, 'policy'), '-f', 'Makefile.common'],
    `FLASKDIR=${join(tree, 'xen/xsm/flask/policy')}`,
    `FLASK_BUILD_DIR=${scratch}`,
    `POLICY_FILENAME=${output}`,
  ]);
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
