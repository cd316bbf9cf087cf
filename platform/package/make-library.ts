/** `npm run package`: the package node-tpm2-pts in out/. */
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { contentDigests } from '../../measurement/content.ts';
import { packLibrary } from './library.ts';

const root = join(import.meta.dirname, '../..');

const archive = await packLibrary(join(root, 'out'));
const bytes = await readFile(archive);
const size = `${(bytes.length / 1024).toFixed(0)} KiB`;
console.log(`${relative(root, archive)}: ${size}, sha256:${contentDigests(bytes).sha256}`);
