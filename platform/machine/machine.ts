import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Piece } from '../../initramfs/cpio.ts';
import { writePieces } from '../lib/pieces.ts';
import { Console, seconds } from './console.ts';
import { endsWithParent } from './ends-with-parent.ts';
import {
  type DiskStart,
  diskStartArguments,
  type FirmwareStart,
  firmwareArguments,
} from './ovmf.ts';
import { type MachineTpm, startTpm } from './swtpm.ts';

export interface MachineOptions {
  /** Directory for the console log, the second serial line and the TPM's state; emptied first, but for `kept`. */
  directory: string;
  /** Names of what stays in the directory. */
  kept?: readonly string[] | undefined;
  start: MultibootStart | FirmwareStart | DiskStart;
  memoryMiB: number;
  cpus: number;
  /** None, a TPM, or one with EK certificates, which leaves those of their authority in the directory ({@link ekRootsFile}). */
  tpm: 'none' | 'plain' | 'certified';
  /** Further devices, as QEMU's option -device takes them. */
  devices?: readonly string[] | undefined;
  /** The machine's clocks count instructions, one a nanosecond, as if nothing else took time: for measurements, with one CPU. */
  counted?: boolean | undefined;
  /** File that is the contents of an NVMe disk; the machine may write to it. */
  disk?: string | undefined;
  /** Properties of its processor that are others than usual, as QEMU's option -cpu takes them. */
  processor?: string | undefined;
  /** Whether its memory and registers can be reached from outside ({@link VirtualMachine.hardware}). */
  exposed?: boolean | undefined;
  /** A UNIX socket, which is made, for commands of QEMU's human monitor: for measurements. */
  monitor?: string | undefined;
}

/** QEMU itself loads the hypervisor and its modules. Nothing measures them. */
export interface MultibootStart {
  /** Xen as an uncompressed ELF file, started through multiboot. */
  hypervisor: string;
  /** Xen's command line. */
  hypervisorOptions: readonly string[];
  /** Kernel of the first domain, and its command line. */
  kernel: string;
  kernelOptions: readonly string[];
  /** Further multiboot modules, as files or as pieces of one: initramfs, FLASK policy. */
  modules: readonly (string | readonly Piece[])[];
}

/** One end of a serial line, as a terminal has it. */
export interface SerialLine {
  /** What the machine says. */
  output: Readable;
  /** What is typed. */
  input: Writable;
}

/** The inside of a machine, for tests that play its hardware. */
export interface ExposedHardware {
  /** QEMU's process; among its open files the memfd `memory-backend-memfd` is the machine's memory. */
  pid: number;
  /** UNIX socket that takes the commands of QEMU's qtest protocol: reads and writes as the processor makes them. */
  controlSocket: string;
}

/** A running virtual platform: QEMU's software emulation with swtpm as its TPM 2.0. */
export interface VirtualMachine {
  console: Console;
  /** The first serial line, Xen's console. */
  terminal: SerialLine;
  /** File that collects what the platform writes to its second serial line. */
  serial: string;
  /** UNIX socket that is the other end of that line. */
  serialSocket: string;
  /** File that collects what is written to the {@link debugPort}. */
  debug: string;
  /** What whoever has the hardware in his hands can do; undefined when it is not exposed. */
  hardware: ExposedHardware | undefined;
  /** Resolves when QEMU has ended, by itself or by {@link VirtualMachine.stop}. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

/** An I/O port that belongs to nothing else: what is written to it goes to a file, and reading it gives 0xe9. */
const debugPort = 0x300;

/** Console settings that make Xen print all of its own and all guests' messages on the first serial line. */
export const consoleOptions = [
  ...['console=com1', 'com1=115200,8n1'],
  ...['loglvl=all', 'guest_loglvl=all'],
];

/** Starts the machine; it runs until it ends by itself or is stopped. */
export async function startMachine(options: MachineOptions): Promise<VirtualMachine> {
  await emptyDirectory(options.directory, options.kept);
  const tpm =
    options.tpm === 'none'
      ? undefined
      : await startTpm(options.directory, options.tpm === 'certified');
  const serial = join(options.directory, 'serial.log');
  const serialSocket = join(options.directory, 'serial.sock');
  const debug = join(options.directory, 'debug-port.log');
  const controlSocket = join(options.directory, 'hardware.sock');
  const start = await startArguments(options.start, options.directory);
  const child = spawn(
    ...endsWithParent('qemu-system-x86_64', [
      ...machineArguments(options),
      ...lineArguments(serial, serialSocket, debug),
      ...start,
      ...tpmArguments(options.start, tpm),
      ...(options.devices ?? []).flatMap((device) => ['-device', device]),
      ...diskArguments(options.disk, 'variables' in options.start),
      ...(options.monitor === undefined
        ? []
        : ['-monitor', `unix:${options.monitor},server=on,wait=off`]),
      ...(options.exposed ? exposingArguments(options.memoryMiB, controlSocket) : []),
    ]),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );

  const output = new Console();
  const file = createWriteStream(join(options.directory, 'console.log'));
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => output.write(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => output.write(`qemu: ${chunk}`));
  output.onLine(({ at, text }) => file.write(`${seconds(at)} ${text}\n`));
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => output.write(`qemu: ${error.message}\n`));
    child.once('close', () => {
      output.end();
      file.end(() => resolve());
    });
  }).then(() => tpm?.stop());
  // Who types while the machine ends has lost nothing.
  child.stdin.on('error', () => {});
  const terminal = { output: child.stdout, input: child.stdin };
  const stopIt = () => stop(child, ended);
  const hardware =
    options.exposed && child.pid !== undefined ? { pid: child.pid, controlSocket } : undefined;
  return { console: output, terminal, serial, serialSocket, debug, hardware, ended, stop: stopIt };
}

async function emptyDirectory(directory: string, kept: readonly string[] = []): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(directory)) {
    if (!kept.includes(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

function machineArguments({ memoryMiB, cpus, counted, processor }: MachineOptions): string[] {
  const model = ['qemu64,+svm,+npt,+rdrand', processor].filter(Boolean).join(',');
  const emulation = counted
    ? ['-accel', 'tcg,thread=single', '-icount', 'shift=0,sleep=off']
    : ['-accel', 'tcg,thread=multi'];
  return [
    // CPU models with more features ('max', 'EPYC') crash a PV kernel under QEMU 7.2's emulation; SVM with nested
    // paging is what Xen needs for PVH domains. Machines have RDRAND, too: without it each Linux makes random numbers of 256 ticks of
    // its timer (6.1, try_to_generate_entropy), and whoever wants one first waits a second for them. On the first processor such a domain may end with a triple fault, which is
    // rare: a processor that restores floating-point state, as it does often where Node runs, writes the first one's hflags2
    // without a lock (cpu_clear_ignne, target/i386/tcg/sysemu/fpu_helper.c), and may undo what was just put there, that nested
    // paging is on or off. With thread=single, which has no such races, another guest crashed, and it takes twice the time.
    ...['-machine', 'q35', ...emulation, '-cpu', model],
    ...['-smp', String(cpus), '-m', String(memoryMiB)],
    ...['-nodefaults', '-nographic', '-no-reboot'],
  ];
}

function lineArguments(serial: string, serialSocket: string, debug: string): string[] {
  const socket = `socket,id=line,path=${serialSocket},server=on,wait=off,logfile=${serial}`;
  return [
    ...['-chardev', socket, '-serial', 'stdio', '-serial', 'chardev:line'],
    ...['-chardev', `file,id=debug,path=${debug}`],
    ...['-device', `isa-debugcon,iobase=${debugPort},chardev=debug`],
  ];
}

function diskArguments(file: string | undefined, isStarted: boolean): string[] {
  if (file === undefined) return [];
  // OVMF looks at no disk that it is not to boot from.
  const order = isStarted ? ',bootindex=0' : '';
  return [
    ...['-drive', `if=none,id=disk,format=raw,file=${file}`],
    ...['-device', `nvme,serial=disk,drive=disk${order}`],
  ];
}

function exposingArguments(memoryMiB: number, socket: string): string[] {
  return [
    // Options of the machine come in several parts.
    ...['-machine', 'memory-backend=memory'],
    ...['-object', `memory-backend-memfd,id=memory,size=${memoryMiB}M,share=on`],
    ...['-qtest', `unix:${socket},server=on,wait=off`, '-qtest-log', 'none'],
  ];
}

async function startArguments(
  start: MachineOptions['start'],
  directory: string,
): Promise<string[]> {
  if ('variables' in start) return diskStartArguments(start);
  if ('efi' in start) return firmwareArguments(start, directory);
  return multibootArguments(start, directory);
}

async function multibootArguments(start: MultibootStart, directory: string): Promise<string[]> {
  const files = await Promise.all(
    start.modules.map(async (module, index) => {
      if (typeof module === 'string') return module;
      const file = join(directory, `module-${index}`);
      await writePieces(file, module);
      return file;
    }),
  );
  const modules = [[start.kernel, ...start.kernelOptions].join(' '), ...files];
  const comma = modules.find((module) => module.includes(','));
  if (comma)
    throw new Error(`${comma}: QEMU separates multiboot modules by commas; none may hold one`);
  return [
    ...['-kernel', start.hypervisor, '-append', start.hypervisorOptions.join(' ')],
    ...['-initrd', modules.join(',')],
  ];
}

function tpmArguments(start: MachineOptions['start'], tpm?: MachineTpm): string[] {
  if (!tpm) return [];
  // Both interfaces are run this way: CRB, as firmware of today has it, and the older TIS.
  const device = 'hypervisor' in start ? 'tpm-tis' : 'tpm-crb';
  return [
    ...['-chardev', `socket,id=tpm,path=${tpm.socket}`],
    ...['-tpmdev', 'emulator,id=tpm0,chardev=tpm', '-device', `${device},tpmdev=tpm0`],
  ];
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
