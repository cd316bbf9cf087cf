import { runProgram } from '../lib/run.ts';

/** V8's header of a code cache (v8/src/snapshot/code-serializer.h, "SerializedCodeData"). */
const CACHE = { versions: 8, source: 8, payload: 20, header: 32 } as const;
/** Bits of the source's hash that are its length; the highest two say how it is compiled. */
const LENGTH = 0x1fffffff;

/** Built-in modules that our programs ask for; what these load is wanted as well. */
const wanted = [
  ...[
    'assert',
    'child_process',
    'crypto',
    'fs',
    'fs/promises',
    'module',
    'os',
    'path',
    'perf_hooks',
  ],
  ...['readline', 'stream', 'tty', 'url', 'util', 'v8', 'vm', 'worker_threads', 'zlib'],
];

/** What decides which caches there are, as text. */
export const WANTED_CACHES = wanted.join();

/**
 * Node has V8's code cache of each of its modules in it. Takes away, in place, those of modules that none of our programs loads: V8 takes no
 * cache of zeros, and compiles such a module, should somebody load it.
 * @param node the same program as it is published, to be run
 * @returns bytes
 * @throws Error when there are no caches
 */
export async function dropCodeCaches(program: Buffer, node: string): Promise<number> {
  const { versions, all, loaded } = await askNode(node);
  const mark = Buffer.from(versions, 'hex');
  let dropped = 0;
  for (let at = program.indexOf(mark); at >= 0; at = program.indexOf(mark, at + mark.length)) {
    const length = program.readUInt32LE(at + CACHE.source) & LENGTH;
    const end = at + CACHE.header + program.readUInt32LE(at + CACHE.payload);
    // Caches have no names: two modules of one length are both kept if one is wanted.
    if (!all.includes(length) || loaded.includes(length) || end > program.length) continue;
    dropped += end - at;
    program.fill(0, at, end);
  }
  if (dropped === 0) throw new Error(`${node} has no code caches of its modules as we know them`);
  return dropped;
}

interface NodeModules {
  /** The magic number and V8's version, which begin each cache: hexadecimal. */
  versions: string;
  /** Lengths of all modules' sources, and of those that are loaded with what we want. */
  all: number[];
  loaded: number[];
}

async function askNode(node: string): Promise<NodeModules> {
  const question = `
    const cache = new (require('node:vm').Script)('0').createCachedData();
    for (const name of process.argv.slice(1)) require(name);
    const sources = Object.entries(process.binding('natives')).filter(([, text]) => typeof text === 'string');
    const loaded = new Set(process.moduleLoadList.map((each) => each.replace(/^NativeModule /, '')));
    console.log(JSON.stringify({
      versions: cache.toString('hex', 0, ${CACHE.versions}),
      all: sources.map(([, text]) => text.length),
      loaded: sources.filter(([name]) => loaded.has(name)).map(([, text]) => text.length),
    }));`;
  const options = ['--expose-internals', '--no-warnings', '--eval', question, ...wanted];
  return JSON.parse(await runProgram(node, options)) as NodeModules;
}
