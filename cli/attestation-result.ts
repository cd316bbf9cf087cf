import { writeFile } from 'node:fs/promises';
import { policyName } from '../measurement/ear/policy-name.ts';
import { type EarProfile, earProfiles } from '../measurement/ear/profiles.ts';
import { earClaims } from '../measurement/ear/result.ts';
import { type ResultKey, readResultKey, signClaims } from '../measurement/ear/sign.ts';
import type { Expectation } from '../measurement/evidence/expectation.ts';
import type { Verdict } from '../measurement/evidence/verdict.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import project from '../package.json' with { type: 'json' };
import { type Input, type Terminal, UsageError } from './command.ts';
import { writing } from './output.ts';

/** Bytes; private keys are smaller. */
const MAX_KEY_SIZE = 1 << 16;

/** A wish for a verdict that others can read and trust: an EAT attestation result. */
export interface ResultOrder {
  readonly key: ResultKey;
  readonly profile: EarProfile;
  /** Standard output, instead of the verdict's text, when undefined. */
  readonly file: string | undefined;
}

/** What --ear and its like ask for. Wrong usage is said, and the key read, before anything is judged. */
export async function resultOrder({ values, flags }: Input): Promise<ResultOrder | undefined> {
  const [keyFile, file] = [values.get('ear'), values.get('ear-out')];
  const profile = earProfile(values.get('ear-profile'));
  if (keyFile === undefined) {
    for (const name of ['ear-out', 'ear-profile'].filter((each) => values.has(each))) {
      throw new UsageError(`--${name} is of no use alone`, 'add --ear KEY');
    }
    return undefined;
  }
  if (file === undefined && flags.has('json')) {
    throw new UsageError('--ear and --json exclude each other on standard output', 'add --ear-out');
  }
  return { key: readResultKey(await readBounded(keyFile, MAX_KEY_SIZE), keyFile), profile, file };
}

function earProfile(name = 'veraison'): EarProfile {
  const known = Object.entries(earProfiles).find(([each]) => each === name);
  if (known !== undefined) return known[1];
  throw new UsageError(
    `--ear-profile: there is no profile "${name}"`,
    `choose from ${Object.keys(earProfiles).join(', ')}`,
  );
}

/** Signs and writes the result. @param expected what the evidence was compared with; undefined where it was too damaged for that */
export async function issueResult(
  { key, profile, file }: ResultOrder,
  verdict: Verdict,
  expected: Expectation | undefined,
  terminal: Terminal,
): Promise<void> {
  const claims = earClaims(verdict, {
    profile,
    verifier: { developer: project.name, build: `${project.name} ${project.version}` },
    issuedAt: Math.floor(Date.now() / 1000),
    nonce: expected?.nonce === 'boot' ? undefined : expected?.nonce,
    policy: expected && policyName(expected),
  });
  const token = signClaims(claims, key);
  if (file === undefined) terminal.write(`${token}\n`);
  else await writing(file, () => writeFile(file, token));
}
