/** Debian's libxl without Xen: what it makes of the devices that dom0 has it attach, and what it tells of domains that end. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type TestContext, test } from 'node:test';
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
shift
exec "$@"`;

/** A directory, a xenstored in it, and how a program is started that finds both. */
async function withoutXen(t: TestContext) {
  const scratch = await mkdtemp(join(tmpdir(), 'domb-libxl-'));
  t.after(() => rm(scratch, { recursive: true }));
  const store = new FakeXenstored(0);
  const socket = join(scratch, 'xenstored');
  await store.listen(socket);
  t.after(() => store.close());
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const within = [...asRoot, '--mount', 'sh', '-c', devices, 'sh', scratch];
  return { scratch, store, within, env: { ...process.env, XENSTORED_PATH: socket } };
}

test('libxl takes devices, and what it builds a domain from, as they are meant', async (t) => {
  const { within, env } = await withoutXen(t);
  const echo = [process.execPath, file('test/lib/libxl-echo.ts')];
  const output = await runProgram('unshare', [...within, ...echo], { env });
  const { read, configurations, said, refused } = JSON.parse(output) as {
    read: { sent: Record<string, unknown>; got: Record<string, unknown> }[];
    configurations: { sent: object; got: object }[];
    refused: { failure: string; said: string[] };
    said: string[];
  };
  assert.equal(read.length, 5);
  for (const { sent, got } of read) {
    for (const [key, value] of Object.entries(sent)) {
      // libxl leaves out what is 0.
      assert.deepEqual(got[key] ?? 0, value, `${key} of ${JSON.stringify(got)}`);
    }
  }
  for (const { sent, got } of configurations) {
    for (const [path, value] of leavesOf(sent)) {
      const kept = path.reduce(
        (part: unknown, key) => (part as Record<string, unknown>)?.[key],
        got,
      );
      assert.deepEqual(kept ?? 0, value, `${path.join('.')} of ${JSON.stringify(got)}`);
    }
  }
  assert.deepEqual(said, []);
  assert.match(refused.failure, /libxl_domain_create_new\(\) failed/);
  assert.match(refused.said.join(), /libxl_get_physinfo: getting physinfo/);
});

/** The values in an object, and where they are. */
function leavesOf(value: unknown, path: string[] = []): [string[], unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) => leavesOf(part, [...path, key]));
}

test('libxl tells how domains end, and when they are gone', async (t) => {
  const { scratch, store, within, env } = await withoutXen(t);
  const [library, domains] = [join(scratch, 'fake-domains.so'), join(scratch, 'domains')];
  const source = file('test/lib/fake-domains.c');
  const strict = ['-Wall', '-Wextra', '-Werror'];
  await runProgram('gcc', [...strict, '-shared', '-fPIC', '-o', library, source]);
  // XEN_DOMINF_shutdown, and behind it the reason.
  const running = '0 0\n1 0\n2 0\n';
  await writeFile(domains, running);
  const fakes = [`LD_PRELOAD=${library}`, `FAKE_DOMAINS=${domains}`];
  const ends = ['env', ...fakes, process.execPath, file('test/lib/libxl-ends.ts'), '1', '2'];
  const program = spawn('unshare', [...within, ...ends], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => program.kill());
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const next = async (now: string) => {
    // In one step: it may look at any time.
    await writeFile(`${domains}.new`, now);
    await rename(`${domains}.new`, domains);
    // It may not have said yet that it waits.
    const timer = setInterval(() => store.changed('@releaseDomain'), 50);
    const { value } = await lines.next();
    clearInterval(timer);
    return JSON.parse(String(value)) as unknown;
  };
  const stopped = (domid: number, reason: string) => ({ domid, kind: 'shutdown', reason });
  assert.deepEqual(await next('0 0\n1 4\n2 0\n'), stopped(1, 'poweroff'));
  assert.deepEqual(await next('0 0\n1 4\n2 30004\n'), stopped(2, 'crash'));
  assert.deepEqual(await next('0 0\n2 30004\n'), { domid: 1, kind: 'gone' });
  assert.deepEqual(await next('0 0\n'), { domid: 2, kind: 'gone' });
  const [status] = (
    program.exitCode === null ? await once(program, 'exit') : [program.exitCode]
  ) as number[];
  assert.equal(status, 0);
});
