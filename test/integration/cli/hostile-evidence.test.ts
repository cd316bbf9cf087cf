import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Writer } from 'node-tpm2-pts';
import { writeEvidence } from '../../../measurement/evidence/evidence.ts';
import { referenceFile } from '../../../measurement/evidence/reference.ts';
import { type DombRun, domb, dombProgram } from '../../lib/domb.ts';
import { ITEMS, NONCE } from '../../lib/evidence.ts';
import { putHostile } from '../../lib/hostile-files.ts';
import { ak, expected, genuine, platform } from '../../unit/measurement/forgeries/forgery.ts';

let directory: string;
const at = (name: string): string => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'domb-hostile-'));
  await writeEvidence(at('genuine'), genuine);
  const { pcr, bootPcr = 12, items = ITEMS, pcrs = new Map() } = expected;
  await writeFile(at('p.reference'), referenceFile({ pcr, bootPcr, items, pcrs }));
  await writeFile(at('ak.pub'), new Writer().sized(ak.publicArea).toBuffer());
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory });
  openssl('genpkey', '-algorithm', 'ed25519', '-out', 'key.pem');
  openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'public.pem');
  const files = ['-in', 'p.reference', '-out', 'p.reference.sig'];
  openssl('pkeyutl', '-sign', '-rawin', '-inkey', 'key.pem', ...files);
  // Says how much memory it took, as the last line on standard error.
  const report = 'process.on("exit",()=>process._rawDebug(process.resourceUsage().maxRSS))';
  await writeFile(at('report.cjs'), report);
});
after(() => rm(directory, { recursive: true }));

/** KiB; the command itself takes a third of it. */
const MOST = 400 * 1024;

/** What the installed command says of evidence in this place, in a time and a space that are bounded. */
async function verified(evidence: string, ...options: string[]): Promise<DombRun> {
  const env = { ...process.env, NODE_OPTIONS: `--require=${at('report.cjs')}` };
  const nonce = ['--nonce', NONCE.toString('hex')];
  const run = await domb(['verify', evidence, ...nonce, '--ak', at('ak.pub'), ...options], {
    env,
    program: ['timeout', '30', dombProgram],
  });
  const lines = run.error.trimEnd().split('\n');
  const memory = Number(lines.at(-1));
  assert.ok(memory > 0 && memory < MOST, `${memory} KiB`);
  return { ...run, error: lines.slice(0, -1).join('\n') };
}

const reference = () => ['--reference', at('p.reference'), '--key', at('public.pem')];

test('the genuine evidence is proven', async () => {
  const { status, out } = await verified(at('genuine'), ...reference());
  assert.equal(status, 0, out);
});

/** A file of the evidence, what is put there, and the status: 1 could not be judged, 3 refused. */
const files: readonly [file: string, kind: string, status: 1 | 3][] = [
  ['measurement.log', 'nothing at all', 1],
  ['measurement.log', 'a FIFO that nobody writes into', 3],
  ['measurement.log', 'a link to /dev/zero, which never ends', 3],
  ['measurement.log', '1 GiB, nearly all of it holes', 3],
  ['boot.log', 'nothing at all', 3],
  ['boot.log', 'a FIFO that nobody writes into', 3],
  ['boot.log', '1 GiB, nearly all of it holes', 3],
  ['quote.attest', 'a directory', 3],
  ['quote.attest', '1 GiB, nearly all of it holes', 3],
  ['quote.signature', 'a link to itself', 1],
  ['quote.signature', 'an empty file', 3],
  ['quote.pcrs', 'a link to nothing', 1],
  ['quote.pcrs', 'rubbish', 3],
  ['ak.pub', 'one byte', 3],
  ['ak.pub', "a file of the kernel's, whose size is said to be 0", 3],
  ['ek.der', 'a FIFO that nobody writes into', 3],
  ['ek.der', 'a link to /dev/zero, which never ends', 3],
  ['firmware.log', 'a FIFO that nobody writes into', 3],
  ['firmware.log', '1 GiB, nearly all of it holes', 3],
  ['boot-key.pub', 'a FIFO that nobody writes into', 3],
  ['boot-quote.attest', 'nothing at all', 3],
];

for (const [file, kind, status] of files) {
  test(`${file} is ${kind}: ${status}`, { timeout: 60_000 }, async () => {
    const forged = at('forged');
    await rm(forged, { recursive: true, force: true });
    await cp(at('genuine'), forged, { recursive: true });
    putHostile(kind, join(forged, file));
    const run = await verified(forged, ...reference());
    assert.equal(run.status, status, run.out + run.error);
  });
}

test('the directory itself may be anything', async () => {
  for (const kind of [
    'nothing at all',
    'rubbish',
    'a FIFO that nobody writes into',
    'a directory',
  ]) {
    putHostile(kind, at('instead'));
    const { status } = await verified(at('instead'), ...reference());
    assert.equal(status, 1, kind);
  }
});

test("the verifier's own files: what was edited, is unsigned or is no file proves nothing", async () => {
  const text = await readFile(at('p.reference'), 'utf8');
  const judged = async (...options: string[]) => (await verified(at('genuine'), ...options)).status;
  const forged = platform({ items: ITEMS.slice(0, -1) });
  await writeEvidence(at('other'), forged);

  // Signed, and edited afterwards to expect the forged evidence.
  const edited = text.replace(/,\{[^{}]*"component":"cmdline"[^{}]*\{[^{}]*\}[^{}]*\}\]/, ']');
  assert.notEqual(edited, text);
  await writeFile(at('edited.reference'), edited);
  await cp(at('p.reference.sig'), at('edited.reference.sig'));
  const options = ['--reference', at('edited.reference')];
  assert.equal((await verified(at('other'), ...options, '--key', at('public.pem'))).status, 1);
  assert.equal((await verified(at('other'), ...options)).status, 2);

  for (const name of ['edited.reference', 'edited.reference.sig']) {
    for (const kind of [
      'a FIFO that nobody writes into',
      'a link to /dev/zero, which never ends',
    ]) {
      await writeFile(at('edited.reference'), text);
      putHostile(kind, at(name));
      assert.equal(await judged(...options, '--key', at('public.pem')), 1, `${name}: ${kind}`);
      await rm(at(name));
    }
  }
  for (const option of ['--key', '--ek-roots']) {
    putHostile('a FIFO that nobody writes into', at('pipe'));
    const given = option === '--key' ? ['--reference', at('p.reference')] : reference();
    assert.equal(await judged(...given, option, at('pipe')), 1, option);
  }
});
