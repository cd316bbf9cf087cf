import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { runProgram } from '../../../platform/lib/run.ts';
import {
  type BackendRing,
  backendRing,
  MAX_MESSAGE,
  PAGE_SIZE,
  RingState,
  responseIn,
  submit,
} from '../../lib/backend-ring.ts';

/** A command of `size` bytes whose header claims `claimed`. */
function command(size: number, claimed = size): Buffer {
  const bytes = Buffer.alloc(size, 0xab);
  bytes.writeUInt16BE(0x8001, 0);
  bytes.writeUInt32BE(claimed, 2);
  return bytes;
}

describe('the page that a guest shares with its TPM', () => {
  let ring: BackendRing;
  before(async () => {
    ring = await backendRing();
  });
  const pageWith = (
    ...what: Parameters<typeof submit> extends [Buffer, ...infer Rest] ? Rest : never
  ) => {
    const page = Buffer.alloc(PAGE_SIZE);
    submit(page, ...what);
    return page;
  };

  test('a command is taken out whole', () => {
    for (const size of [10, 12, MAX_MESSAGE]) {
      assert.deepEqual(ring.take(pageWith(command(size))), {
        kind: 'command',
        command: command(size),
      });
    }
  });

  test('nothing is taken from a page in any other state', () => {
    for (const state of [RingState.idle, RingState.finish, 4, 255]) {
      assert.deepEqual(ring.take(pageWith(command(12), { state })), { kind: 'none' });
    }
    const cancelled = pageWith(command(12), { state: RingState.cancel });
    assert.deepEqual(ring.take(cancelled), { kind: 'cancelled' });
  });

  test('lengths that are none of a command are refused', () => {
    for (const length of [0, 9, MAX_MESSAGE + 1, 4096, 0x7fff_ffff, 0xffff_ffff]) {
      assert.deepEqual(ring.take(pageWith(command(64), { length })), {
        kind: 'refused',
        reason: `a length of ${length}`,
        code: 0x142,
      });
    }
  });

  test('so are a size that differs from the length, further pages, and localities', () => {
    for (const claimed of [0, 11, 13, 0xffff_ffff]) {
      assert.deepEqual(ring.take(pageWith(command(12, claimed))), {
        kind: 'refused',
        reason: `a command of ${claimed} bytes in 12`,
        code: 0x142,
      });
    }
    const refused = { kind: 'refused' } as const;
    assert.deepEqual(ring.take(pageWith(command(12), { extraPages: 1 })), {
      ...{ ...refused, reason: '1 extra pages', code: 0x142 },
    });
    assert.deepEqual(ring.take(pageWith(command(12), { locality: 2 })), {
      ...{ ...refused, reason: 'locality 2', code: 0x907 },
    });
  });

  test('a response is there, with its length, when the state tells of it', () => {
    const page = pageWith(command(12));
    ring.respond(page, command(20));
    assert.equal(page.readUInt8(4), RingState.finish);
    assert.deepEqual(responseIn(page), command(20));
  });

  test('a response that does not fit becomes a failure', () => {
    const page = pageWith(command(12));
    ring.respond(page, command(MAX_MESSAGE));
    assert.equal(responseIn(page).length, MAX_MESSAGE);
    ring.respond(page, command(MAX_MESSAGE + 1));
    assert.equal(responseIn(page).toString('hex'), '80010000000a00000101');
  });

  test('a cancelled command leaves the page idle', () => {
    const page = pageWith(command(12), { state: RingState.cancel });
    ring.giveUp(page);
    assert.equal(page.readUInt8(4), RingState.idle);
  });
});

test('a guest that changes the page while it is read gains nothing', async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'domb-ring-'));
  try {
    const program = join(scratch, 'race');
    const serve = join(import.meta.dirname, '../../../vtpm/backend/serve');
    await runProgram('gcc', [
      ...['-O2', '-g', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'],
      ...['-fno-sanitize-recover=all', '-pthread', `-I${serve}`, '-o', program],
      ...[join(serve, 'ring.c'), join(import.meta.dirname, '../../lib/ring-race.c')],
    ]);
    // Ends when so many commands were taken, and so many refused, and with an error at the first that is none.
    assert.match(await runProgram(program, ['1000']), /^\d+ taken, \d+ refused$/m);
  } finally {
    await rm(scratch, { recursive: true });
  }
});
