import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadManifest } from '../boot-configs/load.ts';
import { finder, platformParts } from '../platform/demo/parts.ts';
import {
  bootDomainMiB,
  hypervisorOptions,
  kernelOptions,
} from '../platform/images/command-lines.ts';
import { buildBootImage, type Initramfs } from '../platform/images/domb.ts';
import { usualMemoryMiB } from '../platform/machine/boot-manifest.ts';
import { consoleOptions, type MultibootStart, startMachine } from '../platform/machine/machine.ts';
import { needPackages } from '../platform/setup/packages.ts';
import { compileReference, referenceImage } from './reference/boot-image.ts';
import { type BootTimes, bootTimes } from './reference/boot-times.ts';
import { median, printFigures } from './reference/figures.ts';

/**
 * How long a boot takes, on the virtual platform, beside what it is compared with, in turns: Xen that starts dom0 itself ("direct"); a boot domain
 * in C on libxc (reference/boot-domain.c) that measures nothing, one that hashes the images and extends a PCR, and the same after an empty Node ("floor"); and domB. All boot
 * boot-configs/demo.yaml, on one processor and on two, with four domains more on one, and on one whose clocks count instructions, so that nothing
 * else takes time, such as the emulator's translation of what runs for the first time. Prints phases and, for each goal, figure, reference and
 * ratio. Meant for a machine that does nothing else. Usage: node bench/boot.ts [--rounds N] [--cpus 1,2] [--only direct,c,hashing,floor,domb] [--further N]
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    cpus: { type: 'string', default: '1,2' },
    only: { type: 'string', default: 'direct,c,hashing,floor,domb' },
    further: { type: 'string', default: '4' },
  },
});
const subjects = ['direct', 'c', 'hashing', 'floor', 'domb'] as const;
type Subject = (typeof subjects)[number];
const chosen = subjects.filter((name) => values.only.split(',').includes(name));

needPackages('images');
needPackages('machine');
needPackages('tests');
const root = join(import.meta.dirname, '..');
const parts = await platformParts((_what, work) => work());
const findImage = finder(parts.images);
const policy = await readFile(parts.policy);
const scratch = await mkdtemp(join(tmpdir(), 'bench-boot-'));

/** The demo's manifest with further small domains. */
async function manifestWith(further: number): Promise<Buffer> {
  const demo = await readFile(join(root, 'boot-configs/demo.yaml'), 'utf8');
  const more = Array.from(
    { length: further },
    (_, index) => `
  - name: further-${index + 1}
    domid: ${index + 1}
    type: pv
    memory: 128MiB
    vcpus: 1
    kernel: vmlinux
    ramdisk: guest.cpio.zst
    cmdline: console=hvc0 earlyprintk=xen
    seclabel: system_u:system_r:domU_t
`,
  );
  return Buffer.from(demo + more.join(''));
}

/** How Xen starts with each, when `further` domains are added to the demo's. */
async function starts(program: string, further: number): Promise<Record<Subject, MultibootStart>> {
  const bytes = await manifestWith(further);
  const manifest = loadManifest(bytes, 'bench.yaml');
  const domb = (await buildBootImage(bytes, 'bench.yaml', findImage, { policy })).initramfs;
  const [reference, withNode] = [
    await referenceImage(program, manifest, findImage, { withNode: false }),
    await referenceImage(program, manifest, findImage, { withNode: true }),
  ];
  const dom0 = manifest.domains.find(({ domid }) => domid === 0);
  if (dom0 === undefined) throw new Error('the demo has no domain 0');
  const dom0MiB = dom0.memoryKiB / 1024;
  const xen = ({ initramfs }: { initramfs: Initramfs }) => ({
    hypervisor: parts.hypervisor,
    hypervisorOptions: [...hypervisorOptions(bootDomainMiB(initramfs)), ...consoleOptions],
    kernel: parts.kernel,
    kernelOptions,
    modules: [initramfs.pieces, parts.policy],
  });
  const measuring = [...kernelOptions, 'measure'];
  return {
    direct: {
      hypervisor: parts.hypervisor,
      hypervisorOptions: [
        ...[`dom0_mem=${dom0MiB}M,max:${dom0MiB}M`, 'dom0_max_vcpus=1', 'flask=disabled'],
        ...consoleOptions,
      ],
      kernel: parts.kernel,
      kernelOptions: dom0.cmdline.split(' '),
      modules: await Promise.all(dom0.ramdisk.map(findImage)),
    },
    c: xen({ initramfs: reference }),
    hashing: { ...xen({ initramfs: reference }), kernelOptions: measuring },
    floor: { ...xen({ initramfs: withNode }), kernelOptions: [...measuring, 'node'] },
    domb: xen({ initramfs: domb }),
  };
}

async function boot(
  subject: Subject,
  start: MultibootStart,
  cpus: number,
  counted: boolean,
): Promise<BootTimes> {
  const directory = join(root, 'out/bench/boot', `${subject}-${cpus}`);
  const memoryMiB = usualMemoryMiB;
  const machine = await startMachine({ directory, memoryMiB, cpus, tpm: 'plain', start, counted });
  try {
    const failure = /FAILED|Kernel panic|halting machine|rebooting machine|Panic on CPU/;
    await machine.console.waitFor(/dom0: userspace is up/, 600_000, failure);
    return bootTimes(machine.console.lines);
  } finally {
    await machine.stop();
  }
}

type Series = Record<Subject, BootTimes[]>;
const empty = (): Series => ({ direct: [], c: [], hashing: [], floor: [], domb: [] });

/** Boots each in turn, so that whatever else the machine does meets all. */
async function series(
  program: string,
  cpus: number,
  further: number,
  counted = false,
): Promise<Series> {
  const all = await starts(program, further);
  const found = empty();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const subject of chosen) {
      // Further domains are of no interest to Xen that starts one.
      if (further > 0 && (subject === 'direct' || subject === 'floor')) continue;
      // It has no line that its own clock stamps.
      if (counted && subject === 'direct') continue;
      const times = await boot(subject, all[subject], cpus, counted);
      found[subject].push(times);
      // Where there is no boot domain, only one of them is to be seen.
      const shown = Object.entries(times)
        .filter(([, time]) => !Number.isNaN(time))
        .map(([name, time]) => `${name} ${(time / 1000).toFixed(2)}`);
      console.log(
        `${subject}, ${cpus} vCPU, ${further} further domains${counted ? ', counted' : ''}: ${shown.join(', ')} s`,
      );
    }
  }
  return found;
}

try {
  const program = join(scratch, 'boot-domain');
  await compileReference(program);
  const results = new Map<number, Series>();
  for (const cpus of values.cpus.split(',').map(Number)) {
    results.set(cpus, await series(program, cpus, 0));
  }
  const further = Number(values.further);
  const more = further > 0 ? await series(program, 1, further) : empty();
  const moreCounted = further > 0 ? await series(program, 1, further, true) : empty();
  const counted = await series(program, 1, 0, true);
  const instructions = (subject: Subject, figure: keyof BootTimes = 'initToHalt') =>
    median(counted[subject].map((times) => times[figure]));
  const of = (cpus: number, subject: Subject, figure: keyof BootTimes) =>
    median((results.get(cpus)?.[subject] ?? []).map((times) => times[figure]));
  const each = (subject: Subject) =>
    (median(more[subject].map(({ initToHalt }) => initToHalt)) - of(1, subject, 'initToHalt')) /
    further;
  // Without what the TPM takes, whose time is no count of instructions.
  const eachCounted = (subject: Subject, until: 'initToHalt' | 'initToStart') =>
    (median(moreCounted[subject].map((times) => times[until] - times.tpm)) -
      median(counted[subject].map((times) => times[until] - times.tpm))) /
    further;
  printFigures([
    {
      what: 'init to halt, 1 vCPU',
      ...{ figure: of(1, 'domb', 'initToHalt'), reference: of(1, 'hashing', 'initToHalt') },
      ...{ against: 'C, hashing', goal: 1.5 },
    },
    {
      what: 'init to halt, 2 vCPUs',
      ...{ figure: of(2, 'domb', 'initToHalt'), reference: of(2, 'hashing', 'initToHalt') },
      ...{ against: 'C, hashing', goal: 1.0 },
    },
    ...[1, 2].map((cpus) => ({
      what: `init to halt, ${cpus === 1 ? '1 vCPU' : `${cpus} vCPUs`}`,
      figure: of(cpus, 'domb', 'initToHalt'),
      // domB asks the TPM for quotes, too: what the TPM takes for them is nothing that a program could save.
      reference:
        of(cpus, 'floor', 'initToHalt') - of(cpus, 'floor', 'tpm') + of(cpus, 'domb', 'tpm'),
      ...{ against: "empty Node, C, hashing, domB's TPM commands", goal: 1.15 },
    })),
    {
      what: 'init to halt, in instructions of 1 ns',
      ...{ figure: instructions('domb'), reference: instructions('hashing') },
      ...{ against: 'C, hashing', goal: 1.5 },
    },
    {
      what: 'init to halt, in instructions of 1 ns',
      figure: instructions('domb'),
      reference: instructions('floor') - instructions('floor', 'tpm') + instructions('domb', 'tpm'),
      ...{ against: "empty Node, C, hashing, domB's TPM commands", goal: 1.15 },
    },
    {
      what: "Xen to dom0's user space, 1 vCPU",
      ...{ figure: of(1, 'domb', 'total'), reference: of(1, 'direct', 'total') },
      ...{ against: 'Xen starts dom0', goal: 1.5 },
    },
    {
      what: 'each further domain',
      ...{ figure: each('domb'), reference: each('hashing'), against: 'C, hashing', goal: 1.1 },
    },
    {
      what: 'each further domain, in instructions',
      figure: eachCounted('domb', 'initToHalt'),
      reference: eachCounted('hashing', 'initToHalt'),
      ...{ against: 'C, hashing', goal: 1.1 },
    },
    {
      what: 'the same, until the first domain is started',
      figure: eachCounted('domb', 'initToStart'),
      reference: eachCounted('hashing', 'initToStart'),
      ...{ against: 'C, hashing', goal: 1.1 },
    },
  ]);
} finally {
  await rm(scratch, { recursive: true });
}
