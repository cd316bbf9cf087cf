import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { buildHypervisor } from '../platform/hypervisor/build.ts';
import { type XenSource, xenSource } from '../platform/hypervisor/source.ts';
import { runProgram } from '../platform/lib/run.ts';
import { startMachine } from '../platform/machine/machine.ts';
import { needPackages } from '../platform/setup/packages.ts';

/**
 * What FLASK costs: one hypervisor with each of its access control modules, and a domain of ours that makes each hypercall hundreds of
 * times (bench/flask/price.c). Times are instructions, not seconds, so that they are the same on every machine. Prints the
 * table of docs/flask-price.md. With a patch for Xen, on top of our series, it is counted what that would cost:
 * bench/flask/hardware-domain.patch asks the module whether a domain is the hardware domain. Usage: node bench/flask-price.ts [PATCH]
 */
const root = join(import.meta.dirname, '..');
const modules = ['dummy', 'silo', 'flask'] as const;

/** A page of C without a kernel below it, linked to where Xen puts the first domain. */
const compiling = [
  ...['-O2', '-Wall', '-Wextra', '-Werror', '-ffreestanding', '-nostdlib', '-static', '-no-pie'],
  ...[
    '-fno-pic',
    '-fno-stack-protector',
    '-fno-asynchronous-unwind-tables',
    '-fcf-protection=none',
  ],
  ...['-mcmodel=kernel', '-mno-red-zone', '-mgeneral-regs-only'],
  '-Wl,-Ttext-segment=0xffffffff80100000,--build-id=none,-z,noseparate-code,-z,noexecstack,-e,start',
];

/** Instructions of one call, and what the access vector cache was asked in all rounds. */
interface Price {
  rounds: number;
  minimum: number;
  median: number;
  lookups: number;
  misses: number;
}

needPackages('guests');
needPackages('machine');
const scratch = await mkdtemp(join(tmpdir(), 'flask-price-'));
try {
  const source = await patched(await xenSource('hypervisor'), process.argv[2]);
  const { hypervisor } = await buildHypervisor(source);
  const program = join(scratch, 'price');
  await runProgram('gcc', [...compiling, '-o', program, join(root, 'bench/flask/price.c')]);
  const policy = await policyOfXen(source.tree);
  const prices = new Map<string, Map<string, Price>>();
  for (const module of modules) {
    prices.set(module, await pricesUnder(module, hypervisor, program, policy));
  }
  for (const line of table(prices)) console.log(line);
} finally {
  await rm(scratch, { recursive: true });
}

/** The source with a patch, in a tree of its own. */
async function patched(source: XenSource, patch: string | undefined): Promise<XenSource> {
  if (patch === undefined) return source;
  const tree = join(scratch, 'xen');
  await runProgram('cp', ['-a', source.tree, tree]);
  await runProgram('patch', ['-p1', '--fuzz=0', '-d', tree, '-i', resolve(patch)]);
  return { ...source, tree, key: `${source.key} ${await readFile(patch, 'utf8')}` };
}

/** Xen's own policy: it lets the first domain do all that is measured, which ours does not. */
async function policyOfXen(tree: string): Promise<string> {
  const output = join(scratch, 'xenpolicy');
  const work = join(scratch, 'policy');
  await mkdir(work);
  await cp(join(tree, 'tools/flask/policy'), join(work, 'source'), { recursive: true });
  await runProgram('make', [
    ...['-C', join(work, 'source'), '-f', 'Makefile.common', `FLASK_BUILD_DIR=${work}`],
    ...[`FLASKDIR=${join(tree, 'xen/xsm/flask/policy')}`, `POLICY_FILENAME=${output}`],
  ]);
  return output;
}

/** Boots Xen with that module and waits for what the domain says. */
async function pricesUnder(
  module: string,
  hypervisor: string,
  program: string,
  policy: string,
): Promise<Map<string, Price>> {
  const machine = await startMachine({
    directory: join(root, 'out/bench/flask-price', module),
    start: {
      hypervisor,
      // Nothing on the serial line: under -icount QEMU stops for good when nobody takes it fast enough.
      hypervisorOptions: ['console=none', 'argo=1', `xsm=${module}`],
      ...{ kernel: program, kernelOptions: [], modules: [policy] },
    },
    ...{ memoryMiB: 256, cpus: 1, tpm: 'none', counted: true },
  });
  let ended = false;
  machine.ended.then(() => {
    ended = true;
  });
  try {
    for (;;) {
      const said = await readFile(machine.debug, 'utf8').catch(() => '');
      if (said.endsWith('price done\n')) return pricesIn(said, module);
      if (ended)
        throw new Error(`${module}: the machine ended before it was done; it said ${said}`);
      await setTimeout(200);
    }
  } finally {
    await machine.stop();
  }
}

function pricesIn(said: string, module: string): Map<string, Price> {
  const prices = new Map<string, Price>();
  for (const line of said.trimEnd().split('\n').slice(0, -1)) {
    const [, name = '', ...rest] = line.split(' ');
    const [rounds, minimum, median, lookups, misses] = rest.map(Number);
    if (!rounds || minimum === undefined || median === undefined) {
      throw new Error(`${module}: ${line}`);
    }
    prices.set(name, { rounds, minimum, median, lookups: lookups ?? 0, misses: misses ?? 0 });
  }
  return prices;
}

/** In Markdown: instructions, and their ratio to those without a module. */
function* table(prices: ReadonlyMap<string, ReadonlyMap<string, Price>>): Generator<string> {
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const of = (module: string, call: string): Price => {
    const price = prices.get(module)?.get(call);
    if (price === undefined) throw new Error(`${module}: nothing is told of ${call}`);
    return price;
  };
  const overhead = of('dummy', 'nothing').median;
  const spent = (module: string, call: string) => of(module, call).median - overhead;
  yield row([
    'hypercall',
    'dummy',
    'silo',
    'flask',
    'ratio',
    'checks',
    'cache emptied',
    'ratio',
    'misses',
  ]);
  yield row(['---', ...Array.from({ length: 8 }, () => '---:')]);
  for (const call of prices.get('dummy')?.keys() ?? []) {
    if (call === 'nothing') continue;
    const forgotten = `${call}/forgotten`;
    const [dummy, flask, cold] = [
      spent('dummy', call),
      spent('flask', call),
      spent('flask', forgotten),
    ];
    const { lookups, rounds } = of('flask', call);
    const { misses, rounds: emptied } = of('flask', forgotten);
    // To empty the cache is a checked call of its own, which fills it with its own entry: two of the misses.
    yield row([
      ...[`\`${call}\``, dummy, spent('silo', call), flask, (flask / dummy).toFixed(2)],
      ...[lookups / rounds, cold, (cold / dummy).toFixed(2), misses / emptied - 1],
    ]);
  }
}
