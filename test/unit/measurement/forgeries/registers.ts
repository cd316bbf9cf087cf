import { type HashAlgorithm, hashSize, type PcrValues } from 'node-tpm2-pts';
import { bootNonce } from '../../../../measurement/evidence/evidence.ts';
import {
  ak,
  changed,
  except,
  expected,
  type Forgery,
  genuine,
  only,
  other,
  quoting,
  without,
} from './forgery.ts';

const bank = (...names: HashAlgorithm[]): PcrValues =>
  new Map([...genuine.pcrs].filter(([name]) => names.includes(name)));

/** A register more, in all banks. */
const added = (pcr: number): PcrValues =>
  new Map(
    [...genuine.pcrs].map(([name, values]) => [
      name,
      new Map([...values, [pcr, Buffer.alloc(hashSize(name), 5)]]),
    ]),
  );

/** What 12 and 13 hold, the other way round. */
const swapped: PcrValues = new Map(
  [...genuine.pcrs].map(([name, values]) => [
    name,
    new Map(
      [...values].map(([pcr, value]) => [
        pcr,
        (pcr === 12 ? values.get(13) : pcr === 13 ? values.get(12) : undefined) ?? value,
      ]),
    ),
  ]),
);

const empty = changed(genuine.pcrs, 4, (value) => Buffer.alloc(value.length));
const short = Buffer.alloc(15, 1);

/** Quotes of another time, of too little, or beside other values. */
export const registerForgeries: readonly Forgery[] = [
  {
    name: 'a quote that was made for another nonce',
    has: 'files of other boots',
    forged: () => quoting(genuine.pcrs, genuine, ak, { nonce: Buffer.alloc(32, 9) }),
    ends: 'refused: quote',
  },
  {
    name: 'a quote without a nonce',
    has: 'files of other boots',
    forged: () => quoting(genuine.pcrs, genuine, ak, { nonce: Buffer.alloc(0) }),
    ends: 'refused: quote',
  },
  {
    name: 'a nonce that was guessed, as it is short',
    has: 'dom0',
    forged: () => quoting(genuine.pcrs, genuine, ak, { nonce: short }),
    under: () => ({ ...expected, nonce: short }),
    ends: 'unproven: nonce',
  },
  {
    name: 'the quote of an earlier boot, for a verifier who sends no nonce',
    has: 'files of other boots',
    forged: () => quoting(genuine.pcrs, genuine, ak, { nonce: bootNonce(genuine) }),
    under: () => ({ ...expected, nonce: 'boot' }),
    ends: 'unproven: nonce',
  },
  {
    name: "the same, whose digest of the logs is called the verifier's nonce",
    has: "the verifier's side",
    forged: () => quoting(genuine.pcrs, genuine, ak, { nonce: bootNonce(genuine) }),
    under: () => ({ ...expected, nonce: bootNonce(genuine) }),
    ends: 'unproven: nonce',
  },
  {
    name: 'a fresh quote in the place of that of the boot',
    has: 'dom0',
    forged: () => genuine,
    under: () => ({ ...expected, nonce: 'boot' }),
    ends: 'refused: quote',
  },
  {
    name: 'the measured register is not quoted',
    has: 'dom0',
    forged: () => quoting(except(genuine.pcrs, 13)),
    ends: 'refused: log',
  },
  {
    name: "the register of the boot's own log is not quoted",
    has: 'dom0',
    forged: () => quoting(except(genuine.pcrs, 12)),
    ends: 'refused: boot-log',
  },
  {
    name: "the firmware's registers are not quoted",
    has: 'dom0',
    forged: () => quoting(only(genuine.pcrs, [12, 13, 14])),
    ends: 'refused: boot-quote',
  },
  {
    name: 'only PCR 4 is left out of the quote',
    has: 'dom0',
    forged: () => quoting(except(genuine.pcrs, 4)),
    ends: 'refused: boot-quote',
  },
  {
    name: 'only the SHA-1 bank is quoted',
    has: 'dom0',
    forged: () => quoting(bank('sha1')),
    ends: 'refused: log',
  },
  {
    name: 'a bank of the log is not quoted',
    has: 'dom0',
    forged: () => quoting(bank('sha1', 'sha256')),
    ends: 'refused: log',
  },
  {
    name: 'nothing is quoted',
    has: 'a key in software',
    forged: () => quoting(new Map()),
    ends: 'refused: evidence',
  },
  {
    name: 'other values beside the quote',
    has: 'the files',
    forged: () => ({ ...genuine, pcrs: changed(genuine.pcrs, 4, other) }),
    ends: 'refused: quote',
  },
  {
    name: 'a value more beside the quote',
    has: 'the files',
    forged: () => ({ ...genuine, pcrs: added(15) }),
    ends: 'refused: quote',
  },
  {
    name: 'a value less beside the quote',
    has: 'the files',
    forged: () => ({ ...genuine, pcrs: except(genuine.pcrs, 7) }),
    ends: 'refused: quote',
  },
  {
    name: 'a bank less beside the quote',
    has: 'the files',
    forged: () => ({ ...genuine, pcrs: bank('sha1', 'sha256') }),
    ends: 'refused: quote',
  },
  {
    name: 'the values of two registers exchanged',
    has: 'the files',
    forged: () => ({ ...genuine, pcrs: swapped }),
    ends: 'refused: quote',
  },
  {
    name: 'the same, and quoted so',
    has: 'a key in software',
    forged: () => quoting(swapped),
    ends: 'refused: log',
  },
  {
    name: 'a register that holds something and has no log',
    has: 'dom0',
    forged: () => quoting(added(15)),
    ends: 'refused: registers',
  },
  {
    name: 'another kernel that measures what domB measures',
    has: 'another system on the platform',
    forged: () => quoting(changed(genuine.pcrs, 4, other)),
    ends: 'refused: launch-chain',
  },
  {
    name: 'the same, for a verifier who expects nothing of PCR 4',
    has: 'another system on the platform',
    forged: () => quoting(changed(genuine.pcrs, 4, other)),
    under: () => ({ ...expected, pcrs: only(genuine.pcrs, [7]) }),
    ends: 'unproven: launch-chain',
  },
  {
    name: 'a machine whose firmware measures nothing, for a verifier who expects that',
    has: "the verifier's side",
    forged: () => quoting(empty),
    under: () => ({ ...expected, pcrs: only(empty, [4, 7]) }),
    ends: 'unproven: launch-chain',
  },
  {
    name: "somebody else's keys in Secure Boot",
    has: 'another system on the platform',
    forged: () => quoting(changed(genuine.pcrs, 7, other)),
    ends: 'refused: secure-boot',
  },
  {
    name: 'the same, for a verifier who expects Secure Boot and nothing of PCR 7',
    has: 'another system on the platform',
    forged: () => quoting(changed(genuine.pcrs, 7, other)),
    under: () => ({ ...expected, pcrs: only(genuine.pcrs, [4]) }),
    ends: 'unproven: secure-boot',
  },
  {
    name: 'other firmware, for a verifier who learned what PCR 0 should be',
    has: 'another system on the platform',
    forged: () => quoting(changed(genuine.pcrs, 0, other)),
    under: () => ({ ...expected, pcrs: only(genuine.pcrs, [0, 4, 7]) }),
    ends: 'refused: firmware',
  },
  {
    name: 'PCR 4 as expected in SHA-1, and other values in the other banks',
    has: 'another system on the platform',
    forged: () =>
      quoting(
        changed(genuine.pcrs, 4, (value, name) => (name === 'sha1' ? value : other(value, name))),
      ),
    ends: 'refused: launch-chain',
  },
  {
    name: 'a reference that has PCR 4 in SHA-1 alone',
    has: "the verifier's side",
    forged: () => genuine,
    under: () => ({
      ...expected,
      pcrs: new Map([...(expected.pcrs ?? [])].filter(([name]) => name === 'sha1')),
    }),
    ends: 'refused: launch-chain',
  },
  {
    name: 'a reference that has another PCR 4',
    has: "the verifier's side",
    forged: () => genuine,
    under: () => ({ ...expected, pcrs: changed(expected.pcrs ?? new Map(), 4, other) }),
    ends: 'refused: launch-chain',
  },
  {
    name: 'nothing is expected of the items',
    has: 'a part of the boot',
    forged: () => genuine,
    under: () => without('items'),
    ends: 'unproven: items',
  },
];
