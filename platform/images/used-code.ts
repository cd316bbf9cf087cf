/**
 * Runs the bundle of standard input with this program's arguments, and writes V8's cache of all its functions that were used to the standard
 * output. To be run with --predictable, without which the same code gives other bytes each time.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Script } from 'node:vm';

const script = new Script(readFileSync(0, 'latin1'));
process.on('exit', () => writeFileSync(1, script.createCachedData()));
script.runInThisContext()(process.getBuiltinModule, {}, { exports: {} });
