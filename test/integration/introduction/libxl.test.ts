/** Debian's libxl without Xen: what it makes of the devices that dom0 has it attach. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../../../platform/lib/run.ts';
import { file } from '../../lib/domb.ts';
import { FakeXenstored } from '../../lib/fake-xenstored.ts';

/** Opens of Xen's devices succeed here, and no call does. */
const devices = `
set -e
mkdir "$1/dev"
mount -t tmpfs dev "$1/dev"
mkdir "$1/dev/xen"
for name in null urandom xen/privcmd xen/evtchn; do
  : >"$1/dev/$name"
  from=null
  [ "$name" != urandom ] || from=urandom
  mount --bind "/dev/$from" "$1/dev/$name"
done
mount --rbind "$1/dev" /dev
exec "$2" "$3"`;

test('libxl takes devices as they are meant', async (t) => {
  const scratch = await mkdtemp(join(tmpdir(), 'domb-libxl-'));
  t.after(() => rm(scratch, { recursive: true }));
  const store = new FakeXenstored(0);
  const socket = join(scratch, 'xenstored');
  await store.listen(socket);
  t.after(() => store.close());
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const echo = file('test/lib/libxl-echo.ts');
  const words = [...asRoot, '--mount', 'sh', '-c', devices, 'sh', scratch, process.execPath, echo];
  const output = await runProgram('unshare', words, {
    env: { ...process.env, XENSTORED_PATH: socket },
  });
  const { read, said } = JSON.parse(output) as {
    read: { sent: Record<string, unknown>; got: Record<string, unknown> }[];
    said: string[];
  };
  assert.equal(read.length, 5);
  for (const { sent, got } of read) {
    for (const [key, value] of Object.entries(sent)) {
      // libxl leaves out what is 0.
      assert.deepEqual(got[key] ?? 0, value, `${key} of ${JSON.stringify(got)}`);
    }
  }
  assert.deepEqual(said, []);
});
