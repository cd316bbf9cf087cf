/** Prints `[[FILE, [NAME, …]], …]` for the test files on its command line; names.ts starts it. */
import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { recorded } from './recorder.ts';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'node:test'
      ? { url: new URL('recorder.ts', import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
});

const found: [file: string, names: string[]][] = [];
for (const file of process.argv.slice(2)) {
  await import(pathToFileURL(resolve(file)).href);
  found.push([file, recorded()]);
}
process.stdout.write(JSON.stringify(found));
