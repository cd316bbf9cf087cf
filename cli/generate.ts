/**
 * Writes the manual page, docs/command-line.md, the schema of verdicts and the permission map for setools from their descriptions:
 * `node cli/generate.ts`.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { meanings } from '../boot-configs/policy/meaning/all.ts';
import { permissionMap } from '../boot-configs/policy/meaning/perm-map.ts';
import { manual } from './manual.ts';
import { referencePage } from './reference-page.ts';
import { verdictSchema } from './verdict-schema.ts';

/** What is generated, by path from the root. */
export const generated: ReadonlyMap<string, () => string> = new Map([
  ['docs/man/domb.1', manual],
  ['docs/command-line.md', referencePage],
  ['docs/verdict.schema.json', verdictSchema],
  ['platform/policy/perm_map', () => permissionMap(meanings)],
]);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of generated) {
    await writeFile(fileURLToPath(new URL(`../${path}`, import.meta.url)), text());
  }
}
