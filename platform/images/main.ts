import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exists } from '../lib/cache.ts';
import { buildBootImage } from './domb.ts';

const usage = `usage: npm run image -- MANIFEST --images DIRECTORY --output FILE

Makes domB's initramfs for a manifest: Node, the daemon, the manifest, and the images that it names, taken from
DIRECTORY. Guest kernels have to be uncompressed ELF files.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string' },
    output: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const [manifest, ...rest] = positionals;
const { images, output, help } = values;
if (help) {
  console.log(usage);
} else if (!manifest || rest.length > 0 || !images || !output) {
  console.error(usage);
  process.exitCode = 2;
} else {
  process.exitCode = await make(manifest, images, output);
}

async function make(source: string, directory: string, target: string): Promise<number> {
  try {
    const { initramfs } = await buildBootImage(await readFile(source), source, async (path) => {
      const file = join(directory, path);
      if (await exists(file)) return file;
      throw new Error(`${source}: image ${path} is not in ${directory}`);
    });
    await writeFile(target, initramfs);
    const digest = createHash('sha256').update(initramfs).digest('hex');
    console.log(`${target}: ${(initramfs.length / 2 ** 20).toFixed(1)} MiB, sha256:${digest}`);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}
