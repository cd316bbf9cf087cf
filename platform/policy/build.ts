import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { xenSource } from '../hypervisor/source.ts';
import { cached } from '../lib/cache.ts';
import { run } from '../lib/run.ts';

const modules = join(import.meta.dirname, 'modules');
const initialSids = join(import.meta.dirname, 'initial_sids');

/** Compiles our FLASK policy and returns the path of the binary, which Xen takes as a multiboot module. */
export async function buildPolicy(): Promise<string> {
  const { tree, key } = await xenSource();
  const names = (await readdir(modules)).sort();
  const files = [...names.map((name) => join(modules, name)), initialSids];
  const inputs = await Promise.all(files.map(async (file) => [basename(file), await digest(file)]));
  const directory = await cached('policy', [key, inputs], async (work) => {
    const scratch = join(work, 'source');
    await mkdir(scratch);
    await compilePolicy(tree, scratch, join(work, 'xenpolicy'));
    await rm(scratch, { recursive: true });
  });
  return join(directory, 'xenpolicy');
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
  const sources = join(scratch, 'policy');
  await run('cp', ['-a', join(tree, 'tools/flask/policy'), sources]);
  for (const name of await readdir(modules)) {
    await copyFile(join(modules, name), join(sources, 'modules', name));
  }
  await copyFile(initialSids, join(sources, 'policy/initial_sids'));
  await writeFile(join(sources, 'modules/assertions.te'), `\n${extraRules}\n`, { flag: 'a' });
  await run('make', [
    ...['-C', sources, '-f', 'Makefile.common'],
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
