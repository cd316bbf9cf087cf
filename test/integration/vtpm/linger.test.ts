/** How long is looked for what is about to come, by the clock of this machine. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Declarations, openLibrary } from '../../../bindings/ffi/library.ts';
import { runProgram } from '../../../platform/lib/run.ts';

/** Waits for what comes after so many looks, or, when nobody looks any more, at once. */
const source = `
#include "linger.h"
static struct linger wait;
static uint32_t looks, comes_after, ways;
static bool is_there(void) { return ++looks > comes_after; }
static void give_way(void) { ways++; }
uint32_t waited(uint32_t after)
{
    looks = ways = 0;
    comes_after = after;
    if (linger(&wait, is_there, give_way))
        return 1;
    linger_slept(&wait);
    return 0;
}
void waited_long(void)
{
    struct linger long_ago = { .brief = true, .since = 0 };
    wait = long_ago;
    linger_slept(&wait);
}
uint32_t looked(void) { return looks; }
uint32_t gave_way(void) { return ways; }
`;

const LINGER = {
  waited: { args: { after: 'u32' }, result: 'u32', fails: 'never' },
  waited_long: { args: {}, result: 'void', fails: 'never' },
  looked: { args: {}, result: 'u32', fails: 'never' },
  gave_way: { args: {}, result: 'u32', fails: 'never' },
} as const satisfies Declarations;

const NEVER = 0xffff_ffff;
let scratch: string;
let library: ReturnType<typeof openLibrary<typeof LINGER>>;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-linger-'));
  const linger = join(import.meta.dirname, '../../../vtpm/linger');
  const path = join(scratch, 'linger.so');
  const driver = join(scratch, 'driver.c');
  await writeFile(driver, source);
  const strict = ['-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC'];
  const sources = [`-I${linger}`, join(linger, 'linger.c'), driver];
  await runProgram('gcc', [...strict, '-o', path, ...sources]);
  library = openLibrary(path, LINGER);
});
after(() => rm(scratch, { recursive: true }));

/** Whether it came while it was looked for. */
const waits = (looks: number): boolean => library.waited({ after: looks }) === 1;

test('what is there already is not waited for', () => {
  library.waited_long({});
  assert.ok(waits(0));
  assert.equal(library.looked({}), 1);
});

test('after a long wait it is slept at once, after a brief one it is looked for', () => {
  library.waited_long({});
  assert.ok(!waits(5));
  assert.equal(library.looked({}), 1);
  // The sleep was over at once.
  assert.ok(waits(5));
});

test('while it is looked for others are given way, and it ends after some milliseconds', () => {
  library.waited_long({});
  waits(5);
  assert.ok(waits(1000));
  assert.ok(library.gave_way({}) >= 5);
  const begin = performance.now();
  assert.ok(!waits(NEVER));
  // LINGER_MOST_US, on a machine that has other work.
  const took = performance.now() - begin;
  assert.ok(took >= 1.9 && took < 500, `${took} ms`);
});
