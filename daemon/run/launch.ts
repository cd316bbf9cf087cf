/**
 * Starts the daemon with the code cache that lies beside it, so that V8 need not compile at every boot what does not change. V8 takes no
 * cache that another version made, or one with other options; then it compiles, which takes longer and does the same.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { asFunction, daemonFiles } from '../plan/compiled-code.ts';

const directory = import.meta.dirname;
const filename = join(directory, daemonFiles.code);
const cacheFile = join(directory, daemonFiles.cache);
const script = new Script(asFunction(readFileSync(filename, 'latin1')), {
  filename,
  ...(existsSync(cacheFile) ? { cachedData: readFileSync(cacheFile) } : {}),
});
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(filename), module, filename, directory);
