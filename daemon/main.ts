import { performance } from 'node:perf_hooks';
import { abort } from './abort.ts';
import { bringUp, launch, prepare } from './boot.ts';
import { execute } from './execute.ts';
import { linuxMachine } from './linux-machine.ts';
import { openLog } from './log.ts';
import { parseSettings, paths, type Settings } from './settings.ts';
import { BootState } from './state.ts';
import { Timeline } from './timeline.ts';

// CLOCK_MONOTONIC starts with the kernel, so this is the time since domB's kernel started.
const now = () => Number(process.hrtime.bigint()) / 1e6;

const timeline = new Timeline(now, performance.now());
const log = openLog(now);

/** Until the settings are read: fail closed. */
const cautious: Settings = {
  pcr: 13,
  bootPcr: 12,
  policy: false,
  signed: false,
  onFailure: 'halt',
  modules: [],
};

/**
 * Whoever starts this program by hand, in dom0 say, must not lose the machine: only init, and a service that says so
 * (systemd/domb.service), may end it.
 */
const mayEndMachine = process.pid === 1 || process.argv.includes('--end-machine');

let state = new BootState(linuxMachine, cautious, log, timeline);
let failing = false;

async function fail(error: unknown): Promise<void> {
  // A failure of the failure's handling: as init, this exit panics the kernel, and Xen ends the platform.
  if (failing) process.exit(1);
  failing = true;
  await abort(state, error);
  process.exit(1);
}

async function main(): Promise<void> {
  const settings = parseSettings((await linuxMachine.readFile(paths.settings)).toString());
  state = new BootState(linuxMachine, settings, log, timeline);
  await execute(bringUp(settings), state);
  await execute(prepare(state.manifest), state);
  await execute(launch(state.manifest, state.changes), state);
  linuxMachine.end('halt');
}

if (mayEndMachine) {
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  main().catch(fail);
} else {
  console.error('domb: this is the init of a boot domain; started by hand it does nothing');
  console.error('what to do: boot it (README.md), or use the command domb');
  process.exitCode = 2;
}
