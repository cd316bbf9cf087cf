/** Writes the manual page from the descriptions of the commands: `node cli/generate.ts`. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { manual } from './manual.ts';

/** The manual page's file. */
export const manualFile = fileURLToPath(new URL('../docs/man/domb.1', import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(manualFile, manual());
