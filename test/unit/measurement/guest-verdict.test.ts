/** What a guest shows of itself, and every way to show something else. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { akTemplate, TPMA_OBJECT } from 'node-tpm2-pts';
import type { MeasuredItem } from '../../../measurement/events.ts';
import { ekChainProblems } from '../../../measurement/evidence/ek-chain.ts';
import type { Evidence } from '../../../measurement/evidence/evidence.ts';
import { type GapId, gaps } from '../../../measurement/evidence/verdict.ts';
import { verifyEvidence } from '../../../measurement/evidence/verify.ts';
import { newAuthority } from '../../../measurement/guest-tpm/authority.ts';
import type { GuestEvidence } from '../../../measurement/guest-tpm/evidence.ts';
import type { GuestCheckId, GuestGapId } from '../../../measurement/guest-tpm/guest-verdict.ts';
import { verifyGuest } from '../../../measurement/guest-tpm/verify-guest.ts';
import { bootItems, ITEMS, NONCE } from '../../lib/evidence.ts';
import {
  GUESTS,
  type GuestTpmShape,
  guestEvidence,
  guestItems,
  launchPcrs,
} from '../../lib/guest-evidence.ts';
import { SoftwareAk } from '../../lib/software-ak.ts';
import { ak, changed, expected, flipped, other, platform } from './forgeries/forgery.ts';

const UUIDS = {
  ledger: '5d2b1f1e-8f0e-4c9e-9d0a-1c7a5f3e2b07',
  signer: '6fae7e2c-5a1c-4b43-9d7b-3a50a8b6c0f1',
} as const;

/** A configuration in which two guests have TPMs that vtpm serves. */
const items: readonly MeasuredItem[] = [
  ...ITEMS.map((item) =>
    item.event === 'configuration'
      ? {
          ...item,
          configuration: {
            version: 1,
            domains: [{ name: 'dom0' }, { name: 'vtpm' }, ...Object.values(GUESTS)],
          },
        }
      : item,
  ),
  ...guestItems('ledger'),
  ...guestItems('signer'),
];

const authority = newAuthority();
const measured = (made = authority, domain = 'vtpm'): MeasuredItem => ({
  ...{ event: 'vtpm-authority', domain },
  publicKey: made.publicKey.toString('hex'),
});
const identities: MeasuredItem[] = (['ledger', 'signer'] as const).map((name) => ({
  ...{ event: 'identity', domain: name },
  ...{ domid: GUESTS[name].domid, uuid: UUIDS[name] },
}));

/** A platform's evidence, with these events in its boot log beside the usual ones. */
const booted = (...further: MeasuredItem[]): Evidence =>
  platform({ items, boot: [...bootItems(ak), ...further] });

const genuine = booted(...identities, measured());
const ledgerAk = new SoftwareAk();
const shape: GuestTpmShape = { name: 'ledger', uuid: UUIDS.ledger, authority, ak: ledgerAk };
const signer: GuestTpmShape = { name: 'signer', uuid: UUIDS.signer, authority };

const judge = (
  guest: GuestEvidence,
  evidence: Evidence | undefined = genuine,
  domain = 'ledger',
) => {
  const waived = Object.keys(gaps) as GapId[];
  const verdict = evidence && verifyEvidence(evidence, { ...expected, items, waived });
  return verifyGuest(guest, { domain, nonce: NONCE }, verdict);
};

test('what a guest shows is proven together with its platform', () => {
  const { outcome, findings, gaps: open, notes } = judge(guestEvidence(shape));
  assert.deepEqual(
    findings.map(({ check, ok }) => [check, ok]),
    ['evidence', 'quote', 'key', 'identity', 'launch'].map((name) => [`guest-${name}`, true]),
  );
  assert.equal(outcome, 'proven');
  assert.deepEqual(open, []);
  assert.match(findings.map(({ says }) => says).join('\n'), /ledger, domain 1, 5d2b.*guarded_t/);
  assert.match(notes.join(), /further registers \(0, 1, 2, 3, 4, 5, 6, 7\)/);
});

test('further registers are the guest’s own, and quoted with it', () => {
  const pcrs = changed(launchPcrs('ledger', UUIDS.ledger), 5, other);
  assert.equal(judge(guestEvidence({ ...shape, pcrs })).outcome, 'proven');
});

test('without evidence of its platform nothing is proven, whatever the guest shows', () => {
  for (const made of [authority, newAuthority()]) {
    const guest = guestEvidence({ ...shape, authority: made });
    const { outcome, gaps: open } = verifyGuest(
      guest,
      { domain: 'ledger', nonce: NONCE },
      undefined,
    );
    assert.equal(outcome, 'unproven');
    assert.deepEqual(
      open.map(({ gap }) => gap),
      ['guest-platform'],
    );
  }
});

test('nor is it on a platform that is not proven, and on one that is refused it is refused', () => {
  const guest = guestEvidence(shape);
  const open = verifyEvidence(genuine, { nonce: NONCE, pcr: 13, bootPcr: 12 });
  assert.equal(open.outcome, 'unproven');
  assert.equal(verifyGuest(guest, { domain: 'ledger', nonce: NONCE }, open).outcome, 'unproven');
  const wrong = verifyEvidence(genuine, { ...expected, items: ITEMS });
  assert.equal(wrong.outcome, 'refused');
  assert.equal(verifyGuest(guest, { domain: 'ledger', nonce: NONCE }, wrong).outcome, 'refused');
});

const area = akTemplate('ecc-p256');
const unrestricted = new SoftwareAk((own) => ({
  ...own,
  attributes: area.attributes & ~TPMA_OBJECT.RESTRICTED,
}));

/** Who wants to be taken for ledger, and where that ends. */
const forgeries: readonly {
  name: string;
  guest: () => GuestEvidence;
  on?: Evidence;
  ends: GuestCheckId | GuestGapId;
}[] = [
  {
    name: "another guest's evidence, as it is",
    guest: () => guestEvidence(signer),
    ends: 'guest-identity',
  },
  {
    name: "this guest's certificate, and a quote by another guest's TPM",
    guest: () => ({
      ...guestEvidence(signer),
      akCertificate: guestEvidence(shape).akCertificate,
    }),
    ends: 'guest-key',
  },
  {
    name: "another guest's certificate, and a quote of this guest's TPM",
    guest: () => ({
      ...guestEvidence(shape),
      akCertificate: guestEvidence(signer).akCertificate,
    }),
    ends: 'guest-key',
  },
  {
    name: "another guest's TPM, whose registers hold what this guest's do",
    guest: () => guestEvidence({ ...signer, pcrs: launchPcrs('ledger', UUIDS.ledger) }),
    ends: 'guest-identity',
  },
  {
    name: 'an authority that somebody made',
    guest: () => guestEvidence({ ...shape, authority: newAuthority() }),
    ends: 'guest-key',
  },
  {
    name: 'the guest of an earlier boot, of which there is a certificate still',
    guest: () => guestEvidence({ ...shape, authority: newAuthority(), uuid: UUIDS.signer }),
    ends: 'guest-key',
  },
  {
    name: "the platform's evidence of another boot",
    guest: () => guestEvidence(shape),
    on: booted(...identities, measured(newAuthority())),
    ends: 'guest-key',
  },
  {
    name: 'an authority over the TPMs that another domain serves',
    guest: () => guestEvidence(shape),
    on: booted(...identities, measured(authority, 'dom0'), measured(newAuthority())),
    ends: 'guest-key',
  },
  {
    name: 'two authorities for one domain',
    guest: () => guestEvidence(shape),
    on: booted(...identities, measured(newAuthority()), measured()),
    ends: 'guest-identity',
  },
  {
    name: 'no authority at all',
    guest: () => guestEvidence(shape),
    on: booted(...identities),
    ends: 'guest-identity',
  },
  {
    name: 'an authority that is no key',
    guest: () => guestEvidence(shape),
    on: booted(...identities, { event: 'vtpm-authority', domain: 'vtpm', publicKey: '00ff' }),
    ends: 'guest-identity',
  },
  {
    name: 'a domain of the same name with another UUID',
    guest: () => guestEvidence({ ...shape, uuid: UUIDS.signer }),
    ends: 'guest-identity',
  },
  {
    name: 'the same with another domid',
    guest: () => guestEvidence({ ...shape, statement: { domid: 7 } }),
    ends: 'guest-identity',
  },
  {
    name: "a domain of dom0's own, which has the UUID",
    guest: () => {
      const { domain: _, ...guest } = { domain: '', domid: 1, uuid: UUIDS.ledger };
      const made = guestEvidence({ ...shape, statement: { ...guest } });
      const nameless = guestEvidence({ ...shape, statement: { domain: undefined } as object });
      return { ...made, akCertificate: nameless.akCertificate };
    },
    ends: 'guest-identity',
  },
  {
    name: 'an old quote',
    guest: () => guestEvidence({ ...shape, overrides: { nonce: Buffer.from('of yesterday') } }),
    ends: 'guest-quote',
  },
  {
    name: 'a quote of other values',
    guest: () => ({ ...guestEvidence(shape), pcrs: launchPcrs('ledger', UUIDS.signer) }),
    ends: 'guest-quote',
  },
  {
    name: "a signature of somebody else's",
    guest: () => ({ ...guestEvidence(shape), quote: guestEvidence(signer).quote }),
    ends: 'guest-quote',
  },
  {
    name: 'a key that signs whatever it is given',
    guest: () => guestEvidence({ ...shape, ak: unrestricted }),
    ends: 'guest-quote',
  },
  {
    name: 'a key of software, beside the certificate of the true one',
    guest: () => guestEvidence({ ...shape, ak: new SoftwareAk(), certified: ledgerAk }),
    ends: 'guest-key',
  },
  {
    name: "the endorsement key's certificate",
    guest: () => guestEvidence({ ...shape, kind: 'ek' }),
    ends: 'guest-key',
  },
  {
    name: 'a guest that was built from something else',
    guest: () =>
      guestEvidence({
        ...shape,
        pcrs: changed(launchPcrs('ledger', UUIDS.ledger), 8, other),
      }),
    ends: 'guest-launch',
  },
  {
    name: 'a certificate that says another launch',
    guest: () =>
      guestEvidence({ ...shape, statement: { launch: { sha256: { 8: '00', 9: '00' } } } }),
    ends: 'guest-launch',
  },
  {
    name: 'a certificate that says nothing of it',
    guest: () => guestEvidence({ ...shape, statement: { launch: {} } }),
    ends: 'guest-launch',
  },
  {
    name: 'a quote that leaves the launch out',
    guest: () => {
      const all = launchPcrs('ledger', UUIDS.ledger).get('sha256') ?? new Map();
      const pcrs = new Map([['sha256', new Map([...all].filter(([pcr]) => pcr !== 8))] as const]);
      return guestEvidence({ ...shape, pcrs });
    },
    ends: 'guest-launch',
  },
  {
    name: 'a certificate with a bit changed',
    guest: () => {
      const made = guestEvidence(shape);
      return { ...made, akCertificate: flipped(made.akCertificate, made.akCertificate.length - 9) };
    },
    ends: 'guest-key',
  },
  {
    name: 'no certificate',
    guest: () => ({ ...guestEvidence(shape), akCertificate: Buffer.from('no') }),
    ends: 'guest-evidence',
  },
  {
    name: 'the certificate of the authority',
    guest: () => ({ ...guestEvidence(shape), akCertificate: authority.certificate }),
    ends: 'guest-evidence',
  },
  {
    name: 'no key',
    guest: () => ({ ...guestEvidence(shape), ak: Buffer.from('no') }),
    ends: 'guest-evidence',
  },
];

for (const { name, guest, on, ends } of forgeries) {
  test(`refused as ledger: ${name}`, () => {
    const { outcome, findings } = judge(guest(), on);
    assert.equal(outcome, 'refused');
    assert.equal(findings.find(({ ok }) => !ok)?.check, ends);
  });
}

test('refused: a guest that has no TPM, or is none', () => {
  for (const domain of ['dom0', 'nobody']) {
    const { outcome, findings } = judge(guestEvidence(shape), genuine, domain);
    assert.equal(outcome, 'refused');
    assert.equal(findings.find(({ ok }) => !ok)?.check, 'guest-identity');
  }
});

test("a guest's TPM is not taken for a machine's, even by who takes its authority for a manufacturer", () => {
  const { akCertificate } = guestEvidence({ ...shape, kind: 'ek' });
  const problems = ekChainProblems(akCertificate, [new X509Certificate(authority.certificate)]);
  assert.deepEqual(problems, ["the EK certificate is one of a guest's TPM, not of a machine's"]);
});

test("a guest's quote is no quote of the platform's, where its key is known", () => {
  const { ak: key, pcrs, quote } = guestEvidence(shape);
  const { outcome, findings } = verifyEvidence(
    { ...genuine, ak: key, pcrs, quote },
    { ...expected, items },
  );
  assert.equal(outcome, 'refused');
  assert.ok(findings.some(({ check, ok }) => check === 'key' && !ok));
});

test('no bit of what a guest shows is without meaning, and none makes the verdict fail', () => {
  const made = guestEvidence(shape);
  const platformVerdict = verifyEvidence(genuine, {
    ...{ ...expected, items },
    waived: Object.keys(gaps) as GapId[],
  });
  const outcome = (guest: GuestEvidence) =>
    verifyGuest(guest, { domain: 'ledger', nonce: NONCE }, platformVerdict).outcome;
  assert.equal(outcome(made), 'proven');
  const { attest, signature } = made.quote;
  for (const [whole, put] of [
    [made.ak, (ak: Buffer) => ({ ...made, ak })],
    [made.akCertificate, (akCertificate: Buffer) => ({ ...made, akCertificate })],
    [attest, (bytes: Buffer) => ({ ...made, quote: { attest: bytes, signature } })],
    [signature, (bytes: Buffer) => ({ ...made, quote: { attest, signature: bytes } })],
  ] as const) {
    for (let at = 0; at < whole.length; at++) {
      assert.equal(outcome(put(flipped(whole, at))), 'refused', `byte ${at} of ${whole.length}`);
      assert.equal(outcome(put(whole.subarray(0, at))), 'refused', `${at} bytes`);
    }
  }
});
