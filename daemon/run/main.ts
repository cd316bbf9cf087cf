import { performance } from 'node:perf_hooks';
import { abort } from './abort.ts';
import { linuxMachine } from './linux-machine.ts';
import { openDaemonLog } from './log.ts';
import { runBoot } from './run-boot.ts';
import { EarlyState } from './state.ts';
import { Timeline } from './timeline.ts';

// CLOCK_MONOTONIC starts with the kernel, so this is the time since domB's kernel started.
const now = () => Number(process.hrtime.bigint()) / 1e6;

const state = new EarlyState(
  linuxMachine,
  openDaemonLog(now),
  new Timeline(now, performance.now()),
);

/**
 * Whoever starts this program by hand, in dom0 say, must not lose the machine: only init, and a service that says so
 * (systemd/domb.service), may end it.
 */
const mayEndMachine = process.pid === 1 || process.argv.includes('--end-machine');

async function fail(error: unknown): Promise<void> {
  // A failure of the failure's handling: as init, this exit panics the kernel, and Xen ends the platform.
  if (state.failure !== undefined) process.exit(1);
  await abort(state, error);
  process.exit(1);
}

if (mayEndMachine) {
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  runBoot(state).then(() => process.exit(state.failure === undefined ? 0 : 1), fail);
} else {
  console.error('domb: this is the init of a boot domain; started by hand it does nothing');
  console.error('what to do: boot it (README.md), or use the command domb');
  process.exitCode = 2;
}
