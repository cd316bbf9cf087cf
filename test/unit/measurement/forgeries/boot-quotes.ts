import { TPM_RH, TPMA_OBJECT } from 'node-tpm2-pts';
import type { BootQuote } from '../../../../measurement/evidence/boot-key.ts';
import { bootNonce } from '../../../../measurement/evidence/evidence.ts';
import { beforeCaps, bootQuoteOf } from '../../../lib/boot-quote.ts';
import {
  ak,
  except,
  expected,
  type Forgery,
  forger,
  genuine,
  platform,
  quoting,
} from './forgery.ts';

const before = beforeCaps(genuine).pcrs;
const boot = (bootQuote: BootQuote) => ({ ...genuine, bootQuote });
const quoted = (changes: Parameters<typeof bootQuoteOf>[2]) =>
  boot(bootQuoteOf(genuine, ak, changes));
const own = genuine.bootQuote ?? bootQuoteOf(genuine, ak);

/** Deceptions about who quoted, and when: what dom0 may do with the attestation key, and what other boots have left. */
export const bootQuoteForgeries: readonly Forgery[] = [
  {
    name: 'a boot key made after the hand-over, for the values of then',
    has: 'dom0',
    forged: () => quoted({ policy: genuine.pcrs, quoted: genuine.pcrs }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'a boot key with the right policy, which a password opens too',
    has: 'dom0',
    forged: () =>
      quoted({
        change: (area) => ({ ...area, attributes: area.attributes | TPMA_OBJECT.USER_WITH_AUTH }),
        quoted: genuine.pcrs,
      }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'a boot key whose policy leaves PCR 13 out, which the cap changed',
    has: 'dom0',
    forged: () => quoted({ policy: except(before, 13) }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'a boot key that outlives resets',
    has: 'dom0',
    forged: () => quoted({ parent: TPM_RH.OWNER }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'the attestation key in the place of the boot key',
    has: 'dom0',
    forged: () => boot({ ...own, key: genuine.ak, quote: genuine.quote }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'a boot key in software, certified by a key in software',
    has: 'a key in software',
    forged: () => quoted({ certifier: forger }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'the boot quote of another boot that measured the same',
    has: 'files of other boots',
    forged: () => boot(bootQuoteOf(platform(), ak, { certification: { resetCount: 7 } })),
    ends: 'refused: boot-quote',
  },
  {
    name: 'the boot quote of before a reset, after which all went the same way',
    has: 'another system on the platform',
    forged: () => quoted({ certification: { resetCount: 0 } }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'the boot quote of before a restart that is no reset',
    has: 'another system on the platform',
    forged: () => quoted({ certification: { restartCount: 7 } }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'a certification that is cut short',
    has: 'the files',
    forged: () => {
      const { attest, signature } = own.certification;
      return boot({ ...own, certification: { attest: attest.subarray(0, -1), signature } });
    },
    ends: 'refused: boot-quote',
  },
  {
    name: 'a boot key without a policy',
    has: 'dom0',
    forged: () => quoted({ change: (area) => ({ ...area, authPolicy: Buffer.alloc(0) }) }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'a boot key that signs what somebody hands to its TPM',
    has: 'dom0',
    forged: () =>
      quoted({
        change: (area) => ({ ...area, attributes: area.attributes & ~TPMA_OBJECT.RESTRICTED }),
      }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'the certification of another boot key',
    has: 'dom0',
    forged: () => boot({ ...own, certification: bootQuoteOf(genuine, ak).certification }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'a boot quote of fewer registers',
    has: 'dom0',
    forged: () => quoted({ quoted: except(before, 4) }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'a boot quote about other logs',
    has: 'dom0',
    forged: () => quoted({ quote: { nonce: Buffer.alloc(32, 1) } }),
    ends: 'refused: boot-quote',
  },
  {
    name: 'no boot quote, for a verifier who judges the quote of the boot',
    has: 'dom0',
    forged: () => {
      const nonce = bootNonce(genuine);
      const { bootQuote: _, ...evidence } = quoting(genuine.pcrs, genuine, ak, { nonce });
      return evidence;
    },
    under: () => ({ ...expected, nonce: 'boot', waived: ['nonce'] }),
    ends: 'unproven: boot-quote',
  },
];
