/**
 * Starts `domb validate` of plain files where the command is installed: from a bundle of its own, with V8's code cache. All else is the
 * whole command's.
 */
import { readFileSync } from 'node:fs';
import { validateFiles } from '../../platform/images/packaged-parts.ts';
import { plainInput } from '../bundled/plain-input.ts';
import { runBundle } from '../bundled/run-bundle.ts';

const directory = import.meta.dirname;
if (plainInput(process.argv.slice(2)) === undefined) import(`${directory}/main.mjs`);
else {
  const filename = `${directory}/${validateFiles.code}`;
  runBundle(readFileSync(filename, 'latin1'), {
    filename,
    base: filename,
    cachedData: readFileSync(`${directory}/${validateFiles.cache}`),
  });
}
