import { writeFile } from 'node:fs/promises';
import {
  challengeFile,
  makeChallenge,
  type OpenChallenge,
} from '../measurement/enrolment/challenge.ts';
import { certifiedKey, knownKey } from '../measurement/enrolment/endorsement-key.ts';
import type { EnrolledKeys } from '../measurement/enrolment/enrolled-keys.ts';
import { ekChain, readAuthorities } from '../measurement/evidence/ek-chain.ts';
import { type EvidenceKeys, readKeys } from '../measurement/evidence/evidence.ts';
import { readBounded } from '../measurement/read-bounded.ts';
import { requiredValue } from './arguments.ts';
import {
  type ExitStatus,
  Failure,
  type Input,
  RefusedEvidence,
  type Terminal,
  UsageError,
} from './command.ts';
import { enrolledJson, enrolledText } from './enrolled-text.ts';
import { failing, refusing } from './failing.ts';
import { writing } from './output.ts';

/** Bytes; bundles of certificates are smaller. */
const MAX_FILE_SIZE = 1 << 20;

/** `domb enroll challenge EVIDENCE` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  const { values, flags } = input;
  if (values.has('ek') && values.has('ek-roots')) {
    throw new UsageError(
      '--ek and --ek-roots exclude each other',
      'give --ek for a key that you know yourself, --ek-roots for one with a certificate',
    );
  }
  const [directory = ''] = input.arguments;
  const output = values.get('output') ?? 'challenge';
  const secret = values.get('secret') ?? 'challenge.secret';
  const keys = await failing(async () => {
    const found = await readKeys(directory);
    return values.has('ek')
      ? withKnownKey(found, requiredValue(input, 'ek'))
      : withCertificate(found, requiredValue(input, 'ek-roots'));
  });
  const { challenge, open } = await refusing(() => makeChallenge(keys));
  await writing(secret, () => writeSecret(secret, open));
  await writing(output, () => writeFile(output, challenge));
  terminal.write(
    flags.has('json')
      ? `${JSON.stringify({ ...enrolledJson(open), made: open.made, challenge: output, secret }, null, 2)}\n`
      : `${enrolledText(open)}${output}: for the platform, to answer with "domb enroll answer"\n${secret}: stays here, for "domb enroll check"\n`,
  );
  return 0;
}

async function withKnownKey({ ak }: EvidenceKeys, file: string): Promise<EnrolledKeys> {
  return { ak, ek: knownKey(await readBounded(file, MAX_FILE_SIZE)) };
}

async function withCertificate(
  { ak, ekCertificate: der }: EvidenceKeys,
  roots: string,
): Promise<EnrolledKeys> {
  const authorities = readAuthorities(await readBounded(roots, MAX_FILE_SIZE));
  if (der === undefined) {
    throw new RefusedEvidence(
      'there is no ek.der: the TPM has no certificate of its endorsement key',
      'if you know the key yourself, give it with --ek',
    );
  }
  const { problems, root } = ekChain(der, authorities);
  if (problems.length > 0 || root === undefined) {
    throw new RefusedEvidence(
      problems.join('; '),
      'are these the authorities of its manufacturer?',
    );
  }
  const authority = {
    subject: root.subject.replaceAll('\n', ', '),
    sha256: root.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
  return { ak, ek: certifiedKey(der), certificate: { der, authority } };
}

/** Nobody else may read it, and none that is waiting for its answer is lost. */
async function writeSecret(file: string, open: OpenChallenge): Promise<void> {
  await writeFile(file, challengeFile(open), { mode: 0o600, flag: 'wx' }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
    throw new Failure(
      `${file}: there is one already, of a challenge whose answer was not checked`,
      'check its answer, remove it, or name another file with --secret',
    );
  });
}
