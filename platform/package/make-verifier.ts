/** `npm run verifier`: the program domb-verify in out/. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { contentDigests } from '../../measurement/content.ts';
import { bundleVerifier } from './verifier.ts';

const root = join(import.meta.dirname, '../..');
const path = join(root, 'out/domb-verify.cjs');

const { program: bytes, modules } = await bundleVerifier();
await mkdir(join(root, 'out'), { recursive: true });
await writeFile(path, bytes, { mode: 0o755 });
const size = `${(bytes.length / 1024).toFixed(0)} KiB of ${modules.length} modules`;
console.log(`${relative(root, path)}: ${size}, sha256:${contentDigests(bytes).sha256}`);
