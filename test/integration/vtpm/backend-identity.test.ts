/** The guest's C code, whose xenstore dom0 writes: whom it takes for the domain that serves its TPM. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { withVtpmParameter } from '../../../domains/vtpm-parameter.ts';
import { runProgram } from '../../../platform/lib/run.ts';

const frontend = join(import.meta.dirname, '../../../vtpm/frontend');
const stub = join(import.meta.dirname, '../../lib/false-xenstore.c');
const VTPM = 32736;

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-frontend-'));
  await runProgram('gcc', [
    ...['-O1', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'],
    ...['-o', join(scratch, 'frontend'), `-DCOMMAND_LINE="${join(scratch, 'cmdline')}"`],
    `-DMOVED="${join(scratch, 'moved')}"`,
    ...[`-I${frontend}`, stub],
    ...['xenbus', 'told', 'fail', 'wait'].map((name) => join(frontend, `${name}.c`)),
  ]);
});
after(() => rm(scratch, { recursive: true }));

/**
 * Has the front end connect to whom xenstore names.
 * @param deeds what dom0 does then: `NAME=VALUE`, or `NAME` to remove an entry
 */
async function connect(cmdline: string, backendId: number | string, deeds: string[] = []) {
  await writeFile(join(scratch, 'cmdline'), `${cmdline}\n`);
  const { status, stdout, stderr } = spawnSync(join(scratch, 'frontend'), deeds, {
    encoding: 'utf8',
    env: {
      domid: '1',
      device_vtpm_0_backend: '/b',
      device_vtpm_0_backend_id: String(backendId),
      _b_state: '2',
      _b_feature_protocol_v2: '1',
      // What the front end holds ends with it.
      ASAN_OPTIONS: 'detect_leaks=0',
    },
  });
  const peers = [...stdout.matchAll(/(?:share|bind) with (\d+)/g)].map(([, domid]) =>
    Number(domid),
  );
  return { status, peers, stdout, stderr };
}

test('the domain that domB named is given page and channel', async () => {
  for (const cmdline of ['', 'console=hvc0', 'quiet -- single']) {
    const seen = await connect(withVtpmParameter(cmdline, VTPM), VTPM);
    assert.deepEqual([seen.status, seen.stderr], [0, '']);
    assert.deepEqual(seen.peers, [VTPM, VTPM]);
    assert.match(seen.stdout, /^connected$/m);
  }
});

test('another that xenstore names is given nothing', async () => {
  const lines = [
    withVtpmParameter('console=hvc0', VTPM),
    // What domB writes comes first.
    `${withVtpmParameter('', VTPM)} domb.vtpm=0`,
    `xdomb.vtpm=0 domb.vtpm=${VTPM}`,
  ];
  for (const cmdline of lines) {
    for (const other of [0, 5, VTPM + 1, VTPM + 2 ** 32]) {
      const { status, peers, stdout, stderr } = await connect(cmdline, other);
      assert.equal(status, 1);
      assert.deepEqual(peers, []);
      assert.doesNotMatch(stdout, /write/);
      assert.equal(
        stderr,
        `tpmfront: refuses domain ${other}, which xenstore names: domB gave this guest the TPM that domain ${VTPM} serves\n`,
      );
    }
  }
});

test('what is no domid is not taken for none', async () => {
  for (const value of ['', 'x', '-1', '1x', '0x7FE0', '32752', '99999999999999999999']) {
    const { status, peers, stderr } = await connect(`domb.vtpm=${value} quiet`, 0);
    assert.equal(status, 1, value);
    assert.deepEqual(peers, []);
    assert.match(stderr, /cmdline has domb\.vtpm= without a domid/);
  }
});

test("a guest that domB told nothing, as one of dom0's own, takes dom0's word and says so", async () => {
  const { status, peers, stderr } = await connect('console=hvc0 notdomb.vtpm=7', 5);
  assert.equal(status, 0);
  assert.deepEqual(peers, [5, 5]);
  assert.match(stderr, /takes domain 5 for the vTPM domain on dom0's word/);
});

test('entries that are removed end nothing; a device that is closed does', async () => {
  const cmdline = withVtpmParameter('', VTPM);
  const gone = ['_b_state', 'device_vtpm_0_backend', 'device_vtpm_0_backend_id'];
  const seen = await connect(cmdline, VTPM, gone);
  assert.deepEqual([seen.status, seen.stderr], [0, '']);
  assert.equal([...seen.stdout.matchAll(/^goes on after /gm)].length, 3);
  for (const state of [5, 6]) {
    const { status, stdout, stderr } = await connect(cmdline, VTPM, [`_b_state=${state}`]);
    assert.equal(status, 1);
    assert.match(stdout, /write device\/vtpm\/0\/state 6/);
    assert.match(stderr, /the vTPM domain closed the device/);
  }
});

test('a guest that was restored or migrated has no TPM any more, until it starts anew', async () => {
  const cmdline = withVtpmParameter('', VTPM);
  const why = /this guest was restored or migrated since its start: its TPM stayed where it was/;
  const stays = await connect(cmdline, VTPM, ['domid=1', 'domid']);
  assert.deepEqual([stays.status, stays.stderr], [0, '']);
  const moved = await connect(cmdline, VTPM, ['domid=7']);
  assert.equal(moved.status, 1);
  assert.match(moved.stderr, why);
  // Whoever starts it again, under whatever domid.
  const again = await connect(cmdline, VTPM);
  assert.deepEqual([again.status, again.peers], [1, []]);
  assert.match(again.stderr, why);
  await rm(join(scratch, 'moved'));
  assert.equal((await connect(cmdline, VTPM)).status, 0);
});
