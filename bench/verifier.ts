/**
 * Measures domb-verify: its size, and how long it takes beside an empty program, `node bench/verifier.ts`. Each result stands beside what
 * it has to be.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeEvidence } from '../measurement/evidence/evidence.ts';
import { referenceFile } from '../measurement/evidence/reference.ts';
import { runProgram } from '../platform/lib/run.ts';
import { bundleVerifier } from '../platform/package/verifier.ts';
import { domb } from '../test/lib/domb.ts';
import { evidenceOf, ITEMS, NONCE } from '../test/lib/evidence.ts';
import { judge, race } from './contest.ts';

/** KiB of 1024 bytes. */
const MOST_SIZE = 512;
/** Times an empty program: to say its version, and to reach a verdict about small evidence. */
const goals = { 'domb-verify --version': 2, 'domb-verify verify': 4 };

const directory = await mkdtemp(join(tmpdir(), 'domb-bench-'));
const at = (name: string) => join(directory, name);
try {
  const { program } = await bundleVerifier();
  await writeFile(at('domb-verify.cjs'), program);
  await writeFile(at('empty.cjs'), '');
  await writeEvidence(at('evidence'), evidenceOf());
  const reference = { pcr: 13, bootPcr: 12, items: ITEMS, pcrs: new Map() };
  await writeFile(at('reference'), referenceFile(reference));
  const kibibytes = program.length / 1024;
  judge('KiB', kibibytes.toFixed(0), `less than ${MOST_SIZE}`, kibibytes < MOST_SIZE);
  const options = ['--nonce', NONCE.toString('hex'), '--reference', at('reference')];
  const verify = ['verify', at('evidence'), ...options, '--allow-unsigned'];
  const times = await race({
    'an empty program': () => runProgram(process.execPath, [at('empty.cjs')]),
    'domb-verify --version': () =>
      runProgram(process.execPath, [at('domb-verify.cjs'), '--version']),
    // Whatever the verdict is: that a key which nobody enrolled proves nothing is no failure here.
    'domb-verify verify': () =>
      domb(verify, { program: [process.execPath, at('domb-verify.cjs')], cwd: directory }),
  });
  const empty = times.get('an empty program') ?? Number.NaN;
  for (const [name, time] of times) console.log(`  ${name.padEnd(28)} ${time.toFixed(0)} ms`);
  for (const [name, goal] of Object.entries(goals)) {
    const ratio = (times.get(name) ?? Number.NaN) / empty;
    judge(`${name}, times empty`, ratio.toFixed(2), `less than ${goal}`, ratio < goal);
  }
} finally {
  await rm(directory, { recursive: true });
}
