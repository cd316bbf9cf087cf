/**
 * Compiles the code of standard input, whole, and writes V8's cache of it to the standard output; nothing of it runs. To be run with
 * --predictable, without which the same code gives other bytes each time.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { asFunction } from '../../daemon/plan/compiled-code.ts';

// V8 compares options when it takes a cache: those of a usual start have to hold again before it is made.
setFlagsFromString('--no-lazy');
const script = new Script(asFunction(readFileSync(0, 'latin1')));
setFlagsFromString('--lazy');
process.stdout.write(script.createCachedData());
