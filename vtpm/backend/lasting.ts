import { existsSync, readFileSync, rmSync } from 'node:fs';
import { Tpm } from 'node-tpm2-pts';
import { parseVtpmStateKey, VTPM_STATE_KEY } from '../../domains/vtpm-state-key.ts';
import { RootIndex, rootValue } from '../../measurement/vtpm-state/root.ts';
import { askedStore, Dom0, passedTpm } from '../state/asking.ts';
import { type GuestState, GuestStates } from '../state/guest-states.ts';
import type { Store } from './store.ts';

/** States that outlast the boot. */
export interface Lasting {
  /** @throws Error where this boot has no key for them */
  open(guest: string): Promise<GuestState>;
  /** Follows dom0's answers; ends only when xenstore fails. */
  serve(): Promise<never>;
}

export interface LastingOptions {
  /** A connection of its own: nobody else takes what changes there. */
  connect: () => Store;
  say: (text: string) => void;
  now: () => number;
}

/** By the key that domB put into the initramfs, which is gone from there afterwards. Without one none is opened. */
export function lastingStates(options: LastingOptions): Lasting {
  const file = `/${VTPM_STATE_KEY}`;
  if (!existsSync(file)) return none('domB gave no key for states');
  const state = parseVtpmStateKey(readFileSync(file, 'utf8'));
  rmSync(file);
  if ('missing' in state) return none(state.missing);
  const { connect, say, now } = options;
  const { key, rootName } = state;
  const dom0 = new Dom0(connect());
  const tpm = new Tpm(passedTpm(dom0));
  const root = new RootIndex(tpm, rootValue(key), rootName);
  const tell = (text: string) => {
    say(text);
    dom0.tell(text);
  };
  const states = new GuestStates({ key, root, store: askedStore(dom0), say: tell, now });
  return { open: (guest) => states.open(guest), serve: () => dom0.serve() };
}

function none(why: string): Lasting {
  return {
    async open(guest) {
      throw new Error(
        `the TPM of ${guest} outlasts the boot, and is not served in this one: ${why}`,
      );
    },
    serve: () => new Promise(() => {}),
  };
}
