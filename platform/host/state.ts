import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../lib/replace-file.ts';
import { HostError } from './host-error.ts';

/** A release that did not boot, or an update that could not be made. */
export interface HostFailure {
  /** Left out where there is no release yet. */
  release?: string;
  /** ISO 8601. */
  when: string;
  reason: string;
}

/** What a host knows of its boots. Releases are named by their identifiers (release.ts). */
export interface HostState {
  version: 1;
  /** The release that the machine boots unless told otherwise; without one it boots as before domb. */
  good?: string;
  /** The one before it, which the menu has still. */
  previous?: string;
  /** The release that is to be tried once, at the next boot. */
  trial?: string;
  failure?: HostFailure;
}

/** Reads the state; undefined where domb is not installed on this host. @throws HostError for a file that is none */
export function readHostState(path: string): HostState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const state = parsed(text);
  if (state !== undefined) return state;
  throw new HostError(`${path}: this is no state of domb`, 'run "domb install" again');
}

function parsed(text: string): HostState | undefined {
  try {
    const state = JSON.parse(text) as HostState;
    const names = [state.good, state.previous, state.trial].filter((name) => name !== undefined);
    return state.version === 1 && names.every(isReleaseName) ? state : undefined;
  } catch {
    return undefined;
  }
}

/** What a release may be called: a part of file names and of boot entries. */
export const isReleaseName = (name: unknown): name is string =>
  typeof name === 'string' && /^[0-9a-f]{12}$/.test(name);

export async function writeHostState(path: string, state: HostState): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, (to) => writeFile(to, `${JSON.stringify(state, null, 2)}\n`));
}

/** What can be seen of the boot that runs. */
export interface SeenBoot {
  /** The release that this system was started by; undefined where it was not started by domB. */
  booted: string | undefined;
  /** The boot loader has still to try the trial. */
  pending: boolean;
  /** The release that the boot loader tried last. */
  tried: string | undefined;
  /** dom0 has received the hand-over, and all that it says. */
  received: boolean;
  /** Why not, where that is known. */
  reason: string | undefined;
}

/** What follows for the boot loader. */
export type Settlement =
  | { state: HostState; does: 'nothing' }
  | { state: HostState; does: 'promote'; release: string }
  /** The boot was not tried: somebody chose another entry. */
  | { state: HostState; does: 'try-again'; release: string }
  | { state: HostState; does: 'give-up'; release: string };

/**
 * What becomes of the release that is on trial, now that this boot is as it is seen. Only a good hand-over makes it the default; every
 * other end of a trial leaves what was the default.
 */
export function settle(state: HostState, seen: SeenBoot, when: string): Settlement {
  const { trial, failure: _, ...settled } = state;
  if (trial === undefined) return { state, does: 'nothing' };
  if (seen.booted === trial) {
    if (seen.received) {
      return { state: promoted(settled, trial), does: 'promote', release: trial };
    }
    const reason = seen.reason ?? 'dom0 came up, and has not received the hand-over';
    return failed(settled, trial, when, reason);
  }
  if (seen.pending) return { state, does: 'nothing' };
  if (seen.tried !== trial) return { state, does: 'try-again', release: trial };
  return failed(
    settled,
    trial,
    when,
    'the boot loader has started it, and it did not get as far as dom0: what Xen and domB said on the console says why',
  );
}

function promoted({ good, ...state }: HostState, release: string): HostState {
  return { ...state, good: release, ...(good === undefined ? {} : { previous: good }) };
}

function failed(state: HostState, release: string, when: string, reason: string): Settlement {
  return { state: { ...state, failure: { release, when, reason } }, does: 'give-up', release };
}
