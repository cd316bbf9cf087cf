import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Declarations, openLibrary } from '../../bindings/ffi/library.ts';
import { runProgram } from '../../platform/lib/run.ts';

/** enum tpmif_state, xen/io/tpmif.h. Only the guest writes SUBMIT and CANCEL, only the back end IDLE and FINISH. */
export const RingState = { idle: 0, submit: 1, finish: 2, cancel: 3 } as const;

export const PAGE_SIZE = 4096;
/** The longest command or response: what the header leaves of the page. */
export const MAX_MESSAGE = PAGE_SIZE - 8;

interface PageFields {
  length: number;
  state: number;
  locality: number;
  extraPages: number;
}

/** What a guest does: writes a message and says that it is there. */
export function submit(page: Buffer, message: Uint8Array, fields: Partial<PageFields> = {}): void {
  const {
    length = message.length,
    state = RingState.submit,
    locality = 0,
    extraPages = 0,
  } = fields;
  page.set(message.subarray(0, MAX_MESSAGE), 8);
  page.writeUInt32LE(length, 0);
  page.set([state, locality, 0, extraPages], 4);
}

/** What the back end answered. */
export const responseIn = (page: Buffer): Buffer =>
  Buffer.from(page.subarray(8, 8 + page.readUInt32LE(0)));

/** The back end's own code (vtpm/backend/serve/ring.c). */
export interface BackendRing {
  take(page: Buffer): Taken;
  respond(page: Buffer, response: Buffer): void;
  respondCode(page: Buffer, code: number): void;
  giveUp(page: Buffer): void;
}

export type Taken =
  | { kind: 'none' | 'cancelled' }
  | { kind: 'command'; command: Buffer }
  | { kind: 'refused'; code: number; reason: string };

const SERVE_RING = {
  ring_take: { args: { page: 'bytes', taken: 'bytes' }, result: 'u32', fails: 'never' },
  ring_respond: {
    args: { page: 'bytes', response: 'bytes', length: 'u64' },
    result: 'void',
    fails: 'never',
  },
  ring_respond_code: { args: { page: 'bytes', code: 'u32' }, result: 'void', fails: 'never' },
  ring_give_up: { args: { page: 'bytes' }, result: 'void', fails: 'never' },
} as const satisfies Declarations;

/** struct ring_taken, ring.h. */
const Taken = {
  length: 0,
  command: 4,
  code: 4 + MAX_MESSAGE,
  reason: 8 + MAX_MESSAGE,
  size: 72 + MAX_MESSAGE,
};
/** enum ring_request, ring.h. */
const kinds = ['none', 'cancelled', 'command', 'refused'] as const;

/** Compiles the back end's ring, and loads it. */
export async function backendRing(): Promise<BackendRing> {
  const scratch = await mkdtemp(join(tmpdir(), 'domb-ring-'));
  try {
    const path = join(scratch, 'ring.so');
    const source = join(import.meta.dirname, '../../vtpm/backend/serve/ring.c');
    const strict = ['-O2', '-Wall', '-Wextra', '-Werror'];
    await runProgram('gcc', [...strict, '-shared', '-fPIC', '-o', path, source]);
    const library = openLibrary(path, SERVE_RING);
    return {
      take: (page) => {
        const taken = Buffer.alloc(Taken.size);
        const kind = kinds[library.ring_take({ page, taken })];
        if (kind === undefined) throw new Error('no such request');
        if (kind === 'command') {
          const length = taken.readUInt32LE(Taken.length);
          return { kind, command: taken.subarray(Taken.command, Taken.command + length) };
        }
        if (kind !== 'refused') return { kind };
        const reason = taken.toString('latin1', Taken.reason, taken.indexOf(0, Taken.reason));
        return { kind, code: taken.readUInt32LE(Taken.code), reason };
      },
      respond: (page, response) =>
        library.ring_respond({ page, response, length: response.length }),
      respondCode: (page, code) => library.ring_respond_code({ page, code }),
      giveUp: (page) => library.ring_give_up({ page }),
    };
  } finally {
    await rm(scratch, { recursive: true });
  }
}
