import { performance } from 'node:perf_hooks';
import { abort } from './abort.ts';
import { bringUp, launch } from './boot.ts';
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
const cautious: Settings = { pcr: 13, onFailure: 'halt', modules: [] };

async function main(): Promise<void> {
  let state = new BootState(linuxMachine, cautious, log, timeline);
  const fail = async (error: unknown) => abort(state, error);
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  try {
    const settings = parseSettings((await linuxMachine.readFile(paths.settings)).toString());
    state = new BootState(linuxMachine, settings, log, timeline);
    await execute(bringUp, state);
    await execute(launch(state.manifest), state);
    linuxMachine.end('halt');
  } catch (error) {
    await fail(error);
  }
}

void main();
