import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { loadManifest } from '../../boot-configs/load.ts';
import { xenJudgements } from '../../platform/judge/xen-alone.ts';
import { parseDomainDumps } from '../../platform/judge/xen-dump.ts';
import { domb } from '../lib/domb.ts';
import { counted, outputDirectory } from './support.ts';

const root = join(import.meta.dirname, '../..');
const main = join(root, 'platform/demo/main.ts');
const directory = outputDirectory('demo');
const manifest = join(root, 'boot-configs/demo.yaml');

/** Milliseconds: building what is missing, and the boot; and for an answer on a line. */
const BOOT = 1_800_000;
const ANSWER = 120_000;
const CTRL_A = '\x01';
const ESCAPE = '\x1d';

/** A program, what it has said, and what was asked of it. */
class Session {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #said = '';

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.setEncoding('utf8').on('data', (chunk: string) => {
        this.#said += chunk;
      });
    }
    this.#ended = once(this.#child, 'close');
    after(() => this.#child.kill('SIGKILL'));
  }

  /** What the demo's command says. */
  static demo(...args: string[]): Session {
    return new Session(process.execPath, [main, '--output', directory, ...args]);
  }

  /** The same in a terminal of its own. */
  static terminal(...args: string[]): Session {
    const command = [process.execPath, main, '--output', directory, ...args].join(' ');
    return new Session('script', ['-qefc', command, '/dev/null']);
  }

  /** Types, and waits until `sign` was said since then. Gives what was said. */
  async type(keys: string, sign: RegExp): Promise<string> {
    const before = this.#said.length;
    this.#child.stdin?.write(keys);
    return this.#wait(before, sign, ANSWER);
  }

  async says(sign: RegExp, timeout = ANSWER): Promise<string> {
    return this.#wait(0, sign, timeout);
  }

  /** Its exit status, when it has ended. */
  async status(): Promise<unknown> {
    return (await this.#ended)[0];
  }

  async #wait(before: number, sign: RegExp, timeout: number): Promise<string> {
    const deadline = performance.now() + timeout;
    while (!sign.test(this.#said.slice(before))) {
      const gone = this.#child.exitCode !== null;
      if (gone || performance.now() > deadline) {
        const why = gone ? 'it ended' : `${timeout / 1000} s passed`;
        assert.fail(`${why} before ${sign}; it said:\n${this.#said.slice(-4000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return this.#said.slice(before);
  }
}

/** Processes that have the demo's directory on their command line. */
async function left(): Promise<string[]> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    processes.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(directory)).map((line) => line.replaceAll('\0', ' '));
}

const file = (name: string) => readFile(join(directory, name), 'utf8');

test('npm run demo: the platform comes up, measured and labelled, domB goes, and the machine can be kept', (t) =>
  counted('demo', () => kept(t)));

async function kept(t: TestContext): Promise<void> {
  const demo = Session.demo('--keep');
  await demo.says(/--stop\n/, BOOT);

  await t.test('everything that it compares holds', async () => {
    const { ok, checks } = JSON.parse(await file('result.json'));
    assert.deepEqual(
      checks.filter((check: { ok: boolean }) => !check.ok),
      [],
    );
    assert.equal(ok, true);
    assert.equal(checks.length, 14);
    const record = JSON.parse(await file('evidence/record.json'));
    assert.equal(record.bootDomid, 0x7fef);
    assert.equal(record.hardwareDomid, 0);
    const memory = checks.find(
      ({ name }: { name: string }) => name === "domB's memory is free again",
    );
    const [, given] = / of (\d+) MiB came back/.exec(memory.detail) ?? [];
    // What docs/performance.md says.
    assert.ok(Number(given) <= 256, memory.detail);
  });

  await t.test('a root shell in dom0', async () => {
    const shell = Session.terminal('--attach', 'dom0');
    await shell.says(/dom0:\/# /);
    assert.match(await shell.type('xl list -Z\r', /vtpm_t/), /Domain-0 +0 +1024 /);
    assert.match(await shell.type('id -u\r', /\n\d+\r/), /\n0\r/);
    await shell.type(ESCAPE, /Left; the machine runs on/);
    assert.equal(await shell.status(), 0);
  });

  const console = Session.terminal('--attach', 'xen');
  await t.test("Xen's console, and dom0's", async () => {
    await console.says(/Ctrl-\] leaves it/);
    await console.type('\r', /dom0:\/# /);
    await console.type(CTRL_A.repeat(3), /Serial input to Xen/);
    const dump = await console.type(
      'q',
      /General information for domain 32736[\s\S]*Notifying guest 32736/,
    );
    await console.type(CTRL_A.repeat(3), /Serial input to DOM0/);
    assert.match(await console.type('xl list\r', /vtpm +32736/), /Domain-0/);

    const loaded = loadManifest(await readFile(manifest), manifest);
    const judged = xenJudgements({
      ...{ manifest: loaded, bootDomid: 0x7fef, consoleText: await file('console.log') },
      dumps: parseDomainDumps(dump.replaceAll('\r', '')),
    });
    assert.deepEqual(
      judged.map(({ name, ok, detail }) => (ok ? name : `${name}: ${detail}`)),
      [
        'vtpm is there, with its domid and UUID',
        'dom0 is there, with its domid and UUID',
        'domB is gone',
      ],
    );
  });

  await t.test('no second demo starts in the same place', async () => {
    const second = Session.demo();
    await second.says(/a demo runs here already/);
    assert.equal(await second.status(), 1);
  });

  await t.test('the evidence is right, by the images and the policy that it leaves', async () => {
    const { status, out } = await domb([
      ...['verify', join(directory, 'evidence'), '--boot'],
      ...['--manifest', manifest, '--images', join(directory, 'images')],
      ...['--policy', join(directory, 'policy')],
    ]);
    assert.equal(status, 4, out);
    assert.match(out, /^NOT PROVEN: .*: nonce, key, launch-chain, dma$/m);
  });

  await t.test('--stop ends it, and nothing of it is left', async () => {
    const stop = Session.demo('--stop');
    await stop.says(/has ended, and its machine/);
    assert.equal(await stop.status(), 0);
    await console.says(/The machine has ended/);
    assert.equal(await console.status(), 0);
    assert.equal(await demo.status(), 0);
    assert.deepEqual(await left(), []);
  });
}
