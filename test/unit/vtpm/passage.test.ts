import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startPassage } from '../../../vtpm/backend/passage.ts';

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-passage-'));
});
after(() => rm(scratch, { recursive: true }));

/** What is told of a process that does what the script says, until its end. */
async function told(script: string, uid?: number): Promise<{ events: string[]; why: string }> {
  const program = join(scratch, 'program');
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o700);
  const events: string[] = [];
  const ring = { domid: 5, reference: 8, remotePort: 9, socket: '/run/data', uid };
  return new Promise((resolve) => {
    const passage = startPassage(program, ring, {
      serving: () => events.push('serving'),
      said: (text) => {
        events.push(text);
        if (text === 'stop') passage.stop();
      },
      ended: (why) => resolve({ events, why }),
    });
  });
}

test('it is told whose ring it is, and its lines are told', async () => {
  const { events, why } = await told('echo "serving "; echo "says $*"; echo "failed at last"', 77);
  assert.deepEqual(events, ['serving', '5 8 9 /run/data 77']);
  assert.equal(why, 'at last');
  assert.deepEqual((await told('echo "says $*"')).events, ['5 8 9 /run/data']);
});

test('how it ended is told, when all that it said was', async () => {
  assert.equal((await told('exit 3')).why, 'tpmback ended with status 3');
  assert.equal((await told('kill -SEGV $$')).why, 'tpmback ended with SIGSEGV');
  assert.equal((await told('echo "says stop"; exec sleep 60')).why, 'tpmback ended with SIGKILL');
});

test('a program that is not there ends, too', async () => {
  const ring = { domid: 5, reference: 8, remotePort: 9, socket: '/run/data', uid: undefined };
  const why = await new Promise<string>((resolve) => {
    startPassage(join(scratch, 'none'), ring, {
      serving: () => assert.fail(),
      said: () => assert.fail(),
      ended: resolve,
    });
  });
  assert.match(why, /none does not run: .*ENOENT/);
});

test('one that was taken over by its guest does not keep the back end busy', async () => {
  const floods = [
    'exec yes "says something"',
    'exec yes "anything"',
    'exec tr "\\0" x </dev/zero',
    'printf "says %1000s\\n" x; exec sleep 60',
    'echo; exec sleep 60',
  ];
  for (const flood of floods) {
    const { events, why } = await told(flood);
    assert.equal(why, 'it says what it should not', flood);
    assert.ok(events.length <= 100, `${flood}: ${events.length} lines`);
  }
});
