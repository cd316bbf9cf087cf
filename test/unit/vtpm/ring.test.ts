import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  giveResponse,
  giveUp,
  MAX_MESSAGE,
  RingState,
  type SharedPage,
  takeRequest,
} from '../../../vtpm/backend/ring.ts';
import { FakePage } from '../../lib/fake-xen-devices.ts';

/** A command of `size` bytes whose header claims `claimed`. */
function command(size: number, claimed = size): Buffer {
  const bytes = Buffer.alloc(size, 0xab);
  bytes.writeUInt16BE(0x8001, 0);
  bytes.writeUInt32BE(claimed, 2);
  return bytes;
}

const code = (response: Buffer) => response.readUInt32BE(6);

function refusal(page: SharedPage): { reason: string; code: number } {
  const request = takeRequest(page);
  assert.equal(request.kind, 'refused');
  if (request.kind !== 'refused') throw new Error('not refused');
  assert.equal(request.response.readUInt32BE(2), request.response.length);
  return { reason: request.reason, code: code(request.response) };
}

describe('the page that a guest shares with its TPM', () => {
  test('a command is taken out whole', () => {
    for (const size of [10, 12, MAX_MESSAGE]) {
      const page = new FakePage();
      page.submit(command(size));
      assert.deepEqual(takeRequest(page), { kind: 'command', command: command(size) });
    }
  });

  test('nothing is taken from a page in any other state', () => {
    const page = new FakePage();
    for (const state of [RingState.idle, RingState.finish, 4, 255]) {
      page.submit(command(12), { state });
      assert.deepEqual(takeRequest(page), { kind: 'none' });
    }
    page.submit(command(12), { state: RingState.cancel });
    assert.deepEqual(takeRequest(page), { kind: 'cancelled' });
  });

  test('lengths that are none of a command are refused', () => {
    const page = new FakePage();
    for (const length of [0, 9, MAX_MESSAGE + 1, 4096, 0x7fff_ffff, 0xffff_ffff]) {
      page.submit(command(64), { length });
      assert.deepEqual(refusal(page), { reason: `a length of ${length}`, code: 0x142 });
    }
  });

  test('so are a size that differs from the length, further pages, and localities', () => {
    const page = new FakePage();
    for (const claimed of [0, 11, 13, 0xffff_ffff]) {
      page.submit(command(12, claimed));
      assert.deepEqual(refusal(page), {
        reason: `a command of ${claimed} bytes in 12`,
        code: 0x142,
      });
    }
    page.submit(command(12), { extraPages: 1 });
    assert.deepEqual(refusal(page), { reason: '1 extra pages', code: 0x142 });
    page.submit(command(12), { locality: 2 });
    assert.deepEqual(refusal(page), { reason: 'locality 2', code: 0x907 });
  });

  test('a guest that changes the length while it is read gains nothing', () => {
    const page = new FakePage();
    page.submit(command(12));
    let reads = 0;
    const changing: SharedPage = {
      read: (offset, length) => {
        const copy = page.read(offset, length);
        // From now on the page claims more than it holds.
        page.bytes.writeUInt32LE(0xffff_ffff, 0);
        page.bytes.writeUInt32BE(0xffff_ffff, 10);
        reads++;
        return copy;
      },
      write: () => {},
    };
    assert.equal(refusal(changing).reason, `a command of ${0xffff_ffff} bytes in 12`);
    assert.equal(reads, 2);
  });

  test('the state tells of a response when it is there', () => {
    const page = new FakePage();
    page.submit(command(12));
    const order: number[] = [];
    giveResponse(
      { read: () => Buffer.alloc(0), write: (offset) => order.push(offset) },
      command(20),
    );
    assert.equal(order.at(-1), 4);
    giveResponse(page, command(20));
    assert.equal(page.state, RingState.finish);
    assert.deepEqual(page.response, command(20));
  });

  test('a response that does not fit becomes a failure', () => {
    const page = new FakePage();
    giveResponse(page, command(MAX_MESSAGE));
    assert.equal(page.response.length, MAX_MESSAGE);
    giveResponse(page, command(MAX_MESSAGE + 1));
    assert.equal(page.state, RingState.finish);
    assert.equal(code(page.response), 0x101);
  });

  test('a cancelled command leaves the page idle', () => {
    const page = new FakePage();
    page.submit(command(12), { state: RingState.cancel });
    giveUp(page);
    assert.equal(page.state, RingState.idle);
  });
});
