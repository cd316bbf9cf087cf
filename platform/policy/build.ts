import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { xenSource } from '../hypervisor/source.ts';
import { cached } from '../lib/cache.ts';
import { run } from '../lib/run.ts';

const modules = join(import.meta.dirname, 'modules');
const initialSids = join(import.meta.dirname, 'initial_sids');

/**
 * Compiles our FLASK policy and returns the path of the binary, which Xen takes as a multiboot module.
 *
 * The compilation is that of Xen's own policy, with its classes, permissions and macros and with our modules and
 * initial contexts: the permissions are thus those of the very hypervisor that is to enforce them. checkpolicy
 * verifies our assertions (neverallow rules) while compiling.
 */
export async function buildPolicy(): Promise<string> {
  const { tree, key } = await xenSource();
  const names = (await readdir(modules)).sort();
  const files = [...names.map((name) => join(modules, name)), initialSids];
  const inputs = await Promise.all(files.map(async (file) => [basename(file), await digest(file)]));
  const directory = await cached('policy', [key, inputs], async (work) => {
    const scratch = join(work, 'source');
    await run('cp', ['-a', join(tree, 'tools/flask/policy'), scratch]);
    for (const name of names) await copyFile(join(modules, name), join(scratch, 'modules', name));
    await copyFile(initialSids, join(scratch, 'policy/initial_sids'));
    const output = join(work, 'output');
    await mkdir(output);
    await run('make', [
      ...['-C', scratch, '-f', 'Makefile.common'],
      `FLASKDIR=${join(tree, 'xen/xsm/flask/policy')}`,
      `FLASK_BUILD_DIR=${output}`,
      `POLICY_FILENAME=${join(work, 'xenpolicy')}`,
    ]);
    await rm(scratch, { recursive: true });
    await rm(output, { recursive: true });
  });
  return join(directory, 'xenpolicy');
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
