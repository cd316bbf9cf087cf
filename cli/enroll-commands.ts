import type { Command, Option } from './command.ts';
import { endorsementAuth, ownerAuth } from './hierarchy-options.ts';

const json: Option = { name: 'json', says: 'Write JSON to standard output, for programs.' };
const secret: Option = {
  name: 'secret',
  value: 'FILE',
  says: 'What stays with the verifier; "challenge.secret" when left out.',
  completes: 'files',
};
const device: Option = {
  name: 'device',
  value: 'TPM',
  says: 'A device, unix:PATH or tcp:HOST:PORT; /dev/tpmrm0 when left out.',
  completes: 'files',
};
const output = (what: string): Option => ({
  name: 'output',
  short: 'o',
  value: 'FILE',
  says: `Write to FILE; "${what}" when left out.`,
  completes: 'files',
});

/** Commands by which a verifier learns that a key is in a TPM. */
export const enrollCommands: readonly Command[] = [
  {
    name: 'enroll challenge',
    summary: 'make what only a TPM with both keys can answer',
    description: [
      'First step of enrolling an attestation key, by the verifier, without a TPM: takes the key (ak.pub) and the endorsement ' +
        "key's certificate (ek.der) from evidence, judges the certificate, and encrypts a secret that only a TPM with both keys " +
        'can read. The challenge goes to the platform; the other file holds the secret and stays.',
    ],
    arguments: [
      {
        name: 'EVIDENCE',
        says: 'A directory as "domb quote" writes it, or what domB handed over.',
        completes: 'files',
      },
    ],
    options: [
      {
        name: 'ek-roots',
        value: 'FILE',
        says: "Certificates of TPM manufacturers: the endorsement key's must be issued under one of them.",
        completes: 'files',
      },
      {
        name: 'ek',
        value: 'FILE',
        says: 'Instead: the endorsement key itself, as tpm2_createek wrote it or in PEM form, which you know to be that of the TPM.',
        completes: 'files',
      },
      output('challenge'),
      secret,
      json,
    ],
    required: [['ek-roots', 'ek']],
    examples: [
      {
        says: 'For a TPM whose manufacturer vouches for it',
        command: 'domb enroll challenge evidence --ek-roots manufacturers.pem',
      },
    ],
  },
  {
    name: 'enroll answer',
    summary: 'answer a challenge, in dom0',
    description: [
      'Second step, on the platform: the TPM makes both keys again and reads the secret, which is written to a file for the ' +
        'verifier. A challenge for another key or another TPM cannot be read.',
    ],
    arguments: [
      { name: 'CHALLENGE', says: 'The file that the verifier sent.', completes: 'files' },
    ],
    options: [output('answer'), device, endorsementAuth],
    examples: [{ says: 'In dom0', command: 'domb enroll answer challenge' }],
  },
  {
    name: 'enroll check',
    summary: 'check the answer and enroll the key',
    description: [
      'Third step, by the verifier: compares the answer with the secret and writes the enrolled key, for "domb verify ' +
        '--enrolled". The secret is removed then: a challenge is for one use. A wrong answer ends with 3.',
      'The file says which key it is, with which endorsement key it is in one TPM, who vouched for that, and when. It is as good as ' +
        'the place where it is kept.',
    ],
    arguments: [
      { name: 'ANSWER', says: 'The file that the platform sent back.', completes: 'files' },
    ],
    options: [output('platform.enrolled'), secret, json],
    examples: [{ says: 'With the files where they are', command: 'domb enroll check answer' }],
  },
  {
    name: 'enroll persist',
    summary: 'have the TPM keep the attestation key, in dom0',
    description: [
      'For TPMs whose endorsement hierarchy has an authorization value: domB has none to give, and takes the key that the TPM keeps. ' +
        'Without one it boots, without a boot quote. It is the same key, with the same name, as "domb quote" makes.',
      'The key is kept at the persistent handle 0x8101d0b0.',
    ],
    arguments: [],
    options: [
      endorsementAuth,
      ownerAuth,
      { name: 'remove', says: 'Have the TPM forget the key.' },
      device,
    ],
    examples: [
      {
        says: 'In dom0, with the values in two files',
        command: 'domb enroll persist --endorsement-auth endorsement.auth --owner-auth owner.auth',
      },
    ],
  },
];
