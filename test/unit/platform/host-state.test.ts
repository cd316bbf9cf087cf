import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type HostState,
  readHostState,
  type SeenBoot,
  settle,
  writeHostState,
} from '../../../platform/host/state.ts';

const [OLD, NEW] = ['0123456789ab', 'ba9876543210'];
const WHEN = '2026-01-01T00:00:00.000Z';
const state: HostState = { version: 1, good: OLD, trial: NEW };
const seen = (more: Partial<SeenBoot>): SeenBoot => ({
  ...{ booted: undefined, pending: false, tried: undefined, received: false, reason: undefined },
  ...more,
});

test('a trial becomes the default after a good hand-over, and what was the default stays at hand', () => {
  const result = settle(state, seen({ booted: NEW, tried: NEW, received: true }), WHEN);
  assert.deepEqual(result, {
    state: { version: 1, good: NEW, previous: OLD },
    does: 'promote',
    release: NEW,
  });
  const first = settle({ version: 1, trial: NEW }, seen({ booted: NEW, received: true }), WHEN);
  assert.deepEqual(first.state, { version: 1, good: NEW });
});

test('every other end of a trial leaves the default, and keeps the reason', () => {
  const ends: Partial<SeenBoot>[] = [
    // dom0 came up, and has not received it all, or is the recovery domain.
    { booted: NEW, tried: NEW, reason: 'it said why' },
    { booted: NEW, tried: NEW },
    // The machine came back by itself, with the default or as before domb.
    { booted: OLD, tried: NEW, received: true },
    { tried: NEW },
  ];
  for (const end of ends) {
    const result = settle(state, seen(end), WHEN);
    assert.equal(result.does, 'give-up');
    const { failure, ...rest } = result.state;
    assert.deepEqual(rest, { version: 1, good: OLD });
    assert.equal(failure?.release, NEW);
    assert.equal(failure?.when, WHEN);
    assert.match(failure?.reason ?? '', end.reason === undefined ? /\w/ : /^it said why$/);
  }
});

test('what was not tried yet stays on trial; what somebody passed over is tried again', () => {
  assert.deepEqual(settle(state, seen({ booted: OLD, pending: true }), WHEN), {
    state,
    does: 'nothing',
  });
  const passed = settle(state, seen({ booted: OLD, tried: OLD, received: true }), WHEN);
  assert.equal(passed.does, 'try-again');
  assert.equal(passed.state.trial, NEW);
});

test('a former failure goes when the next trial is good', () => {
  const failure = { release: OLD, when: WHEN, reason: 'old' };
  const result = settle({ ...state, failure }, seen({ booted: NEW, received: true }), WHEN);
  assert.equal(result.state.failure, undefined);
});

test('the state is a file of its own form; a name that could lead elsewhere is none', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'domb-state-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'deeper/state.json');
  assert.equal(readHostState(file), undefined);
  await writeHostState(file, state);
  assert.deepEqual(readHostState(file), state);
  for (const text of [
    'x',
    '{"version": 2}',
    '{"version": 1, "good": "../../etc"}',
    '{"version": 1, "trial": 7}',
  ]) {
    writeFileSync(file, text);
    assert.throws(() => readHostState(file), /state\.json: this is no state of domb/);
  }
});
