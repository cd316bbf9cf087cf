/** How long is looked for what is about to come, by the clock of this machine. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Declarations, openLibrary } from '../../../bindings/ffi/library.ts';
import { runProgram } from '../../../platform/lib/run.ts';

/** Waits for what comes after so many looks. */
const source = `
#include <stdint.h>
#include "linger.h"
static struct linger wait;
static uint32_t looks, comes_after, ways;
static bool is_there(void) { return ++looks > comes_after; }
static void give_way(void) { ways++; }
uint32_t waited(uint32_t after)
{
    looks = ways = 0;
    comes_after = after;
    return linger(&wait, is_there, give_way);
}
void begin(void) { wait = (struct linger){ 0 }; }
uint32_t looked(void) { return looks; }
uint32_t gave_way(void) { return ways; }
`;

const LINGER = {
  waited: { args: { after: 'u32' }, result: 'u32', fails: 'never' },
  begin: { args: {}, result: 'void', fails: 'never' },
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
  library.begin({});
  assert.ok(waits(0));
  assert.equal(library.looked({}), 1);
});

test('it is looked for, while others are given way, and that ends after some milliseconds', () => {
  library.begin({});
  assert.ok(waits(5));
  assert.equal(library.gave_way({}), 0);
  assert.ok(waits(50_000));
  assert.equal(library.gave_way({}), 1);
  const begin = performance.now();
  assert.ok(!waits(NEVER));
  // LINGER_MOST_US, on a machine that has other work.
  const took = performance.now() - begin;
  assert.ok(took >= 1.9 && took < 500, `${took} ms`);
});

test('after a look in vain a wait is slept for at once, after further ones three, until one is not in vain', () => {
  library.begin({});
  /** How many waits are slept for at once after a look in vain. */
  const slept = () => {
    assert.ok(!waits(NEVER));
    assert.ok(library.looked({}) > 1);
    for (let sleeps = 0; ; sleeps++) {
      if (waits(5)) return sleeps;
      assert.equal(library.looked({}), 1);
    }
  };
  assert.equal(slept(), 1);
  const vain = (times: number) => {
    let sleeps = 0;
    for (let looks = 0; looks < times; ) {
      waits(NEVER);
      if (library.looked({}) > 1) looks++;
      else sleeps++;
    }
    return sleeps;
  };
  assert.equal(vain(4), 1 + 3 + 3);
  assert.equal(vain(2), 3 + 3);
  for (let sleeps = 0; sleeps < 3; sleeps++) assert.ok(!waits(5));
  assert.ok(waits(5));
  assert.equal(slept(), 1);
});
