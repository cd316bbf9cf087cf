import { type PublicArea, TPM_RH, TPMA_OBJECT } from 'node-tpm2-pts';
import { SoftwareAk } from '../../../lib/software-ak.ts';
import {
  ak,
  type Forgery,
  flipped,
  forger,
  genuine,
  platform,
  quoting,
  without,
} from './forgery.ts';

/** All of it made by a key that says other things of itself. */
const madeBy = (change: (area: PublicArea) => PublicArea, parent: number = TPM_RH.ENDORSEMENT) =>
  platform({ key: new SoftwareAk(change, parent) });

const less = (attribute: number) => (area: PublicArea) => ({
  ...area,
  attributes: area.attributes & ~attribute,
});

/** Whoever has no key of the platform makes another one, or takes what the platform's key signed for something else. */
export const keyForgeries: readonly Forgery[] = [
  {
    name: 'log, quote and boot quote all made in software, for a verifier who enrolled no key',
    has: 'a key in software',
    forged: () => platform({ key: forger }),
    under: () => without('ak'),
    ends: 'unproven: key',
  },
  {
    name: "the same with somebody else's endorsement certificate beside it",
    has: 'a key in software',
    forged: () => ({ ...platform({ key: forger }), ekCertificate: Buffer.from('of another TPM') }),
    under: () => without('ak'),
    ends: 'unproven: key',
  },
  {
    name: 'all made in software',
    has: 'a key in software',
    forged: () => platform({ key: forger }),
    ends: 'refused: key',
  },
  {
    name: 'quoted in software, with the public key of the enrolled one beside it',
    has: 'a key in software',
    forged: () => ({ ...platform({ key: forger }), ak: ak.publicArea }),
    ends: 'refused: quote',
  },
  {
    name: 'a rubbish endorsement certificate, for a verifier who has authorities',
    has: 'a key in software',
    forged: () => ({ ...genuine, ekCertificate: Buffer.from('rubbish') }),
    under: () => ({ ...without(), ekAuthorities: [] }),
    ends: 'refused: ek-certificate',
  },
  {
    name: 'no endorsement certificate, for a verifier who has authorities',
    has: 'the files',
    forged: () => genuine,
    under: () => ({ ...without(), ekAuthorities: [] }),
    ends: 'refused: ek-certificate',
  },
  {
    name: 'another endorsement certificate than the one that was enrolled with the key',
    has: 'the files',
    forged: () => ({ ...genuine, ekCertificate: Buffer.from('another') }),
    under: () => ({ ...without(), ekCertificate: Buffer.from('the enrolled one') }),
    ends: 'refused: ek-certificate',
  },
  {
    name: 'a key that is not restricted: it signs whatever somebody hands to its TPM',
    has: 'a key in software',
    forged: () => madeBy(less(TPMA_OBJECT.RESTRICTED)),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'a key that decrypts, too',
    has: 'a key in software',
    forged: () =>
      madeBy((area) => ({ ...area, attributes: area.attributes | TPMA_OBJECT.DECRYPT })),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'a key that may leave its TPM',
    has: 'a key in software',
    forged: () => madeBy(less(TPMA_OBJECT.FIXED_TPM)),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'a key that was made elsewhere and brought into a TPM',
    has: 'a key in software',
    forged: () => madeBy(less(TPMA_OBJECT.SENSITIVE_DATA_ORIGIN)),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'a key without a scheme, whose owner chooses the hash',
    has: 'a key in software',
    forged: () =>
      madeBy((area) => ({
        ...area,
        key: { ...area.key, signing: undefined } as PublicArea['key'],
      })),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'a key that signs with SHA-1',
    has: 'a key in software',
    forged: () =>
      madeBy((area) => ({
        ...area,
        key: { ...area.key, signing: { scheme: 'ecdsa', hash: 'sha1' } } as PublicArea['key'],
      })),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'a key of the owner hierarchy, where the endorsement hierarchy should be',
    has: 'a key in software',
    forged: () => madeBy((area) => area, TPM_RH.OWNER),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'another policy written into the public area of the enrolled key',
    has: 'the files',
    forged: () => ({ ...genuine, ak: flipped(genuine.ak) }),
    ends: 'refused: quote',
  },
  {
    name: 'a message that no TPM began: another magic number',
    has: 'a key in software',
    forged: () => quoting(genuine.pcrs, genuine, forger, { magic: 0xff544348 }),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'a certification of a key in the place of the quote',
    has: 'dom0',
    forged: () => ({ ...genuine, quote: ak.certify(forger, {}) }),
    ends: 'refused: quote',
  },
  {
    name: 'a message of the right form, but of another type',
    has: 'a key in software',
    forged: () => quoting(genuine.pcrs, genuine, forger, { type: 0x8017 }),
    under: () => without('ak'),
    ends: 'refused: quote',
  },
  {
    name: 'one bit of the signature changed',
    has: 'the files',
    forged: () => ({
      ...genuine,
      quote: { ...genuine.quote, signature: flipped(genuine.quote.signature) },
    }),
    ends: 'refused: quote',
  },
  {
    name: 'one bit of the message changed',
    has: 'the files',
    forged: () => ({
      ...genuine,
      quote: { ...genuine.quote, attest: flipped(genuine.quote.attest) },
    }),
    ends: 'refused: quote',
  },
  {
    name: 'signature and message of nothing',
    has: 'the files',
    forged: () => ({ ...genuine, quote: { attest: Buffer.alloc(0), signature: Buffer.alloc(0) } }),
    ends: 'refused: quote',
  },
];
